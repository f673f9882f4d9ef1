# SPDX-License-Identifier: GPL-2.0-or-later
"""Chips survive the process border, and whatever is no chip is refused with its field's name."""

from __future__ import annotations

import json

import pytest
from chips import chip_with
from lspace.model_backend.chip import Chip, ChipKind
from lspace.model_backend.errors import RequestError
from lspace.model_backend.georeference.geotransform import GeoTransform


def test_a_chip_comes_back_as_it_was():
    chip = chip_with(
        (1, 2, 3, 4),
        chip_id="Málaga 7",
        kind=ChipKind.TRAINING_GRADE,
        transform=GeoTransform(9.9, 0.5, 600_000.1, 0.5, -9.9, 2_360_000.2),
        sources=("harbour", "水"),
        date="2023-07-14",
    )
    assert Chip.from_payload(json.loads(json.dumps(chip.to_payload()))) == chip


def test_whole_numbers_do_for_measures():
    chip = chip_with()
    payload = {**chip.to_payload(), "gsd_m": 10, "transform": [10, 0, 600_000, 0, -10, 2_360_000]}
    assert Chip.from_payload(payload) == chip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chip_id", 7),
        ("chip_id", None),
        ("kind", "as painted"),
        ("kind", ["as shown"]),
        ("png", "no base64!"),
        ("png", "AAA"),
        ("png", "é"),
        ("png", 5),
        ("png", None),
        ("width_px", "56"),
        ("width_px", 56.0),
        ("width_px", True),
        ("height_px", None),
        ("transform", None),
        ("transform", "abcdef"),
        ("transform", [10, 0, 0, 0, -10]),
        ("transform", [10, 0, 0, 0, -10, 0, 0]),
        ("transform", [10, 0, 0, 0, -10, "0"]),
        ("transform", [10, 0, 0, 0, -10, True]),
        ("transform", [10, 0, 0, 0, -10, 10**400]),
        ("transform", [0, 0, 0, 0, 0, 0]),
        ("transform", [10, 20, 0, 1, 2, 0]),
        ("crs_wkt", {}),
        ("gsd_m", "10"),
        ("gsd_m", None),
        ("gsd_m", 10**400),
        ("valid_share", []),
        ("sources", "harbour"),
        ("sources", ["harbour", 7]),
        ("sources", None),
        ("date", 2023),
    ],
)
def test_a_field_of_the_wrong_form_is_refused_by_name(name, value):
    with pytest.raises(RequestError, match=f"{name} of Chip"):
        Chip.from_payload({**chip_with().to_payload(), name: value})


@pytest.mark.parametrize(
    "fault", [{"width_px": 0}, {"height_px": -56}, {"gsd_m": 0}, {"gsd_m": -10.0}], ids=str
)
def test_a_chip_of_nothing_is_refused(fault):
    with pytest.raises(RequestError, match=r"a chip of .* pixels of"):
        Chip.from_payload({**chip_with().to_payload(), **fault})


def test_an_unknown_field_is_refused():
    with pytest.raises(RequestError, match="unknown fields of Chip: \\['cloud'\\]"):
        Chip.from_payload({**chip_with().to_payload(), "cloud": 0.1})


@pytest.mark.parametrize("name", ["chip_id", "kind", "png", "transform", "gsd_m"])
def test_a_missing_field_is_refused_by_name(name):
    payload = chip_with().to_payload()
    del payload[name]
    with pytest.raises(RequestError, match=f"missing .*'{name}'"):
        Chip.from_payload(payload)


@pytest.mark.parametrize("payload", [None, 3, "chip", [], [["kind", "as shown"]]])
def test_what_is_no_object_is_refused(payload):
    with pytest.raises(RequestError, match="Chip has to be an object"):
        Chip.from_payload(payload)


def test_a_long_value_is_not_told_in_full():
    with pytest.raises(RequestError) as caught:
        Chip.from_payload({**chip_with().to_payload(), "date": ["x" * 10_000]})
    assert len(str(caught.value)) < 200
