# SPDX-License-Identifier: GPL-2.0-or-later
"""The style of a saved layer, where QGIS looks for it: beside the file, or in the GeoPackage."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from qgis.core import QgsVectorLayer

from ..errors import WriteFailed
from .save_target import SaveTarget, check_room

UNSTYLED = QgsVectorLayer.LayerOptions(loadDefaultStyle=False)


def write_style(target: SaveTarget, style: str, folder: Path) -> None:
    """Adds the style to the layer in the folder; in any thread.

    Raises:
        WriteFailed: GDAL or QGIS would not take it.
        OSError: as of a full disk.
    """
    sidecar = (folder / target.path.name).with_suffix(".qml")
    sidecar.write_bytes(style.encode())
    if target.is_package:
        _move_into_package(target, folder, sidecar)


def _move_into_package(target: SaveTarget, folder: Path, sidecar: Path) -> None:
    written = QgsVectorLayer(target.uri_in(folder), target.table, "ogr", UNSTYLED)
    message, loaded = written.loadNamedStyle(str(sidecar))
    if loaded:
        _delete_style(written, target.table)
        message = written.saveStyleToDatabase(target.table, "", True, "")
    del written
    if message or not _leaves_wal_mode(folder / target.path.name):
        check_room(folder)
        raise WriteFailed(message, path=str(target.path))
    sidecar.unlink()


def _leaves_wal_mode(package: Path) -> bool:
    # QGIS leaves its journal mode in the file; such a file does not open where the folder is read-only.
    with closing(sqlite3.connect(package)) as database:
        try:
            return database.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
        except sqlite3.Error:
            return False


def _delete_style(layer: QgsVectorLayer, name: str) -> None:
    # The provider opens a message box when a style of that name is there (QGIS 3.22).
    related, ids, names, *_ = layer.listStylesInDatabase()
    for style_id, style_name in list(zip(ids, names))[:related]:
        if style_name == name:
            deleted, message = layer.deleteStyleFromDatabase(style_id)
            if not deleted:
                raise WriteFailed(message, style=name)
