# SPDX-License-Identifier: GPL-2.0-or-later
"""A bar, a line of words, Cancel, and a log that grows."""

from __future__ import annotations

from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtGui import QFontDatabase, QShowEvent
from qgis.PyQt.QtWidgets import QPlainTextEdit, QProgressBar, QPushButton, QScrollArea, QWidget

from ..parts import fill_column, quiet_label, row
from .activity import MOST_LINES, Activity

LOG_ROWS = 6
END_ROWS = 2
"""So near to the end, the log follows what is added: Qt alone stops when a long line brings a scroll bar."""


class ActivityView(QWidget):
    """Shows an activity from wherever it is; nothing at all before the first one."""

    def __init__(self, activity: Activity, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._activity = activity
        self.label = quiet_label()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(self.fontMetrics().height())
        self.bar.setAccessibleName(self.tr("Progress"))
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.cancel_button.setToolTip(self.tr("Stops it; what has arrived is kept for the next try"))
        self.cancel_button.clicked.connect(activity.cancel)
        self.log = _log_view()
        self.log.setAccessibleName(self.tr("Log"))
        self.log.setToolTip(self.tr("What the program says while it works; select and copy as you like"))
        self._running_row = row(self.bar, self.cancel_button)
        fill_column(self, self.label, self._running_row, self.log)
        self.log.setPlainText("\n".join(activity.lines))
        activity.changed.connect(self._show)
        activity.logged.connect(self._add_line)
        self._was_running = False
        self._comes = QTimer(self)  # when the page knows its new height
        self._comes.setSingleShot(True)
        self._comes.timeout.connect(self._come_into_sight)
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Where the dialog was closed half way, what goes on is what is looked for."""
        super().showEvent(event)
        if self._activity.is_running:
            self._comes.start()

    def _add_line(self, line: str) -> None:
        self.log.setVisible(True)
        rows = self.log.verticalScrollBar()
        is_at_end = rows.value() >= rows.maximum() - END_ROWS
        self.log.appendPlainText(line)
        if is_at_end:
            rows.setValue(rows.maximum())

    def _show(self) -> None:
        activity = self._activity
        if not activity.lines:
            self.log.clear()
        self.label.setText(activity.words)
        self.label.setVisible(bool(activity.words))
        self._running_row.setVisible(activity.is_running)
        self.log.setVisible(bool(activity.lines))
        self.bar.setRange(0, 0 if activity.share is None else 1000)
        if activity.share is not None:
            self.bar.setValue(round(1000 * activity.share))
        if activity.is_running != self._was_running:
            self._was_running = activity.is_running
            self._comes.start()

    def _come_into_sight(self) -> None:
        """The words and the bar first, then what the log says, as far as there is room."""
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, QScrollArea):
            parent = parent.parentWidget()
        if parent is not None and self.isVisible():
            for part in (self.log, self._running_row, self.label):
                if part.isVisible():
                    parent.ensureWidgetVisible(part, 0, self.fontMetrics().height())


def _log_view() -> QPlainTextEdit:
    view = QPlainTextEdit()
    view.setReadOnly(True)
    view.setMaximumBlockCount(MOST_LINES)
    view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    view.setTabChangesFocus(True)
    view.setFixedHeight(
        view.fontMetrics().lineSpacing() * (LOG_ROWS + 1) + view.horizontalScrollBar().sizeHint().height()
    )
    return view
