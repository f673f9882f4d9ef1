# SPDX-License-Identifier: GPL-2.0-or-later
"""Work of an algorithm that QGIS allows in the main thread alone."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from qgis.PyQt.QtCore import QCoreApplication, QObject, QThread, pyqtSignal, pyqtSlot

from ..errors import PluginError, RenderFailed, RunCancelled

_LOOK_S = 0.05


def in_main_thread(work: Callable[[], object], is_cancelled: Callable[[], bool]) -> None:
    """Has it done there, and waits for it; raises what it raises.

    Raises:
        RenderFailed: it broke off.
        RunCancelled: the user gave up before it was done.
    """
    call = _Call(work)
    if QThread.currentThread() is call.thread():
        call.carry_out()
    else:
        call.wanted.emit()
    while not call.done.wait(_LOOK_S):
        if is_cancelled():
            call.forgotten.set()
            raise RunCancelled("while the main thread was waited for")
    if call.error is not None:
        raise call.error
    if not call.succeeded:  # QGIS has told of what nobody foresaw
        raise RenderFailed("the work in the main thread broke off")


class _Call(QObject):
    """Lives in the main thread."""

    wanted = pyqtSignal()

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self.done, self.forgotten = Event(), Event()
        self.error: PluginError | None = None
        self.succeeded = False
        self._work = work
        self.moveToThread(QCoreApplication.instance().thread())
        self.wanted.connect(self.carry_out)

    @pyqtSlot()
    def carry_out(self) -> None:
        """Called in the main thread."""
        try:
            if not self.forgotten.is_set():
                self._work()
                self.succeeded = True
        except PluginError as error:
            self.error = error
        finally:
            self.done.set()
