# SPDX-License-Identifier: GPL-2.0-or-later
"""A long piece of work as the options page tells it; it goes on while the dialog is closed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from qgis.PyQt.QtCore import QObject, pyqtSignal

MOST_LINES = 500


class Activity(QObject):
    """What is being done, how far it is, and the last lines that it wrote."""

    changed = pyqtSignal()
    logged = pyqtSignal(str)
    """One line."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.words = ""
        """What it does, or what came of it."""
        self.share: float | None = None
        """0..1 of all, or None where nobody can know."""
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._cancel: Callable[[], None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self._cancel is not None

    @property
    def lines(self) -> tuple[str, ...]:
        """The last ones, the oldest first."""
        return tuple(self._lines)

    def begin(self, words: str, cancel: Callable[[], None]) -> None:
        """Starts anew, with an empty log."""
        self._lines.clear()
        self._cancel = cancel
        self.progress(words, None)

    def progress(self, words: str, share: float | None) -> None:
        """Says how far it is."""
        self.words, self.share = words, share
        self.changed.emit()

    def log(self, line: str) -> None:
        """Adds a line."""
        self._lines.append(line)
        self.logged.emit(line)

    def end(self, words: str) -> None:
        """Says what came of it."""
        self._cancel = None
        self.progress(words, None)

    def cancel(self) -> None:
        """Asks for an end; ``end`` is still to come."""
        if self._cancel is not None:
            self._cancel()
