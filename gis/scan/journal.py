# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of each chip of a scan, in one file with the results: killed at any moment, it goes on.

A chip's results and its state are written in one transaction, and are on the disk when that is over. SQLite
does this by itself where OGR, between its own statements, would have to be trusted; and in its WAL mode QGIS
reads the layers meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsRectangle,
)

from ..errors import CrsUnknown, JournalUnusable, RecordInvalid, ScanDiffers
from ..imaging.training_chips import ChipSquare
from ..reprojection import point_by_point
from .cell_outcome import CellOutcome, CellState, FailedCell
from .gpkg_shape import add_functions, shape_blob
from .grid import GridCell, ScanGrid
from .scan_package import CELL_FIELDS, FOOTPRINTS, PROPOSALS, create_package
from .scan_settings import ScanSettings

_PATIENCE_S = 30.0
"""So long it is waited for another program that writes into the file, as QGIS does for a review."""
_CELLS_AT_ONCE = 2000


class Journal:
    """The open file of a scan; for the thread that opened it. Each method raises ``JournalUnusable``."""

    def __init__(self, path: Path) -> None:
        """Opens a file that is there.

        Raises:
            JournalUnusable: it is none of a scan, or cannot be used.
        """
        if not path.is_file():
            raise JournalUnusable("no file", path=str(path), reason="no scan")
        self.path = path
        self._database = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)
        try:
            with self._errors():
                add_functions(self._database)
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                self.settings = self._read_settings()
                self._srs_id = self._read_srs_id()
                self._columns = {table: self._read_columns(table) for table in (PROPOSALS, FOOTPRINTS)}
        except JournalUnusable:
            self._database.close()
            raise

    @classmethod
    def at(cls, path: Path, settings: ScanSettings) -> Journal:
        """The file of this scan, made where there is none yet.

        Raises:
            ScanDiffers: the file holds another scan; ``differences`` says what is another.
            JournalUnusable: as when opened.
            ExportError: the file cannot be made.
        """
        if not path.exists():
            create_package(path, settings)
        journal = cls(path)
        differences = journal.settings.differences(settings)
        if differences:
            journal.close()
            raise ScanDiffers("another scan", path=str(path), differences=differences)
        return journal

    def close(self) -> None:
        """Leaves one file behind where nobody else has it open, else what others will tidy up."""
        try:
            self._database.execute("PRAGMA busy_timeout = 0")
            self._database.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error:  # somebody reads
            pass
        self._database.close()

    # cells

    @property
    def is_planned(self) -> bool:
        """Whether all cells are there."""
        with self._errors():
            found = self._database.execute("SELECT 1 FROM lspace_scan WHERE name = 'planned'").fetchone()
        return found is not None

    def plan(
        self,
        grid: ScanGrid,
        context: QgsCoordinateTransformContext,
        gives_up: Callable[[], bool] = lambda: False,
    ) -> None:
        """Adds the cells that are not there yet; goes on where it was given up or killed."""
        output = QgsCoordinateReferenceSystem.fromWkt(self.settings.run.output_crs_wkt)
        cells = grid.cells(self._next_index())
        while not self.is_planned and not gives_up():
            batch = list(islice(cells, _CELLS_AT_ONCE))
            shapes = [_outline(cell, output, context) for cell in batch]
            blobs = [shape and shape_blob(shape, self._srs_id) for shape in shapes]
            rows = [(blob, _values_of(cell)) for blob, cell in zip(blobs, batch)]
            with self._transaction():
                if not batch:
                    self._database.execute("INSERT INTO lspace_scan (name, value) VALUES ('planned', '')")
                self._insert("lspace_cells", ["fid", *CELL_FIELDS], rows)

    def waiting(self, after: int = -1, most: int = 100) -> list[GridCell]:
        """The next cells to be asked about, those behind an index."""
        query = (
            "SELECT cell, row, col, zone, x_min, y_min FROM lspace_cells "
            "WHERE state = 'waiting' AND fid > ? ORDER BY fid LIMIT ?"
        )
        with self._errors():
            rows = self._database.execute(query, (after + 1, most)).fetchall()
        return [self._cell(*row) for row in rows]

    def counts(self) -> dict[CellState, int]:
        """How many cells there are of each state."""
        with self._errors():
            rows = self._database.execute("SELECT state, COUNT(*) FROM lspace_cells GROUP BY state")
            found = dict(rows.fetchall())
        return {state: found.get(state.value, 0) for state in CellState}

    def proposals(self) -> int:
        """How many there are, whatever their status."""
        with self._errors():
            return int(self._database.execute("SELECT COUNT(*) FROM proposals").fetchone()[0])

    def failed(self, most: int = 1000) -> list[FailedCell]:
        """Those that failed, in the order of the grid."""
        query = "SELECT cell, reason, tries FROM lspace_cells WHERE state = 'failed' ORDER BY fid LIMIT ?"
        with self._errors():
            return [FailedCell(*row) for row in self._database.execute(query, (most,))]

    def retry_failed(self) -> int:
        """Has those that failed wait again; returns how many."""
        with self._transaction():
            query = "UPDATE lspace_cells SET state = 'waiting', reason = '' WHERE state = 'failed'"
            return self._database.execute(query).rowcount

    # results

    def record(self, index: int, outcome: CellOutcome) -> bool:
        """Writes what became of a cell, all of it or none; False where it is no longer waiting.

        Then somebody else has recorded it, and nothing is written: no chip counts twice.
        """
        query = (
            "UPDATE lspace_cells SET state = ?, reason = ?, seconds = ?, tries = tries + 1 "
            "WHERE fid = ? AND state = 'waiting'"
        )
        values = (outcome.state.value, outcome.reason, outcome.seconds, index + 1)
        shapes = [(shape_blob(wkb, self._srs_id), values) for wkb, values in outcome.proposals]
        with self._transaction():
            if self._database.execute(query, values).rowcount == 0:
                return False
            self._add(PROPOSALS, shapes)
            if outcome.footprint is not None:
                find = "SELECT geom FROM lspace_cells WHERE fid = ?"
                (shape,) = self._database.execute(find, (index + 1,)).fetchone()
                self._add(FOOTPRINTS, [(shape, outcome.footprint)])
        return True

    def drop_merged(self, pairs: Iterable[Sequence[int]]) -> int:
        """Takes away pending proposals that were merged into others: pairs of ids, the dropped one first."""
        query = "DELETE FROM proposals WHERE fid = ? AND status = 'pending'"
        with self._transaction():
            return self._database.executemany(query, ((dropped,) for dropped, _ in pairs)).rowcount

    def _add(self, table: str, rows: Sequence[tuple[bytes, Mapping[str, Any]]]) -> None:
        names = self._columns[table]
        self._insert(table, names, [(shape, [values.get(name) for name in names]) for shape, values in rows])

    def _insert(
        self, table: str, names: Sequence[str], rows: Iterable[tuple[bytes | None, Sequence[Any]]]
    ) -> None:
        columns = ", ".join(f'"{name}"' for name in names)
        marks = ", ?" * len(names)
        query = f"INSERT INTO {table} (geom, {columns}) VALUES(?{marks})"
        self._database.executemany(query, ((shape, *values) for shape, values in rows))

    def _cell(self, index: int, row: int, column: int, zone: str, x_min: float, y_min: float) -> GridCell:
        side = self.settings.side_m
        extent = QgsRectangle(x_min, y_min, x_min + side, y_min + side)
        return GridCell(index, row, column, ChipSquare(extent, QgsCoordinateReferenceSystem(zone)))

    def _next_index(self) -> int:
        with self._errors():
            (last,) = self._database.execute("SELECT MAX(fid) FROM lspace_cells").fetchone()
        return last or 0

    def _read_settings(self) -> ScanSettings:
        found = self._database.execute("SELECT value FROM lspace_scan WHERE name = 'settings'").fetchone()
        try:
            return ScanSettings.from_json(found[0] if found else "")
        except RecordInvalid as error:
            raise JournalUnusable(str(error), path=str(self.path), reason="no scan") from error

    def _read_srs_id(self) -> int:
        query = "SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = 'proposals'"
        return int(self._database.execute(query).fetchone()[0])

    def _read_columns(self, table: str) -> list[str]:
        """Without key and shape; of a file that an earlier version made, not all that we know."""
        names = self._database.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return [name for (name,) in names if name not in ("fid", "geom")]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise JournalUnusable(str(error), path=str(self.path), reason=_reason_of(error)) from error


def _reason_of(error: sqlite3.Error) -> str:
    # by SQLite's own words: Python knows its error codes from 3.11 on
    words = {"locked": "locked", "full": "full", "no such table": "no scan", "not a database": "no scan"}
    return next((reason for word, reason in words.items() if word in str(error)), "broken")


def _outline(
    cell: GridCell, output: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext
) -> bytes | None:
    square = QgsGeometry.collectGeometry([QgsGeometry.fromRect(cell.square.extent)])
    try:
        return bytes(point_by_point(square, cell.square.crs, output, context).asWkb())
    except CrsUnknown:  # it can be asked about, and not be drawn
        return None


def _values_of(cell: GridCell) -> list[Any]:
    extent = cell.square.extent
    place = (cell.row, cell.column, cell.square.crs.authid(), extent.xMinimum(), extent.yMinimum())
    return [cell.index + 1, cell.index, CellState.WAITING.value, "", 0.0, 0, *place]
