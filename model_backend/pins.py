# SPDX-License-Identifier: GPL-2.0-or-later
"""Which weights we vouch for, read from ``resources/model_pins.txt``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .contract import RESOURCES
from .errors import RequestError

PINS = RESOURCES / "model_pins.txt"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Pin:
    """One weights file of one commit on the hub."""

    hub_id: str
    revision: str
    file: str
    size: int
    """Bytes."""
    sha256: str


def read_pins() -> list[Pin]:
    """All pins."""
    rows = [line.split() for line in PINS.read_text(encoding="utf-8").splitlines()]
    return [Pin(row[0], row[1], row[2], int(row[3]), row[4]) for row in rows if row and row[0] != "#"]


def pinned_digests(hub_id: str, revision: str) -> dict[str, str]:
    """The sha256 of each file that is pinned for this commit, by file name."""
    return {pin.file: pin.sha256 for pin in read_pins() if (pin.hub_id, pin.revision) == (hub_id, revision)}


def pinned_revision(hub_id: str, revision: str | None) -> str:
    """The commit to take: the one asked for, else the pinned one.

    Raises:
        RequestError: a branch or tag, which may change under us, or no revision and no pin.
    """
    if revision is None:
        revision = next((pin.revision for pin in read_pins() if pin.hub_id == hub_id), None)
    if revision is None or not _COMMIT.fullmatch(revision):
        raise RequestError(
            f"{hub_id} is not pinned: name the commit (40 hexadecimal digits) to download", model=hub_id
        )
    return revision
