"""A merge, asked of the real worker: it needs no model, and one that makes no sense is refused."""

from __future__ import annotations

import numpy as np
import pyogrio
import pytest
import shapely
from lspace.model_backend.errors import RequestError
from lspace.model_backend.protocol import MessageType
from lspace.model_backend.request import MergeRequest


@pytest.fixture
def package(tmp_path):
    """A scan of one ship, seen on two chips."""
    shapes = shapely.to_wkb(shapely.box([0, 1], [0, 0], [10, 11], [10, 10]))
    texts = [np.array(pair, object) for pair in (["ship"] * 2, ["a", "b"], ["pending"] * 2)]
    columns, names = [*texts, np.array([0.6, 0.9])], ["label", "chip_id", "status", "score"]
    form = {"layer": "proposals", "driver": "GPKG", "geometry_type": "Polygon", "crs": "EPSG:32604"}
    pyogrio.raw.write(tmp_path / "scan.gpkg", shapes, columns, names, **form)
    return tmp_path / "scan.gpkg"


def test_the_worker_tells_what_was_merged_without_a_model(start, package):
    worker = start("bright_targets.py")
    worker.next()
    worker.send(MessageType.MERGE, 1, MergeRequest(str(package)).to_payload())
    merged, result = worker.until_end_of(1)
    assert (merged.type, merged.body) == (MessageType.MERGED, {"pairs": [[1, 2]]})
    assert (result.type, result.body) == (MessageType.RESULT, {"merged": 1})


def test_a_file_that_is_no_scan_is_an_error_and_the_worker_lives(start, tmp_path):
    worker = start("bright_targets.py")
    worker.next()
    for request_id in (1, 2):
        worker.send(MessageType.MERGE, request_id, MergeRequest(str(tmp_path / "none")).to_payload())
        (error,) = worker.until_end_of(request_id)
        assert (error.type, error.body["code"]) == (MessageType.ERROR, "request")


def test_a_request_comes_back_as_it_was():
    request = MergeRequest("/data/scan.gpkg", 0.4, 0.9)
    assert MergeRequest.from_payload(request.to_payload()) == request
    with pytest.raises(RequestError):
        MergeRequest.from_payload({"package": 3})
