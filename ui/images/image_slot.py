# SPDX-License-Identifier: GPL-2.0-or-later
"""One image of a question: where it comes from, its date, and the button that keeps what the map shows."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtGui import QFocusEvent, QIcon
from qgis.PyQt.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from ...gis.imaging.image_catalogue import ChoiceKind, ImageChoice
from ...gis.imaging.image_date import date_in
from ..icons import icon_path
from ..parts import make_narrow
from ..words import tr

DATE_SAMPLE = "2000-00-00"
LEAST_LETTERS = 3
"""Of the list of images in the narrowest dock."""
GAP_PX = 3


class ImageSlot(QWidget):
    """A row of the form; the label in front of it is its own, but laid out by the panel."""

    changed = pyqtSignal()
    """Another image or another date was chosen."""
    opening = pyqtSignal()
    """The list is about to be seen: time to fill it anew."""
    capture_requested = pyqtSignal()
    told = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._typed: str | None = None
        """The user's date, empty for none; None where the known one stands."""
        self._known = ""
        self.combo = _ChoiceCombo()
        self.combo.opening.connect(self.opening)
        self.combo.currentIndexChanged.connect(self._on_chosen)
        self.date_edit = self._date_edit()
        self.capture_button = self._capture_button()
        self.label = QLabel()
        self.label.setBuddy(self.combo)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_PX)
        row.addWidget(self.combo, 1)
        row.addWidget(self.date_edit)
        row.addWidget(self.capture_button)
        self.offer([ImageChoice()])

    def choice(self) -> ImageChoice:
        """What is chosen."""
        return self.combo.currentData()

    def choose(self, choice: ImageChoice) -> None:
        """Selects an image as the user would; one that is not offered yet is offered from now on."""
        if _row_of(self.combo, choice) < 0:
            self._add(choice)
        self.combo.setCurrentIndex(_row_of(self.combo, choice))

    def offer(self, choices: Sequence[ImageChoice]) -> None:
        """Fills the list; what is chosen stays, and stays in the list even if it is gone."""
        chosen = self.choice()
        with QSignalBlocker(self.combo):
            self.combo.clear()
            for choice in choices:
                if self.combo.count() and choice.kind is not self._last_kind():
                    self.combo.insertSeparator(self.combo.count())
                self._add(choice)
            if chosen is not None:
                if _row_of(self.combo, chosen) < 0:
                    self._add(chosen)
                self.combo.setCurrentIndex(_row_of(self.combo, chosen))
        self._show_tooltip()

    def date(self) -> str | None:
        """ISO date, or None where it is not known."""
        return (self._known if self._typed is None else self._typed) or None

    def typed_date(self) -> str | None:
        """What the user wrote, empty for none; None where nothing was written."""
        return self._typed

    def write_date(self, typed: str | None) -> None:
        """Takes a date as if the user had written it; None takes the known one again."""
        self._typed = typed
        self._show_date()

    def show_known_date(self, known: str | None) -> None:
        """Says what is known of the image's date; what the user wrote stays."""
        self._known = known or ""
        self._show_date()

    def set_title(self, title: str, name: str) -> None:
        """What stands in front of it, with the key to get there, and the same for a screen reader."""
        self.label.setText(title)
        self.combo.setAccessibleName(name)
        self.date_edit.setAccessibleName(self.tr("Date of {image}").format(image=name))
        self.capture_button.setAccessibleName(self.tr("Capture the map as {image}").format(image=name))

    def show_row(self, visible: bool) -> None:
        """Shows or hides the row with its label."""
        self.label.setVisible(visible)
        self.setVisible(visible)

    def _date_edit(self) -> QLineEdit:
        edit = QLineEdit()
        edit.setPlaceholderText(self.tr("date"))
        edit.setToolTip(
            self.tr("The date of the image, such as 2023-07-01: as it is known, or as you write it")
        )
        letters = edit.fontMetrics()
        edit.setFixedWidth(letters.horizontalAdvance(DATE_SAMPLE) + letters.height() // 2)
        edit.editingFinished.connect(self._on_date_written)
        return edit

    def _capture_button(self) -> QToolButton:
        button = QToolButton()
        button.setIcon(QIcon(icon_path("image_capture")))
        button.setAutoRaise(True)
        button.setToolTip(
            self.tr("Keep what the map shows now as this image, however the map changes afterwards")
        )
        button.clicked.connect(lambda: self.capture_requested.emit())
        return button

    def _add(self, choice: ImageChoice) -> None:
        self.combo.addItem(choice_words(choice), choice)
        self.combo.setItemData(self.combo.count() - 1, choice_words(choice), Qt.ItemDataRole.ToolTipRole)

    def _last_kind(self) -> ChoiceKind:
        return self.combo.itemData(self.combo.count() - 1).kind

    def _on_chosen(self) -> None:
        self._typed = None
        self._show_tooltip()
        self.changed.emit()

    def _on_date_written(self) -> None:
        self.date_edit.setModified(False)
        text = self.date_edit.text().strip()
        if text == (self.date() or ""):
            return
        found = date_in(text)
        if text and found is None:
            self.told.emit(self.tr("{text} is no date. Write it as 2023-07-01.").format(text=text))
        else:
            self._typed = found or ""
            self.changed.emit()
        self._show_date()

    def _show_tooltip(self) -> None:
        words = self.tr("Where the image comes from: {source}")
        self.combo.setToolTip(words.format(source=self.combo.currentText()))

    def _show_date(self) -> None:
        if not (self.date_edit.hasFocus() and self.date_edit.isModified()):
            self.date_edit.setText(self.date() or "")


class _ChoiceCombo(QComboBox):
    """Has its list filled when somebody comes to it: layers, names and frames change unannounced."""

    opening = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        make_narrow(self)
        self.setMinimumContentsLength(LEAST_LETTERS)
        self.setMaxVisibleItems(20)

    def showPopup(self) -> None:
        self.opening.emit()
        super().showPopup()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.opening.emit()
        super().focusInEvent(event)


def choice_words(choice: ImageChoice) -> str:
    """An entry of the list; what tells it from the others comes first, for a narrow dock."""
    templates = {
        ChoiceKind.MAP: tr("Map view"),
        ChoiceKind.CAPTURE: "{title}",
        ChoiceKind.FRAME: tr("Map on {title}"),
        ChoiceKind.THEME: tr("{title} (map theme)"),
        ChoiceKind.LAYER: tr("{title} (only this layer)"),
        ChoiceKind.RASTER: tr("{title} (training grade)"),
    }
    return templates[choice.kind].format(title=choice.title)


def _row_of(combo: QComboBox, choice: ImageChoice) -> int:
    # not findData: Qt compares Python objects by identity
    return next((row for row in range(combo.count()) if combo.itemData(row) == choice), -1)
