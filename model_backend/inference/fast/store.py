# SPDX-License-Identifier: GPL-2.0-or-later
"""Graphs on disk, made at first use: ``<cache>/graphs/<mode>-<key>``."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...errors import ModelError
from ...model_cache import GRAPHS, MANIFEST, CachedFile, graphs_of
from ..digest import sha256_of, weights_digest
from .modes import MODES

VERSION = 4
"""Of the code that makes graphs: to be raised when it writes something else, so that older ones are left."""


def prepared(folder: Path, mode: str, cache: Path, on_making: Callable[[], None] = lambda: None) -> Path:
    """The folder with a checkpoint's graphs, made now where none is there that is whole.

    Two processes may do this at once: whoever is first is believed, and the other's work is thrown away.

    Raises:
        ModelInvalid: see ``make_graphs``.
        ModelError: the graphs cannot be written, as on a full disk.
    """
    try:
        store = cache / GRAPHS
        store.mkdir(parents=True, exist_ok=True)
        place = store / f"{mode}-{_key(folder, mode, cache)}"
        if not is_whole(place):
            on_making()
            _make(folder, mode, place)
        return place
    except OSError as error:
        raise ModelError(f"the graphs of {folder.name} cannot be kept: {error}", folder=str(cache)) from error


def is_whole(place: Path) -> bool:
    """Whether all files are there as they were written; those touched since then are read and compared."""
    manifest = _manifest(place)
    return manifest is not None and all(_is_same(place, file) for file in _files(manifest))


def disk_use(cache: Path) -> int:
    """Bytes that all kept graphs take."""
    return sum(file.stat().st_size for file in (cache / GRAPHS).rglob("*") if file.is_file())


def _key(folder: Path, mode: str, cache: Path) -> str:
    """The same for the same weights, configuration, mode and code."""
    parts = [weights_digest(folder, cache), (folder / "config.json").read_text(encoding="utf-8")]
    return hashlib.sha256("\n".join([*parts, repr(MODES[mode]), str(VERSION)]).encode()).hexdigest()[:24]


def _make(folder: Path, mode: str, place: Path) -> None:
    from .making import make_graphs  # imports onnx, which only this needs

    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".draft-", ignore_cleanup_errors=True) as name:
        draft = Path(name) / "graphs"
        draft.mkdir()
        make_graphs(folder, MODES[mode], draft)
        _write_manifest(draft, folder, mode)
        _move(draft, place)
    for other in _older(folder, mode, place):
        shutil.rmtree(other, ignore_errors=True)


def _move(draft: Path, place: Path) -> None:
    """Puts the draft in its place, unless another process was faster."""
    try:
        if place.exists():
            place.rename(draft.with_name("damaged"))  # goes with the draft's folder
        draft.rename(place)
    except OSError:
        if not is_whole(place):
            raise


def _older(folder: Path, mode: str, place: Path) -> Iterator[Path]:
    """What was made of the same checkpoint by other code, or before its weights changed."""
    made = graphs_of(folder, place.parents[1])
    return (other for other in made if other != place and other.name.startswith(f"{mode}-"))


def _write_manifest(draft: Path, folder: Path, mode: str) -> None:
    files = []
    for file in sorted(draft.iterdir()):
        stat = file.stat()
        files.append(asdict(CachedFile(file.name, stat.st_size, sha256_of([file]), stat.st_mtime_ns)))
    manifest = {"source": str(folder.resolve()), "mode": mode, "version": VERSION, "files": files}
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _manifest(place: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        if isinstance(manifest, dict) and {"source", "files"} <= manifest.keys():
            return manifest
    return None


def _files(manifest: dict[str, Any]) -> list[CachedFile]:
    return [CachedFile(**entry) for entry in manifest["files"]]


def _is_same(place: Path, file: CachedFile) -> bool:
    path = place / file.name
    if not file.is_in(place):
        return False
    return path.stat().st_mtime_ns == file.mtime_ns or sha256_of([path]) == file.sha256
