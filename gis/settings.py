# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user set; the only file that spells a key."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any

from qgis.core import QgsSettings

from ..model_backend.contract import EMBEDDED_MODEL, Contract, expected_contract, load_contracts
from ..model_backend.remote_choice import RemoteChoice
from ..model_backend.request import ModelChoice

_PREFIX = "lspace/"
_DOCK_PREFIX = "lspace/dock/"
_LOAD_PREFIX = "lspace/load/"
_SCAN_PREFIX = "lspace/scan/"


@dataclass(frozen=True)
class Settings:
    """The plugin's settings; empty text and 0 stand for "not set"."""

    interpreter: str = ""
    """Path of the Python that has the worker's packages."""
    model: str = ""
    """Folder or hub id; empty means the model that comes with the plugin."""
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    offline: bool = False
    endpoint: str = ""
    model_cache: str = ""
    runtime_folder: str = ""
    """Where a Python is prepared; empty means the user's data folder."""
    runtime_build: str = ""
    """Which build of torch is prepared; empty means the one that suits this computer."""
    package_index: str = ""
    """Address of the only index that packages come from; empty means pip's own, and PyTorch's besides."""
    model_folders: str = ""
    """Folders of the user's own models, one a line."""
    memory_limit_mb: int = 0
    """What the model may take up; 0 means what is free."""
    idle_minutes: int = 15
    """After so long without a question the model is let go; 0 means never."""
    remote: bool = False
    """Whether a server answers in place of this computer: images leave it then."""
    remote_address: str = ""
    remote_model: str = ""
    """As the server calls it; empty means the only one that it has."""
    remote_contract: str = "lspace"
    remote_login: str = ""
    """Id of an entry of QGIS's authentication store, which alone knows the login; empty means none."""
    remote_at_once: int = 4
    """Questions that the server is asked at once."""
    remote_patience_s: int = 120
    """How long the server may take to begin an answer."""

    @classmethod
    def load(cls) -> Settings:
        """Reads the user's settings; a value of the wrong type counts as not set."""
        return cls(**_load(cls, _PREFIX))

    def save(self) -> None:
        """Writes all settings."""
        _save(self, _PREFIX)

    @property
    def is_embedded_model(self) -> bool:
        """Whether the model is the one that comes with the plugin, left unchosen or chosen by its folder."""
        if self.remote:
            return False
        return not self.model or os.path.realpath(os.path.expanduser(self.model)) == str(EMBEDDED_MODEL)

    @property
    def expected_contract(self) -> Contract:
        """That of the model, as far as can be told before it is loaded."""
        contracts = load_contracts()
        if self.remote and self.remote_contract in contracts:
            return contracts[self.remote_contract]
        return expected_contract(self.model_choice().model)

    def model_choice(self) -> ModelChoice:
        """What the worker is to load, without the login of a server."""
        return ModelChoice(
            model=self.model or str(EMBEDDED_MODEL),
            device=self.device,
            precision=self.precision,
            threads=self.threads or None,
            offline=self.offline,
            endpoint=self.endpoint or None,
            cache_dir=self.model_cache or None,
            memory_limit_mb=self.memory_limit_mb or None,
            remote=self._remote_choice() if self.remote else None,
        )

    def _remote_choice(self) -> RemoteChoice:
        return RemoteChoice(
            address=self.remote_address,
            model=self.remote_model,
            contract=self.remote_contract,
            concurrency=self.remote_at_once,
            first_token_s=float(self.remote_patience_s),
        )


@dataclass(frozen=True)
class DockState:
    """What the dock said last, so that it says so again after a restart."""

    task: str = ""
    targets: str = ""
    """Names, with commas between."""
    clip: bool = False
    tab: int = 0
    question_percent: int = 0
    """Of the height, where the user gave it to the question by hand; 0 leaves it to the dock."""
    width_px: int = 0
    """0 leaves it to the dock."""

    @classmethod
    def load(cls) -> DockState:
        """Reads the state; a value of the wrong type counts as not set."""
        return cls(**_load(cls, _DOCK_PREFIX))

    def save(self) -> None:
        """Writes the state."""
        _save(self, _DOCK_PREFIX)


@dataclass(frozen=True)
class LastLoad:
    """How the model ran when it was last loaded."""

    device: str = ""
    """Empty where it never was."""
    precision: str = ""
    reason: str = ""
    """Of the device and the precision, in the worker's words."""

    @classmethod
    def load(cls) -> LastLoad:
        """Reads it; a value of the wrong type counts as not set."""
        return cls(**_load(cls, _LOAD_PREFIX))

    def save(self) -> None:
        """Writes it."""
        _save(self, _LOAD_PREFIX)


@dataclass(frozen=True)
class LastScan:
    """How fast the last scan was."""

    model: str = ""
    """As in ``Settings``, or the server's address; empty is the model that comes with the plugin."""
    device: str = ""
    chips_per_minute: float = 0.0
    """0 where there was none."""

    @classmethod
    def load(cls) -> LastScan:
        """Reads it; a value of the wrong type counts as not set."""
        return cls(**_load(cls, _SCAN_PREFIX))

    def save(self) -> None:
        """Writes it."""
        _save(self, _SCAN_PREFIX)

    @classmethod
    def with_model_of(cls, settings: Settings, chips_per_minute: float) -> LastScan:
        """That of a scan with the model that is chosen."""
        model = settings.remote_address if settings.remote else settings.model
        return cls(model, "" if settings.remote else settings.device, chips_per_minute)


def _load(kind: type, prefix: str) -> dict[str, Any]:
    stored = QgsSettings()
    values = {}
    for field in fields(kind):
        try:
            values[field.name] = stored.value(prefix + field.name, field.default, type=type(field.default))
        except TypeError:
            values[field.name] = field.default
    return values


def _save(record: Settings | DockState | LastLoad | LastScan, prefix: str) -> None:
    stored = QgsSettings()
    for field in fields(record):
        stored.setValue(prefix + field.name, getattr(record, field.name))
