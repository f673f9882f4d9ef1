# SPDX-License-Identifier: GPL-2.0-or-later
"""Shapes as a GeoPackage stores them, and what its spatial index asks about them (OGC 12-128r18, 2.1.3)."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable

from qgis.core import QgsGeometry

_HEADER = struct.Struct("<2sBBi4d")
_LITTLE_ENDIAN_WITH_ENVELOPE = 0x03
_ENVELOPE = struct.Struct("<4d")
_ENVELOPE_AT = 8
_EMPTY_FLAG = 0x10
_ASKED = {"ST_MinX": 0, "ST_MaxX": 1, "ST_MinY": 2, "ST_MaxY": 3}


def shape_blob(wkb: bytes, srs_id: int) -> bytes:
    """A shape with area, as the file stores it."""
    geometry = QgsGeometry()
    geometry.fromWkb(wkb)
    box = geometry.boundingBox()
    envelope = box.xMinimum(), box.xMaximum(), box.yMinimum(), box.yMaximum()
    return _HEADER.pack(b"GP", 0, _LITTLE_ENDIAN_WITH_ENVELOPE, srs_id, *envelope) + wkb


def add_functions(database: sqlite3.Connection) -> None:
    """Gives a connection what the triggers of the spatial index call; for rows made by ``shape_blob``."""
    for name, at in _ASKED.items():
        database.create_function(name, 1, _reader(at), deterministic=True)
    database.create_function("ST_IsEmpty", 1, lambda blob: blob[3] & _EMPTY_FLAG, deterministic=True)


def _reader(at: int) -> Callable[[bytes], float]:
    return lambda blob: float(_ENVELOPE.unpack_from(blob, _ENVELOPE_AT)[at])
