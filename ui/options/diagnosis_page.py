# SPDX-License-Identifier: GPL-2.0-or-later
"""One button gives a text for a bug report, with nothing private in it."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtGui import QFontDatabase, QGuiApplication
from qgis.PyQt.QtWidgets import QPlainTextEdit, QProgressBar, QPushButton, QWidget

from ...gis.diagnosis import Diagnosis
from ...gis.recent_log import RecentLog
from ...gis.settings import Settings
from ..parts import quiet_label
from .fields import button_row, page_column


class DiagnosisPage(QWidget):
    """The text can be read, shortened and copied before it goes anywhere."""

    def __init__(
        self, log: RecentLog, shown: Callable[[], Settings] = Settings.load, parent: QWidget | None = None
    ) -> None:
        """``shown`` gives what the other pages show, saved or not."""
        super().__init__(parent)
        self._shown = shown
        self._log = log
        self._diagnosis: Diagnosis | None = None
        self.make_button = QPushButton(self.tr("Gather and copy"))
        self.make_button.setToolTip(
            self.tr(
                "Asks the model's Python for its packages, tries the device, and puts the text on the "
                "clipboard; takes up to a minute"
            )
        )
        self.make_button.clicked.connect(self._start)
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.cancel_button.setToolTip(self.tr("Stops looking"))
        self.cancel_button.clicked.connect(self.shut_down)
        self.copy_button = QPushButton(self.tr("Copy again"))
        self.copy_button.setToolTip(self.tr("Puts the text on the clipboard as it is now"))
        self.copy_button.clicked.connect(self._copy)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(self.fontMetrics().height())
        self.bar.setAccessibleName(self.tr("Progress"))
        self.text = self._text_field()
        self.told = quiet_label()
        self._lay_out()
        self._tell("")
        self._set_running(False)
        self.setWhatsThis(self.tr("What a bug report should tell: versions, Python, device, settings, log."))

    def shut_down(self) -> None:
        """Stops looking; the text so far stays."""
        if self._diagnosis is not None:
            self._diagnosis.give_up()
            self._diagnosis.deleteLater()
            self._diagnosis = None
        self._set_running(False)

    def _lay_out(self) -> None:
        about = quiet_label(
            self.tr(
                "Gathers versions, the model's Python and its packages, the device, the settings and the "
                "last lines of the log. Home folder, user name, passwords, tokens and e-mail addresses are "
                "taken out. Nothing is sent: read the text before you paste it."
            )
        )
        buttons = button_row(self.make_button, self.cancel_button, self.copy_button)
        layout = page_column(self, about, buttons, self.bar, self.told, self.text)
        layout.setStretchFactor(self.text, 1)

    def _text_field(self) -> QPlainTextEdit:
        field = QPlainTextEdit()
        field.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        field.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        field.setTabChangesFocus(True)
        field.setAccessibleName(self.tr("Diagnosis"))
        field.setToolTip(self.tr("Strike out what you would rather not tell"))
        field.setMinimumHeight(field.fontMetrics().lineSpacing() * 8)
        field.textChanged.connect(self._on_text_changed)
        return field

    def _start(self) -> None:
        self.shut_down()
        self._set_running(True)
        self._tell("")
        self._diagnosis = Diagnosis(self._shown(), self._log.lines, self)
        self._diagnosis.composed.connect(self._on_composed)
        self._diagnosis.start()

    def _on_composed(self, text: str) -> None:
        self.text.setPlainText(text)
        self._set_running(False)
        self._copy()

    def _on_text_changed(self) -> None:
        self.copy_button.setEnabled(bool(self.text.toPlainText()))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self._tell(self.tr("Copied. Read it, then paste it into a bug report."))

    def _tell(self, words: str) -> None:
        self.told.setText(words)
        self.told.setVisible(bool(words))

    def _set_running(self, running: bool) -> None:
        self.make_button.setEnabled(not running)
        self.cancel_button.setEnabled(running)
        self.bar.setVisible(running)
        self.copy_button.setEnabled(bool(self.text.toPlainText()))
