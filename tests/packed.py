"""The plugin's zip, as ``./run package`` makes it, of what the checkout holds now."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def packed_zip(folder: Path) -> Path:
    """Makes it in that folder; what is not committed yet is in it."""
    path = folder / "lspace.zip"
    index = {"GIT_INDEX_FILE": str(folder / "index")}  # the checkout's own stays as it is
    _git("add", "--all", **index)
    _git("archive", "--prefix=lspace/", "-o", str(path), _git("write-tree", **index))
    return path


def _git(*arguments: str, **environment: str) -> str:
    command = ["git", *arguments]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()
