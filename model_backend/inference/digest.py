# SPDX-License-Identifier: GPL-2.0-or-later
"""The sha256 of weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

_BLOCK = 1 << 22


def sha256_of(files: Iterable[Path]) -> str:
    """Hexadecimal sha256 of the files' bytes, one after the other."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
