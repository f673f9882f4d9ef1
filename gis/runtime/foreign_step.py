# SPDX-License-Identifier: GPL-2.0-or-later
"""Run by the Python that is prepared or prepares, never by QGIS's: one step, which ends when QGIS does.

``foreign_step.py QGIS run MODULE ARGUMENTS...`` is ``python -m MODULE ARGUMENTS...``;
``foreign_step.py QGIS check MODULES...`` imports them and prints what is installed; QGIS is its process id.
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
from typing import Any

FACTS = "lspace-facts: "
"""Before the line of facts: packages may print whatever they like around it."""
_SYNCHRONIZE, _FOR_EVER = 0x00100000, 0xFFFFFFFF  # of the Windows API


def main() -> None:
    """Does what the arguments say."""
    del sys.path[0]  # this folder, whose names are no concern of other packages
    _, qgis, verb, *arguments = sys.argv
    if os.name == "posix":
        _end_with_input()
    else:
        _end_with_process(int(qgis))
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


def _end_with_input() -> None:
    if os.getpid() != os.getpgrp():
        os.setsid()
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)


def _end_with_process(process_id: int) -> None:
    """For Windows, where imports hang while another thread reads a piped stdin (numpy issue 24290)."""
    import ctypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined, unused-ignore]
    kernel.OpenProcess.argtypes = [ctypes.c_uint32, ctypes.c_int, ctypes.c_uint32]
    kernel.OpenProcess.restype = ctypes.c_void_p
    kernel.WaitForSingleObject.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    handle = kernel.OpenProcess(_SYNCHRONIZE, 0, process_id)
    if handle:
        threading.Thread(target=_wait_for_process, args=(kernel, handle), daemon=True).start()


def _wait_for_process(kernel: Any, handle: int) -> None:
    kernel.WaitForSingleObject(handle, _FOR_EVER)
    os._exit(1)


if __name__ == "__main__":
    main()
