# SPDX-License-Identifier: GPL-2.0-or-later
"""The models that can be asked: those on this computer, and the server that is set up."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...model_backend.contract import Contract
from ..errors import ModelUnusable
from ..settings import Settings
from .installed import InstalledModel, installed_models


@dataclass(frozen=True)
class ModelEntry:
    """A model, or the server."""

    title: str
    """Hub id or folder name; of the server, its address as the user wrote it."""
    setting: str
    """What ``Settings.model`` has to be for it; of the server, empty."""
    is_remote: bool = False
    contract: Contract | None = None
    """As far as it is known."""
    fault: ModelUnusable | None = None
    """Why it cannot be used."""

    @property
    def key(self) -> tuple[str, bool]:
        """The same for no two of them."""
        return self.setting, self.is_remote

    def chosen_in(self, settings: Settings) -> Settings:
        """The settings with this one as the model that answers."""
        if self.is_remote:
            return replace(settings, remote=True)
        return replace(settings, remote=False, model=self.setting)


def model_entries(settings: Settings) -> tuple[ModelEntry, ...]:
    """All that there are, usable or not; the chosen one is always among them. Reads the disk."""
    installed = installed_models(settings)
    entries = [_of_installed(model, settings) for model in installed]
    if not settings.remote and not any(model.is_chosen(settings) for model in installed):
        entries.append(chosen_entry(settings))
    if settings.remote_address:
        entries.append(_of_server(settings))
    return tuple(entries)


def chosen_entry(settings: Settings) -> ModelEntry:
    """The one that answers, as far as the settings tell."""
    if settings.remote:
        return _of_server(settings)
    contract = settings.expected_contract
    if settings.is_embedded_model:
        return ModelEntry(contract.title, "", contract=contract)
    title = settings.model.replace("\\", "/").rstrip("/")
    title = title if title == contract.hub_id else title.split("/")[-1]
    return ModelEntry(title, settings.model, contract=contract)


def _of_installed(model: InstalledModel, settings: Settings) -> ModelEntry:
    """With the setting by which it was chosen, where it was: a folder may have two names."""
    is_meant = model.is_chosen(settings) and not settings.is_embedded_model and not settings.remote
    setting = settings.model if is_meant else model.setting
    return ModelEntry(model.name, setting, contract=model.contract, fault=model.fault)


def _of_server(settings: Settings) -> ModelEntry:
    contract = replace(settings, remote=True).expected_contract
    return ModelEntry(settings.remote_address, "", is_remote=True, contract=contract)
