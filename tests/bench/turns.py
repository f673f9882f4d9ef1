"""Engines timed by turns: each in a process of its own, all in memory, one at work at a time.

What slows the machine down for a minute then slows all of them down, and their ratios stay what they are.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping

_DONE = "done"


class Turns:
    """A neighbouring program that does a part of its work whenever it is told to."""

    def __init__(self, module: str, *arguments: object) -> None:
        command = [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def take(self, part: str, repeat: int = 0) -> None:
        """Waits until a part is done; RuntimeError where the program ends instead."""
        print(part, repeat, file=self._process.stdin, flush=True)
        if (said := self._process.stdout.readline().strip()) != _DONE:
            raise RuntimeError(f"{part} {repeat}: {self._process.args} said {said!r}")

    def end(self) -> dict:
        """What the program tells at its end."""
        told, _nothing = self._process.communicate()
        return json.loads(told)


def take_turns(parts: Mapping[str, Callable[[int], object]]) -> None:
    """The program's side: does the parts that it is told to, until there are no more."""
    for line in iter(sys.stdin.readline, ""):
        part, repeat = line.split()
        parts[part](int(repeat))
        print(_DONE, flush=True)
