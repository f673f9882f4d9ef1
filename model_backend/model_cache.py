# SPDX-License-Identifier: GPL-2.0-or-later
"""Where downloaded models lie, and what was noted of them: ``<cache>/<owner>--<name>/<commit>``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

RECORD = "lspace-download.json"
"""Beside the files of a model that has arrived whole; says what was checked."""
GRAPHS, MANIFEST = "graphs", "graphs.json"
"""The folder in the cache for what the fast engine makes of models, and the file in each that tells which."""
PART = ".part"
"""End of the name of a file that is still arriving."""
_MODEL = re.compile(r"([\w.-]+?)--([\w.-]+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class CachedFile:
    """One file as it was when it was checked."""

    name: str
    size: int
    """Bytes."""
    sha256: str | None
    """Pinned by us or, failing that, told by the hub; None for small files."""
    mtime_ns: int

    def is_in(self, folder: Path) -> bool:
        """Whether a file of its name and size is there."""
        path = folder / self.name
        return path.is_file() and path.stat().st_size == self.size


@dataclass(frozen=True)
class CachedModel:
    """The folder of one commit, whole or not."""

    hub_id: str
    revision: str
    folder: Path

    @property
    def is_whole(self) -> bool:
        """Whether all of its files have arrived."""
        files = read_record(self.folder)
        return files is not None and all(file.is_in(self.folder) for file in files)


def cache_folder(chosen: str | None) -> Path:
    """The chosen folder, or ``lspace`` inside the one that the hub library would take."""
    if chosen:
        return Path(chosen).expanduser()
    home = os.getenv("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    hub_home = os.path.expanduser(os.path.expandvars(os.getenv("HF_HOME", os.path.join(home, "huggingface"))))
    own = os.getenv("HUGGINGFACE_HUB_CACHE", os.path.join(hub_home, "hub"))
    return Path(os.path.expanduser(os.path.expandvars(os.getenv("HF_HUB_CACHE", own)))) / "lspace"


def model_folder(cache: Path, hub_id: str, revision: str) -> Path:
    """Where a commit of a hub model belongs."""
    return cache / hub_id.replace("/", "--") / revision


def cached_models(cache: Path) -> Iterator[CachedModel]:
    """All of a cache folder, by name; what lies there besides is passed over."""
    for folder in sorted(cache.glob("*--*/*")):
        named = _MODEL.fullmatch(folder.parent.name)
        if named and _COMMIT.fullmatch(folder.name) and folder.is_dir():
            yield CachedModel("/".join(named.groups()), folder.name, folder)


def read_record(folder: Path) -> list[CachedFile] | None:
    """The files that were checked; None where the model is not whole, or was not brought by us."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return [CachedFile(**entry) for entry in record]
    except (OSError, ValueError, TypeError):
        return None


def write_record(folder: Path, files: list[CachedFile]) -> None:
    """Notes that the files were checked."""
    entries = [asdict(file) for file in files]
    (folder / RECORD).write_text(json.dumps(entries, indent=1), encoding="utf-8")


def graphs_of(folder: Path, cache: Path) -> Iterator[Path]:
    """The folders of what the fast engine has made of a model."""
    for manifest in cache.glob(f"{GRAPHS}/*/{MANIFEST}"):
        with suppress(OSError, ValueError, KeyError, TypeError):  # whatever a crash has left
            if json.loads(manifest.read_text(encoding="utf-8"))["source"] == str(folder.resolve()):
                yield manifest.parent
