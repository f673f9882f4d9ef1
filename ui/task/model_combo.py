# SPDX-License-Identifier: GPL-2.0-or-later
"""Which model answers: a list that is there before it is complete."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QWidget

from ...gis.models.entries import ModelEntry
from ..ability_words import ability_words
from ..parts import make_narrow
from ..words import sentence_for


class ModelCombo(QComboBox):
    """Tells of the user's choice alone."""

    chosen = pyqtSignal(object)
    """A ``ModelEntry``."""
    opening = pyqtSignal()
    """The list is about to be shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        make_narrow(self)
        self.setObjectName("LSpaceModel")
        self.setToolTip(self.tr("Which model answers"))
        self._entries: tuple[ModelEntry, ...] = ()
        self.activated.connect(self._on_activated)

    def show_entries(self, entries: Sequence[ModelEntry], current: ModelEntry) -> None:
        """Offers these; what cannot be used is there with the reason."""
        if self.view().isVisible():
            return  # not under the user's hand
        self._entries = tuple(entries)
        with QSignalBlocker(self):
            self.clear()
            for place, entry in enumerate(self._entries):
                self.addItem(self._words(entry))
                self.setItemData(place, self._hint(entry), Qt.ItemDataRole.ToolTipRole)
                self.model().item(place).setEnabled(entry.fault is None)
            keys = [entry.key for entry in self._entries]
            self.setCurrentIndex(keys.index(current.key) if current.key in keys else -1)
        self.setToolTip(self.tr("Which model answers. {words}").format(words=self._hint(current)))

    def showPopup(self) -> None:
        """Asks for what is new."""
        self.opening.emit()
        super().showPopup()

    def _words(self, entry: ModelEntry) -> str:
        return self.tr("Server: {address}").format(address=entry.title) if entry.is_remote else entry.title

    def _hint(self, entry: ModelEntry) -> str:
        if entry.fault is not None:
            return sentence_for(entry.fault)
        words = "" if entry.contract is None else ability_words(entry.contract)
        return f"{words} {self.tr('Images leave this computer.')}" if entry.is_remote else words

    def _on_activated(self, place: int) -> None:
        if 0 <= place < len(self._entries) and self._entries[place].fault is None:
            self.chosen.emit(self._entries[place])
