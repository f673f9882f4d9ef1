# SPDX-License-Identifier: GPL-2.0-or-later
"""The models on this computer: the one that comes with the plugin, downloads, and the user's own folders.

These functions read the disk, which a network folder makes slow; none of them needs the GUI thread.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from ...model_backend.contract import EMBEDDED_MODEL, Contract, contract_for
from ...model_backend.errors import ModelInvalid
from ...model_backend.model_cache import CachedModel, cache_folder, cached_models, graphs_of
from ...model_backend.model_folder import check_model_folder
from ..errors import ModelNotRemoved, ModelUnusable
from ..settings import Settings
from .licence import told_licence
from .published import pinned_revision_of


class ModelOrigin(Enum):
    """How a model came here."""

    EMBEDDED = "embedded"
    DOWNLOADED = "downloaded"
    FOLDER = "folder"


@dataclass(frozen=True)
class InstalledModel:
    """One model's folder."""

    name: str
    """Hub id, or the folder's name."""
    folder: Path
    origin: ModelOrigin
    setting: str
    """What ``Settings.model`` has to be for it."""
    size: int
    """Bytes on disk."""
    revision: str = ""
    """Commit on the hub, where it came from there."""
    contract: Contract | None = None
    """None where the folder holds no model that is known."""
    licence: str = ""
    """What its own files say; what is known besides is in ``contract.licence``."""
    fault: ModelUnusable | None = None
    """Why it cannot be used."""

    @property
    def is_whole(self) -> bool:
        """Whether it can be used."""
        return self.fault is None

    def is_chosen(self, settings: Settings) -> bool:
        """Whether the settings mean it."""
        if self.origin is ModelOrigin.EMBEDDED:
            return settings.is_embedded_model
        return settings.model == self.setting or (
            bool(settings.model) and _real(Path(settings.model)) == _real(self.folder)
        )


def installed_models(settings: Settings) -> tuple[InstalledModel, ...]:
    """All that are here, usable or not: the embedded one, downloads, then the user's own folders."""
    downloads = [_of_download(model) for model in cached_models(_cache(settings))]
    known = {_real(model.folder) for model in downloads} | {_real(EMBEDDED_MODEL)}
    own = [_of_folder(folder) for folder in _own_folders(settings) if _real(folder) not in known]
    embedded = _described(EMBEDDED_MODEL, EMBEDDED_MODEL.name, ModelOrigin.EMBEDDED, "")
    return (embedded, *downloads, *own)


def is_here(settings: Settings) -> bool:
    """Whether the chosen model can be loaded without a download."""
    folder = Path(settings.model_choice().model).expanduser()
    return folder.is_dir() or any(
        model.hub_id == settings.model and model.is_whole for model in cached_models(_cache(settings))
    )


def check_folder(folder: Path) -> Contract:
    """The contract of the model that a folder holds.

    Raises:
        ModelUnusable: ``reason`` as of ``check_model_folder``, or ``no folder``.
    """
    try:
        if not folder.is_dir():
            raise ModelUnusable("no folder", reason="no folder", path=str(folder), detail="")
        return contract_for(check_model_folder(folder))
    except ModelInvalid as error:
        reason = error.values.get("reason", "contract")
        raise ModelUnusable("no model", reason=reason, path=str(folder), detail=str(error)) from error
    except OSError as error:
        raise ModelUnusable(
            "not readable", reason="unreadable", path=str(folder), detail=str(error)
        ) from error


def with_folder(settings: Settings, folder: Path) -> Settings:
    """The settings with one more folder of the user's own, after a look into it.

    Raises:
        ModelUnusable: see ``check_folder``.
    """
    check_folder(folder)
    kept = [each for each in _added_folders(settings) if _real(each) != _real(folder)]
    return replace(settings, model_folders=_lines([*kept, folder]))


def without_folder(settings: Settings, folder: Path) -> Settings:
    """The settings without a folder, whose files stay; where it was chosen, the embedded model is."""
    kept = [each for each in _added_folders(settings) if _real(each) != _real(folder)]
    was_chosen = bool(settings.model) and _real(Path(settings.model)) == _real(folder)
    return replace(settings, model_folders=_lines(kept), model="" if was_chosen else settings.model)


def remove_download(model: InstalledModel, settings: Settings) -> Settings:
    """Deletes a downloaded model, whole or not; returns the settings, which no longer choose it.

    Raises:
        ModelNotRemoved: it was not downloaded, or a program has its files open.
    """
    cache = _cache(settings)
    if model.origin is not ModelOrigin.DOWNLOADED or model.folder.parents[1] != cache:
        raise ModelNotRemoved("not a download", path=str(model.folder), detail="")
    doomed = model.folder.with_name(f"{model.folder.name}.removed")
    graphs = list(graphs_of(model.folder, cache))
    try:
        # where a file is open Windows refuses this, and nothing is half deleted
        model.folder.rename(doomed)
        for folder in (doomed, *graphs):
            shutil.rmtree(folder)
        if not any(model.folder.parent.iterdir()):
            model.folder.parent.rmdir()
    except OSError as error:
        raise ModelNotRemoved("in use", path=str(model.folder), detail=str(error)) from error
    return replace(settings, model="") if model.is_chosen(settings) else settings


def _of_download(model: CachedModel) -> InstalledModel:
    is_pinned = pinned_revision_of(model.hub_id) == model.revision
    setting = model.hub_id if is_pinned else str(model.folder)
    described = _described(model.folder, model.hub_id, ModelOrigin.DOWNLOADED, setting)
    fault = described.fault
    if not model.is_whole:
        fault = ModelUnusable("half", reason="half", path=str(model.folder), detail="")
    return replace(described, revision=model.revision, fault=fault)


def _of_folder(folder: Path) -> InstalledModel:
    return _described(folder, folder.resolve().name, ModelOrigin.FOLDER, str(folder))


def _described(folder: Path, name: str, origin: ModelOrigin, setting: str) -> InstalledModel:
    contract, fault = None, None
    try:
        contract = check_folder(folder)
    except ModelUnusable as error:
        fault = error
    return InstalledModel(
        name=name,
        folder=folder,
        origin=origin,
        setting=setting,
        size=_size(folder),
        contract=contract,
        licence=told_licence(folder),
        fault=fault,
    )


def _own_folders(settings: Settings) -> list[Path]:
    """Those that were added, and the chosen one if it was set in another way."""
    chosen = Path(settings.model).expanduser()
    folders = [*_added_folders(settings), *([chosen] if settings.model and chosen.is_dir() else [])]
    return list({_real(folder): folder for folder in reversed(folders)}.values())[::-1]


def _added_folders(settings: Settings) -> list[Path]:
    return [Path(line).expanduser() for line in settings.model_folders.splitlines() if line.strip()]


def _lines(folders: Iterable[Path]) -> str:
    return "\n".join(str(folder) for folder in folders)


def _cache(settings: Settings) -> Path:
    return cache_folder(settings.model_cache or None)


def _size(folder: Path) -> int:
    """Bytes of the files in it."""
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except OSError:
        return 0


def _real(folder: Path) -> str:
    return os.path.realpath(os.path.expanduser(folder))
