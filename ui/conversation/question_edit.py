# SPDX-License-Identifier: GPL-2.0-or-later
"""The line in which questions are written; the arrow keys bring back earlier ones."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QLineEdit, QWidget


class QuestionEdit(QLineEdit):
    """A line with a memory."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._earlier: list[str] = []
        self._back = 0
        """How many questions back the line is; 0 is what is being written."""
        self._draft = ""

    def set_earlier(self, questions: Sequence[str]) -> None:
        """What can be brought back, the oldest first; repeated ones once."""
        latest_first = dict.fromkeys(reversed([question for question in questions if question]))
        self._earlier = list(latest_first)
        self._back = min(self._back, len(self._earlier))

    def take(self) -> str:
        """What was written, without blanks around it; empties the line."""
        question = self.text().strip()
        self.clear()
        self._back = 0
        return question

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up goes back, Down forward."""
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(event.key(), 0)
        back = min(max(self._back + steps, 0), len(self._earlier))
        if not steps:
            super().keyPressEvent(event)
        elif back != self._back:
            if self._back == 0:
                self._draft = self.text()
            self._back = back
            self.setText(self._earlier[back - 1] if back else self._draft)
