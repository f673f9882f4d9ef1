"""Programs that are run once: their lines, their end, and that nothing of them is left."""

from __future__ import annotations

import os
import sys

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.child_process import ChildProcess
from processes import is_running

LEADER = """
import os, subprocess, sys, time
os.setsid()
print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""


def child(qtbot, script, program=sys.executable):
    process = ChildProcess(program, ["-c", script])
    process.lines, process.ends, process.is_gone = [], [], []
    process.line_read.connect(process.lines.append)
    process.ended.connect(process.ends.append)
    process.gone.connect(lambda: process.is_gone.append(True))
    return process


def test_every_line_is_told_the_last_one_without_an_end_too(qtbot):
    process = child(qtbot, "print('one'); print('zwölf', end='', flush=True)")
    process.start()
    qtbot.waitUntil(lambda: bool(process.ends), timeout=20_000)
    assert process.lines == ["one", "zwölf"]
    assert process.ends[0].output == "one\nzwölf"
    assert process.ends[0].is_good


def test_a_program_that_is_not_there_says_so_and_was_never_started(qtbot):
    process = child(qtbot, "", "/no/such/python")
    process.start()
    qtbot.waitUntil(lambda: bool(process.ends), timeout=20_000)
    ending = process.ends[0]
    assert (ending.exit_code, ending.has_started) == (None, False)
    assert ending.log


@pytest.mark.parametrize("way", ["given up", "too slow"])
def test_its_children_end_with_it(qtbot, way):
    process = child(qtbot, LEADER)
    process.start(3000 if way == "too slow" else None)
    qtbot.waitUntil(lambda: bool(process.lines), timeout=20_000)
    grandchild = int(process.lines[0])
    assert is_running(grandchild)
    if way == "given up":
        process.give_up()
        qtbot.waitUntil(lambda: bool(process.is_gone), timeout=20_000)
        assert process.ends == []
    else:
        qtbot.waitUntil(lambda: bool(process.ends), timeout=20_000)
        assert process.ends[0].log == "no answer within 3 s"
    qtbot.waitUntil(lambda: not is_running(grandchild), timeout=20_000)
    assert is_running(os.getpid())


def test_what_is_given_up_after_its_end_is_gone_at_once(qtbot):
    process = child(qtbot, "print(1)")
    process.start()
    qtbot.waitUntil(lambda: bool(process.ends), timeout=20_000)
    process.give_up()
    assert process.is_gone
