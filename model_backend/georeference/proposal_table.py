# SPDX-License-Identifier: GPL-2.0-or-later
"""The proposals of a scan, read from its GeoPackage: without GDAL, which the worker's Python has not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from ..errors import RequestError
from ..request import MergeRequest
from .merging import Proposals, Thresholds, merge

_QUERY = (
    "SELECT fid, label, score, chip_id, geom FROM proposals "
    "WHERE geom IS NOT NULL AND status IS NOT 'rejected' ORDER BY fid"
)
PAIRS_A_PIECE = 10_000
"""So that no message becomes a long line."""
_ROWS_AT_ONCE = 20_000
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
"""Of a GeoPackage geometry, by the kind that its flags name; in front are eight other bytes."""
_EMPTY_FLAG = 0x10


class ProposalTable(NamedTuple):
    """The rows that have a shape and that nobody rejected."""

    fids: NDArray[np.int64]
    proposals: Proposals


def merged_pairs(request: MergeRequest) -> Iterator[list[list[int]]]:
    """Yields, piece by piece, which proposals of a scan are seen twice: [id to be dropped, id to be kept].

    Raises:
        RequestError: a file without a table of proposals, or none.
    """
    fids, proposals = read_proposals(Path(request.package))
    into = merge(proposals, Thresholds(request.iou, request.containment))
    (dropped,) = np.nonzero(into != np.arange(len(into)))
    pairs = np.stack([fids[dropped], fids[into[dropped]]], axis=1)
    for start in range(0, len(pairs), PAIRS_A_PIECE):
        yield pairs[start : start + PAIRS_A_PIECE].tolist()


def read_proposals(package: Path) -> ProposalTable:
    """All proposals of a scan, as they were committed last; others may be writing to the file.

    Raises:
        RequestError: a file without such a table, or none.
    """
    try:
        with closing(sqlite3.connect(f"{package.resolve().as_uri()}?mode=ro", uri=True)) as database:
            return _columns(database.execute(_QUERY))
    except (sqlite3.Error, shapely.errors.ShapelyError, ValueError, IndexError, TypeError) as error:
        raise RequestError(f"no proposals in {package}: {error}", path=str(package)) from error


def _columns(cursor: sqlite3.Cursor) -> ProposalTable:
    fids: list[int] = []
    scores: list[float] = []
    labels, chips = _Words(), _Words()
    pieces: list[NDArray[Any]] = []
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        full = [row for row in rows if not row[4][3] & _EMPTY_FLAG]
        fids += [row[0] for row in full]
        labels.add(row[1] for row in full)
        scores += [np.nan if row[2] is None else float(row[2]) for row in full]
        chips.add(row[3] for row in full)
        pieces.append(shapely.from_wkb([_wkb(row[4]) for row in full]))
    shapes = np.concatenate(pieces) if pieces else np.empty(0, object)
    proposals = Proposals(shapes, np.array(labels.codes), np.array(scores, float), np.array(chips.codes))
    return ProposalTable(np.array(fids, np.int64), proposals)


def _wkb(blob: bytes) -> bytes:
    """What follows the header of a GeoPackage geometry (OGC 12-128r18, clause 2.1.3)."""
    return blob[8 + _ENVELOPE_BYTES[blob[3] >> 1 & 7] :]


class _Words:
    """Words as numbers: of a million rows each of a few words, or of a chip's id, many times."""

    def __init__(self) -> None:
        self._known: dict[str | None, int] = {}
        self.codes: list[int] = []

    def add(self, words: Iterable[str | None]) -> None:
        """Goes on with some."""
        known = self._known
        self.codes += [known.setdefault(word, len(known)) for word in words]
