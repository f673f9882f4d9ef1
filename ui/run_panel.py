# SPDX-License-Identifier: GPL-2.0-or-later
"""Run and Cancel, and how far it is."""

from __future__ import annotations

import time

from qgis.PyQt.QtCore import Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import QAction, QProgressBar, QPushButton, QWidget

from .parts import fill_column, quiet_label, row
from .words import lasting_words

TICK_MS = 1000


class RunPanel(QWidget):
    """Two buttons, a bar, and a line of words."""

    run_requested = pyqtSignal()
    cancel_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run_button = QPushButton(self.tr("Run"))
        self.run_button.setToolTip(self.tr("Asks the model (Ctrl+Return)"))
        self.run_button.setDefault(True)
        self.run_button.clicked.connect(lambda: self.run_requested.emit())
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.cancel_button.setToolTip(self.tr("Stops within one word; what has arrived stays"))
        self.cancel_button.clicked.connect(lambda: self.cancel_requested.emit())
        self.progress_bar = QProgressBar()
        self.progress_bar.setTextVisible(False)
        self.progress_bar.setMaximumHeight(self.fontMetrics().height() // 2)
        self.stage_label = quiet_label()
        self._stage, self._share, self._began = "", None, 0.0
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self._say)
        fill_column(self, row(self.run_button, self.cancel_button), self.progress_bar, self.stage_label)
        self.setWhatsThis(
            self.tr(
                "Run asks the model what the form above says. The answer is written under Conversation, "
                "boxes come on the map one by one; Cancel stops and keeps what has arrived."
            )
        )
        self.set_running(False)

    def add_shortcut(self, window: QWidget) -> None:
        """Ctrl+Return runs, wherever in that window the keyboard is."""
        action = QAction(window)  # not a QShortcut: Qt 6 keeps that in another module
        action.setShortcut(QKeySequence("Ctrl+Return"))
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(self.run_button.click)
        window.addAction(action)

    def set_running(self, running: bool) -> None:
        """Offers Run or Cancel."""
        self.run_button.setEnabled(not running)
        self.cancel_button.setEnabled(running)
        self.progress_bar.setVisible(running)
        self.stage_label.setVisible(running)
        self._stage, self._share, self._began = "", None, time.monotonic()
        if running:
            self._clock.start()
        else:
            self._clock.stop()

    def show_stage(self, text: str, share: float | None) -> None:
        """Says what is being done; ``share`` is 0..1 of all, or None where nobody can know."""
        self._stage, self._share = text, share
        self.progress_bar.setRange(0, 0 if share is None else 100)
        if share is not None:
            self.progress_bar.setValue(round(100 * share))
        self._say()

    def _say(self) -> None:
        seconds = time.monotonic() - self._began
        self.stage_label.setText(lasting_words(self._stage, self._share, seconds))
