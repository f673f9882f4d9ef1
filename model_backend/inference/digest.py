# SPDX-License-Identifier: GPL-2.0-or-later
"""The sha256 of weights, noted because reading them takes a second."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..model_cache import GRAPHS

_BLOCK = 1 << 22
_NOTES = "digests"


def sha256_of(files: Iterable[Path]) -> str:
    """Hexadecimal sha256 of the files' bytes, one after the other."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def weights_digest(folder: Path, cache: Path) -> str:
    """The sha256 of a checkpoint's weights, noted in the cache for as long as they keep size and time."""
    files = sorted(folder.glob("*.safetensors"))
    states = [(file, file.stat()) for file in files]
    state = repr([(str(file.resolve()), stat.st_size, stat.st_mtime_ns) for file, stat in states])
    note = cache / GRAPHS / _NOTES / hashlib.sha256(state.encode()).hexdigest()[:24]
    if note.is_file():
        return note.read_text(encoding="ascii")
    digest = sha256_of(files)
    with suppress(OSError):  # a full disk: then it is read again the next time
        note.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=note.parent.parent, prefix=".draft-") as draft:
            written = Path(draft) / "digest"
            written.write_text(digest, encoding="ascii")
            written.replace(note)
    return digest
