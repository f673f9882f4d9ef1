# SPDX-License-Identifier: GPL-2.0-or-later
"""Prepares, repairs and removes the Python of the model, also while the dialog is closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...gis.errors import PluginError
from ...gis.runtime.preparation import Preparation, PreparationOrder, PreparationProgress, repair_order
from ...gis.runtime.removal import Removal
from ...gis.runtime.requirements import Build, Requirements, model_requirements
from ...gis.runtime.runtime_folder import PreparedRuntime, RuntimeFolder, default_folder
from ...gis.settings import Settings
from ..words import sentence_for
from .activity import Activity
from .option_words import step_words


class RuntimeWork(QObject):
    """One piece of work at a time; a Python that is ready is in the settings at once."""

    interpreter_changed = pyqtSignal(str)
    """The path that is in the settings now; empty after the runtime was removed."""

    def __init__(
        self,
        on_saved: Callable[[], None],
        parent: QObject | None = None,
        requirements: Callable[..., Requirements] = model_requirements,
    ) -> None:
        """``requirements`` is asked with a build, a folder of wheels and an index."""
        super().__init__(parent)
        self._on_saved = on_saved
        self._requirements = requirements
        self._preparation: Preparation | None = None
        self._removal: Removal | None = None
        self._folder = _folder("")
        self.activity = Activity(self)

    def prepared(self, folder: str) -> PreparedRuntime | None:
        """What was prepared in a folder; the empty name stands for the usual one."""
        return _folder(folder).current()

    def prepare(self, base: str, build: Build, folder: str, wheels: str, index: str = "") -> None:
        """Begins; with wheels, nothing is downloaded; with an index, all comes from there."""
        requirements = self._requirements(build, wheels=wheels, index=index)
        self._start(PreparationOrder(_folder(folder), base, requirements))

    def repair(self, folder: str) -> None:
        """Makes the prepared one anew."""
        order = repair_order(_folder(folder))
        if order is not None:
            self._start(order)

    def is_outdated(self, folder: str) -> bool:
        """Whether what was prepared in a folder was made for another version of the plugin: repair it."""
        runtime = self.prepared(folder)
        if runtime is None:
            return False
        stamp = runtime.stamp
        return not runtime.fits(self._requirements(runtime.build, wheels=stamp.wheels, index=stamp.index))

    def remove(self, folder: str) -> None:
        """Deletes what was prepared, off the GUI thread; what runs from it is ended before."""
        if self.activity.is_running:
            return
        self._folder = _folder(folder)
        self._removal = removal = Removal(self._folder, self)
        removal.finished.connect(self._on_removed)
        removal.failed.connect(self._on_failed)
        self.activity.begin(self.tr("Removing"), self._cancel)
        removal.start()

    def _start(self, order: PreparationOrder) -> None:
        if self.activity.is_running:
            return
        self._folder = order.folder
        self._preparation = preparation = Preparation(order, self)
        preparation.progressed.connect(self._on_progressed)
        preparation.logged.connect(self.activity.log)
        preparation.finished.connect(self._on_finished)
        preparation.failed.connect(self._on_failed)
        preparation.cancelled.connect(self._on_cancelled)
        self.activity.begin(self.tr("Preparing"), self._cancel)
        preparation.start()

    def _cancel(self) -> None:
        if self._preparation is not None:
            self.activity.progress(self.tr("Cancelling"), None)
            self._preparation.cancel()

    def _on_progressed(self, progress: PreparationProgress) -> None:
        self.activity.progress(step_words(progress), progress.share)

    def _on_finished(self, interpreter: str) -> None:
        self._use(interpreter)
        self._end(self.tr("The Python is ready and in use."))

    def _on_failed(self, error: PluginError) -> None:
        self._end(sentence_for(error))

    def _on_cancelled(self) -> None:
        self._end(self.tr("Cancelled. The next try goes on from what pip has kept."))

    def _on_removed(self) -> None:
        used = Settings.load().interpreter
        if used and self._folder.path in Path(used).parents:
            self._use("")
        self._end(self.tr("Removed."))

    def _use(self, interpreter: str) -> None:
        settings = replace(Settings.load(), interpreter=interpreter)
        if interpreter:
            chosen = "" if self._folder.path == default_folder() else str(self._folder.path)
            settings = replace(settings, runtime_folder=chosen)
        settings.save()
        self._on_saved()
        self.interpreter_changed.emit(interpreter)

    def _end(self, words: str) -> None:
        for done in (self._preparation, self._removal):
            if done is not None:
                done.deleteLater()
        self._preparation = self._removal = None
        self.activity.end(words)


def _folder(name: str) -> RuntimeFolder:
    return RuntimeFolder(Path(name).expanduser() if name else default_folder())
