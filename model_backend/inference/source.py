# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a chosen model's files lie, downloaded if need be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelNotFound
from ..request import ModelChoice
from .digest import weights_digest

IsCancelled = Callable[[], bool]
OnStage = Callable[[str, "float | None"], None]
"""Code of a stage (``download``, ``device``, ``weights``) and how much of it is done, 0..1, where known."""
RANDOM_MARK = "lspace_random_weights"
"""Key of config.json that says the weights were never trained."""
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Source:
    """A checkpoint's files."""

    folder: Path
    name: str
    """Hub id, or the folder's name."""
    commit: str | None
    """None for a folder of the user's own."""

    def revision(self, cache: Path) -> str:
        """The commit, or what identifies the weights of a folder; noted in the cache, see there."""
        return self.commit or f"sha256:{weights_digest(self.folder, cache)[:12]}"


def locate(choice: ModelChoice, on_stage: OnStage, is_cancelled: IsCancelled) -> Source:
    """The files of the chosen model, downloaded if it is on the hub and not here yet.

    Raises:
        ModelNotFound: neither a folder nor a hub id.
        DownloadFailed, ChecksumMismatch, RequestError, Cancelled: see ``download``.
    """
    folder = Path(choice.model).expanduser()
    if folder.is_dir():
        return Source(folder, folder.resolve().name, None)
    if not _HUB_ID.fullmatch(choice.model):
        raise ModelNotFound(f"there is no folder {choice.model}", model=choice.model)
    from .download import download, told_seldom  # and with it the network's libraries, slow to import

    report = told_seldom(lambda _file, done, total: on_stage("download", done / max(total, 1)))
    folder, commit = download(choice, report, is_cancelled)
    return Source(folder, choice.model, commit)
