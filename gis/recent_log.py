# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps the last lines that the plugin wrote to QGIS's log, for a diagnosis."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import QObject

MOST_LINES = 200
TAGS = ("LSpace", "Python error")
"""The plugin's own, and where QGIS puts what no Python caught."""


class RecentLog(QObject):
    """Listens from the moment it is made."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        QgsApplication.messageLog().messageReceived.connect(self._take)

    @property
    def lines(self) -> tuple[str, ...]:
        """The oldest first, each with the time of day."""
        return tuple(self._lines)

    def _take(self, text: str, tag: str, _level: Qgis.MessageLevel) -> None:
        if tag in TAGS:
            now = datetime.now().strftime("%H:%M:%S")
            self._lines.extend(f"{now} {line}" for line in text.splitlines() if line.strip())
