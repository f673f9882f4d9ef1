"""The table of proposals, read from files that a GeoPackage writer of its own wrote."""

from __future__ import annotations

import math
import sqlite3
import struct

import numpy as np
import pytest
import shapely
from lspace.model_backend.errors import RequestError
from lspace.model_backend.georeference import proposal_table
from lspace.model_backend.georeference.proposal_table import merged_pairs, read_proposals
from lspace.model_backend.request import MergeRequest
from shapely.geometry import box

SQUARE, FAR = box(0, 0, 10, 10), box(1e6, 0, 1e6 + 5, 7)


def write_package(path, rows):
    """Through GDAL: rows of (shape, label, score, chip_id, status)."""
    import pyogrio

    shapes, *columns = zip(*rows, strict=True)
    names = ["label", "score", "chip_id", "status"]
    values = [np.array(column, float if name == "score" else object) for name, column in zip(names, columns)]
    pyogrio.raw.write(
        path,
        shapely.to_wkb(shapes),
        values,
        names,
        layer="proposals",
        driver="GPKG",
        geometry_type="MultiPolygon",
        promote_to_multi=True,
        crs="EPSG:32604",
    )
    return path


def test_rows_are_read_with_their_ids(tmp_path):
    rows = [(SQUARE, "ship", 0.5, "a", "pending"), (FAR, "water", math.nan, "b", "accepted")]
    fids, proposals = read_proposals(write_package(tmp_path / "a scan #1.gpkg", rows))
    assert fids.tolist() == [1, 2]
    assert [shape.equals(wanted) for shape, wanted in zip(proposals.shapes, (SQUARE, FAR))] == [True, True]
    assert proposals.scores[0] == 0.5
    assert math.isnan(proposals.scores[1])
    assert len(set(proposals.labels)) == len(set(proposals.chips)) == 2


def test_many_rows_keep_their_order_labels_and_chips(tmp_path):
    rows = [(box(at, 0, at + 1, 1), f"l{at % 3}", at / 1e5, f"c{at // 7}", "pending") for at in range(45_000)]
    fids, proposals = read_proposals(write_package(tmp_path / "scan.gpkg", rows))
    assert fids.tolist() == list(range(1, 45_001))
    assert (shapely.bounds(proposals.shapes)[:, 0] == np.arange(45_000)).all()
    assert (proposals.labels == np.arange(45_000) % 3).all()
    assert (proposals.chips == np.arange(45_000) // 7).all()


def test_rejected_and_shapeless_rows_take_no_part(tmp_path):
    empty = shapely.MultiPolygon()
    rows = [(SQUARE, "ship", 0.5, "a", status) for status in ("rejected", "pending", None)]
    path = write_package(tmp_path / "scan.gpkg", [*rows, (empty, "ship", 0.5, "a", "pending")])
    assert read_proposals(path)[0].tolist() == [2, 3]


@pytest.mark.parametrize("envelope", range(5))
def test_a_shape_is_read_whatever_its_envelope(tmp_path, envelope):
    path = write_package(tmp_path / "scan.gpkg", [(SQUARE, "ship", 0.5, "a", "pending")])
    doubles = (0, 4, 6, 6, 8)[envelope]
    header = struct.pack(f"<2sBBi{doubles}d", b"GP", 0, 1 | envelope << 1, 32604, *[0.0] * doubles)
    with sqlite3.connect(path) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE proposals SET geom = ?", (header + shapely.to_wkb(SQUARE),))
    database.close()
    assert read_proposals(path).proposals.shapes[0].equals(SQUARE)


def test_an_empty_table_has_no_rows(tmp_path):
    path = write_package(tmp_path / "scan.gpkg", [(SQUARE, "ship", 0.5, "a", "rejected")])
    fids, proposals = read_proposals(path)
    assert len(fids) == len(proposals.shapes) == len(proposals.labels) == 0


def test_pairs_are_told_by_their_ids_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(proposal_table, "PAIRS_A_PIECE", 2)
    beside = box(1, 0, 11, 10)
    rows = [
        (SQUARE, "ship", 0.5, "a", "rejected"),
        (SQUARE, "ship", 0.6, "a", "pending"),
        (beside, "ship", 0.9, "b", "pending"),
        (FAR, "ship", 0.9, "b", "pending"),
        *[(SQUARE, "ship", 0.1, name, "pending") for name in "cd"],
    ]
    package = write_package(tmp_path / "scan.gpkg", rows)
    pieces = list(merged_pairs(MergeRequest(str(package))))
    assert pieces == [[[2, 3], [5, 3]], [[6, 3]]]
    assert list(merged_pairs(MergeRequest(str(package), iou=0.95, containment=0.95))) == [[[5, 2], [6, 2]]]


def test_what_is_no_scan_is_refused(tmp_path):
    (tmp_path / "text.gpkg").write_text("hello " * 100)
    with sqlite3.connect(tmp_path / "other.gpkg") as database:
        database.execute("CREATE TABLE roads (fid INTEGER)")
    database.close()
    for name in ("text.gpkg", "other.gpkg", "none.gpkg"):
        with pytest.raises(RequestError):
            read_proposals(tmp_path / name)
    assert not (tmp_path / "none.gpkg").exists()
