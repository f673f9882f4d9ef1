# SPDX-License-Identifier: GPL-2.0-or-later
"""How much room the disk of a folder has, also where the folder is still to be made."""

from __future__ import annotations

import shutil
from pathlib import Path


def free_mb(folder: Path) -> int | None:
    """Megabytes of 10^6 bytes; None where nobody can tell."""
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
    try:
        return None if there is None else shutil.disk_usage(there).free // 1_000_000
    except OSError:
        return None
