# SPDX-License-Identifier: GPL-2.0-or-later
"""The GeoPackage of a scan as it is before the first chip: layers that QGIS opens with their style."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFields,
    QgsVectorLayer,
)

from ..layers import RESOURCES, create_footprint_layer, create_proposal_layer, make_field
from ..saving.export import PreparedSave
from ..saving.export_format import ExportFormat
from ..saving.layer_snapshot import LayerSnapshot
from ..saving.save_target import SaveTarget, flush, os_errors
from .scan_settings import ScanSettings

PROPOSALS, FOOTPRINTS, CELLS = "proposals", "footprints", "lspace_cells"
CELL_FIELDS: dict[str, type] = {
    "cell": int,
    "state": str,
    "reason": str,
    "seconds": float,
    "tries": int,
    "row": int,
    "col": int,
    "zone": str,
    "x_min": float,
    "y_min": float,
}
"""``x_min`` and ``y_min`` are the south west corner of the square in its ``zone``, metres."""
_DRAFTS = ".lspace-scan-"
_LEFT_S = 3600.0
"""Nobody takes so long to make a file without a chip."""
_MORE_TABLES = """
CREATE INDEX lspace_cells_state ON lspace_cells (state);
CREATE TABLE lspace_scan (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, value TEXT NOT NULL);
INSERT INTO gpkg_contents (table_name, data_type, identifier)
VALUES ('lspace_scan', 'attributes', 'lspace_scan');
"""


def create_package(path: Path, settings: ScanSettings) -> None:
    """Makes the file, all of it or none, in any thread.

    Raises:
        ExportError: it cannot be written; ``TargetExists`` where there is one already.
        LayerError: QGIS would not make a layer in the CRS of the results.
    """
    target = SaveTarget(path, ExportFormat.GEOPACKAGE, PROPOSALS, overwrite=False)
    with os_errors(target):
        target.check_files()
        _clear_leftovers(path)
        with _folder_beside(path) as folder:
            draft = folder / path.name
            _write_tables(draft, settings)
            with closing(sqlite3.connect(draft)) as database:
                database.executescript(_MORE_TABLES)
                values = ("settings", settings.to_json())
                database.execute("INSERT INTO lspace_scan (name, value) VALUES (?, ?)", values)
                database.commit()
            flush(draft)
            target.check_files()
            os.replace(draft, path)


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """A folder to write in, on the disk of the file, that says whose it is; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_DRAFTS}{path.name}-", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear_leftovers(path: Path) -> None:
    """Removes what was left where one was killed while making a scan's file: this one, or one an hour ago."""
    for folder in path.parent.glob(f"{_DRAFTS}*"):
        with suppress(OSError):  # somebody else was faster
            is_old = time.time() - folder.stat().st_mtime > _LEFT_S
            if is_old or folder.name.startswith(f"{_DRAFTS}{path.name}-"):
                shutil.rmtree(folder, ignore_errors=True)


def _write_tables(draft: Path, settings: ScanSettings) -> None:
    run = settings.run
    crs = QgsCoordinateReferenceSystem.fromWkt(run.output_crs_wkt)
    proposals, footprints = create_proposal_layer(run, crs), create_footprint_layer(run, crs)
    cells = QgsFields()
    for field in CELL_FIELDS.items():
        cells.append(make_field(*field))
    _write_empty(draft, PROPOSALS, proposals, proposals.fields())
    _write_empty(draft, FOOTPRINTS, footprints, footprints.fields())
    _write_empty(draft, CELLS, footprints, cells)


def _write_empty(draft: Path, table: str, like: QgsVectorLayer, fields: QgsFields) -> None:
    """A table with the CRS and the record of a layer, and the style of its own name."""
    metadata = like.metadata()
    metadata.setIdentifier(f"{metadata.identifier()} {table}")  # one of a kind in a GeoPackage
    snapshot = LayerSnapshot(
        name=table,
        fields=fields,
        geometry_type=like.wkbType(),
        crs=like.crs(),
        features=(),
        metadata=metadata,
        style=(RESOURCES / f"{table}.qml").read_text(encoding="utf-8"),
        transform_context=QgsCoordinateTransformContext(),
    )
    PreparedSave(SaveTarget(draft, ExportFormat.GEOPACKAGE, table, overwrite=True), snapshot).write()
