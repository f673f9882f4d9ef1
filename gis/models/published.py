# SPDX-License-Identifier: GPL-2.0-or-later
"""The models that can be downloaded: those of which a commit is pinned and the contract known."""

from __future__ import annotations

from dataclasses import dataclass

from ...model_backend.contract import Contract, load_contracts
from ...model_backend.pins import read_pins


@dataclass(frozen=True)
class PublishedModel:
    """One commit on the hub."""

    hub_id: str
    revision: str
    size: int
    """Bytes of its weights; the other files are small beside them."""
    contract: Contract


def published_models() -> tuple[PublishedModel, ...]:
    """All, in the order of the contracts."""
    pins = read_pins()
    models = []
    for contract in load_contracts().values():
        pinned = [pin for pin in pins if pin.hub_id == contract.hub_id]
        if pinned:
            size = sum(pin.size for pin in pinned if pin.revision == pinned[0].revision)
            models.append(PublishedModel(contract.hub_id, pinned[0].revision, size, contract))
    return tuple(models)


def pinned_revision_of(hub_id: str) -> str:
    """The commit that a hub id alone stands for; empty where none is pinned."""
    return next((pin.revision for pin in read_pins() if pin.hub_id == hub_id), "")
