# SPDX-License-Identifier: GPL-2.0-or-later
"""Run by the Python that is prepared or prepares, never by QGIS's: one step, which ends with its parent.

``foreign_step.py run MODULE ARGUMENTS...`` is ``python -m MODULE ARGUMENTS...``;
``foreign_step.py check MODULES...`` imports them and prints what is installed.
On POSIX it leads a process group of its own, so that it can be ended with all that it started.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import runpy
import signal
import sys
import threading

FACTS = "lspace-facts: "
"""Before the line of facts: packages may print whatever they like around it."""


def main() -> None:
    """Does what the arguments say."""
    del sys.path[0]  # this folder, whose names are no concern of other packages
    _, verb, *arguments = sys.argv
    if os.name == "posix":
        _end_with_parent()
    if verb == "check":
        check(arguments)
    else:
        sys.argv = arguments
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def check(names: list[str]) -> None:
    """Imports the modules, those of the working directory too."""
    sys.path.insert(0, os.getcwd())
    for name in names:
        importlib.import_module(name)
    packages = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    facts = {"python_version": platform.python_version(), "packages": packages}
    print(FACTS + json.dumps(facts), flush=True)  # noqa: T201


def _end_with_parent() -> None:
    if os.getpid() != os.getpgrp():
        os.setsid()
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
