# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists, downloads, adds and removes models; a download goes on while the dialog is closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...gis.errors import PluginError
from ...gis.models.download import DownloadProgress, ModelDownload
from ...gis.models.installed import (
    InstalledModel,
    ModelOrigin,
    installed_models,
    remove_download,
    with_folder,
    without_folder,
)
from ...gis.models.published import PublishedModel
from ...gis.settings import Settings
from ...gis.task import BackgroundTask
from ..words import sentence_for
from .activity import Activity
from .option_words import download_words


class ModelWork(QObject):
    """One piece of work at a time; what it changes is in the settings at once."""

    listed = pyqtSignal(object)
    """A tuple of ``InstalledModel``."""
    changed = pyqtSignal()
    """The models on this computer, or the chosen one."""
    refused = pyqtSignal(str)
    """Why a folder or a model was left as it is."""

    def __init__(self, on_saved: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._on_saved = on_saved
        self._download: ModelDownload | None = None
        self._wanted = Settings()
        self.activity = Activity(self)

    def look(self, settings: Settings) -> None:
        """Lists what is here, off the GUI thread: the disk may be slow."""
        self._in_background(
            "LSpace: looking for models", lambda _: installed_models(settings), self._on_listed
        )

    def use(self, model: InstalledModel) -> None:
        """Makes it the one that answers."""
        self._take(replace(Settings.load(), model=model.setting))

    def add(self, folder: str) -> None:
        """Adds a folder of the user's own, after a look into it."""
        settings = Settings.load()
        self._in_background(
            "LSpace: reading a model", lambda _: with_folder(settings, Path(folder)), self._take
        )

    def remove(self, model: InstalledModel) -> None:
        """Deletes a download; a folder of the user's own is only forgotten."""
        settings = Settings.load()
        if model.origin is ModelOrigin.FOLDER:
            self._take(without_folder(settings, model.folder))
        else:
            self._in_background(
                "LSpace: removing a model", lambda _: remove_download(model, settings), self._take
            )

    def download(self, model: PublishedModel, settings: Settings) -> None:
        """Brings a model here, as the settings say, and chooses it."""
        if self.activity.is_running:
            return
        self._wanted = replace(settings, model=model.hub_id)
        self._download = download = ModelDownload(model.hub_id, settings, model.revision, self)
        download.progressed.connect(self._on_progressed)
        download.finished.connect(self._on_finished)
        download.failed.connect(self._on_failed)
        download.cancelled.connect(self._on_cancelled)
        self.activity.begin(self.tr("Asking for the list of files"), download.cancel)
        download.start()

    def _in_background(self, title: str, function: Callable, then: Callable) -> None:
        task = BackgroundTask(title, function)
        task.succeeded.connect(then)
        task.failed.connect(self._on_refused)
        task.start()

    def _take(self, settings: Settings) -> None:
        """Keeps what was decided about models; another thing may have been set in the meantime."""
        kept = replace(
            Settings.load(),
            model=settings.model,
            model_folders=settings.model_folders,
            model_cache=settings.model_cache,
        )
        kept.save()
        self._on_saved()
        self.changed.emit()

    def _on_listed(self, models: tuple[InstalledModel, ...]) -> None:
        self.listed.emit(models)

    def _on_refused(self, error: PluginError) -> None:
        self.refused.emit(sentence_for(error))

    def _on_progressed(self, progress: DownloadProgress) -> None:
        self.activity.progress(download_words(progress), progress.share)

    def _on_finished(self, _folder: str) -> None:
        self._end(self.tr("The model is here and in use."))
        self._take(self._wanted)

    def _on_failed(self, error: PluginError) -> None:
        self._end(sentence_for(error))

    def _on_cancelled(self) -> None:
        self._end(self.tr("Cancelled. What has arrived is kept for the next try."))
        self.changed.emit()

    def _end(self, words: str) -> None:
        if self._download is not None:
            self._download.deleteLater()
            self._download = None
        self.activity.end(words)
