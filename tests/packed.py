"""The plugin's zip, as ``./run package`` makes it, of what the checkout holds now."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def packed_zip(folder: Path) -> Path:
    """Makes it in that folder; files that git does not know are not in it."""
    tree = subprocess.run(
        ["git", "stash", "create"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    path = folder / "lspace.zip"
    command = ["git", "archive", "--prefix=lspace/", "-o", str(path), tree or "HEAD"]
    subprocess.run(command, cwd=ROOT, check=True)
    return path
