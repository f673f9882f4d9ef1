# SPDX-License-Identifier: GPL-2.0-or-later
"""The choice of the model in the dock: lists what is here, and keeps what is chosen."""

from __future__ import annotations

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..gis.models.entries import ModelEntry, chosen_entry, model_entries
from ..gis.settings import Settings
from ..gis.task import BackgroundTask
from .task.model_combo import ModelCombo


class ModelControl(QObject):
    """Keeps a combo box in step with the settings, which may be changed elsewhere."""

    changed = pyqtSignal()
    """Another model was chosen here; it is in the settings."""

    def __init__(self, combo: ModelCombo, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._combo = combo
        self._listed_for: Settings | None = None
        self._entries: tuple[ModelEntry, ...] = ()
        combo.chosen.connect(self._choose)
        combo.opening.connect(self._look)

    def refresh(self) -> None:
        """Shows what the settings say; looks for models again where they say something new."""
        settings = Settings.load()
        self._show(settings)
        if settings != self._listed_for:
            self._look()

    def _look(self) -> None:
        """Off the GUI thread: the disk may be slow."""
        settings = self._listed_for = Settings.load()
        task = BackgroundTask(
            self.tr("LSpace: looking for models"), lambda _: (settings, model_entries(settings))
        )
        task.succeeded.connect(self._on_listed)
        task.start()

    def _on_listed(self, found: tuple[Settings, tuple[ModelEntry, ...]]) -> None:
        settings, entries = found
        if settings == self._listed_for:  # else a later look comes, or came first
            self._entries = entries
            self._show(Settings.load())

    def _show(self, settings: Settings) -> None:
        current = chosen_entry(settings)
        found = next((entry for entry in self._entries if entry.key == current.key), None)
        entries = self._entries if found else (*self._entries, current)
        self._combo.show_entries(entries, found or current)

    def _choose(self, entry: ModelEntry) -> None:
        settings = Settings.load()
        if entry.key != chosen_entry(settings).key:
            entry.chosen_in(settings).save()
            self.changed.emit()
