# SPDX-License-Identifier: GPL-2.0-or-later
"""Refuses what does not fit into memory: a machine that swaps answers to nobody."""

from __future__ import annotations

from ..errors import OutOfMemory


def check_limit(needed: int, limit_mb: int | None) -> None:
    """Raises OutOfMemory, with ``needed`` and ``limit`` in bytes, where the user allows less."""
    if limit_mb is not None and needed > limit_mb * 1_000_000:
        raise OutOfMemory(
            f"it needs about {_words(needed)} of memory, and the limit is {_words(limit_mb * 1_000_000)}",
            needed=needed,
            limit=limit_mb * 1_000_000,
        )


def check_free(needed: int, free: int, where: str) -> None:
    """Raises OutOfMemory, with ``needed`` and ``free`` in bytes, where less is free."""
    if needed > free:
        raise OutOfMemory(
            f"it needs about {_words(needed)} of {where}, and {_words(free)} are free",
            needed=needed,
            free=free,
        )


def _words(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
