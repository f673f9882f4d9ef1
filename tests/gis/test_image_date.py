"""The date of an image: only days of the calendar, the image's own before all others."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.imaging.image_date import date_in, date_of_layer, date_of_view
from planted import ROOT, crs_of, harbour_layer, view_of
from qgis.core import Qgis, QgsDateTimeRange, QgsRasterLayer
from qgis.PyQt.QtCore import QDateTime, Qt


def moment(begin, end):
    return QgsDateTimeRange(*(QDateTime.fromString(day, Qt.DateFormat.ISODate) for day in (begin, end)))


def at_moment(layer, begin, end):
    layer.temporalProperties().setFixedTemporalRange(moment(begin, end))
    layer.temporalProperties().setIsActive(True)
    return layer


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2023-07-01", "2023-07-01"),
        ("harbour 2023_07_01 mosaic", "2023-07-01"),
        ("S2A_MSIL2A_20230701T211931_N0509_R143_T04QFJ_20230702T021500.SAFE", "2023-07-01"),
        ("T04QFJ_20230701T211931_B04_10m.jp2", "2023-07-01"),
        ("LC08_L2SP_064045_20230705_20230717_02_T1_SR_B4.TIF", "2023-07-05"),
        ("LC80640452016213LGN00_B4.TIF", "2016-07-31"),
        ("20230701211931", "2023-07-01"),
        ("scene 20231399 of 20230701", "2023-07-01"),
        ("2024-02-29", "2024-02-29"),
        ("2023-02-29", None),
        ("2023-13-01", None),
        ("2023-07/01", None),
        ("LC80640452015366LGN00", None),
        ("LC80640452016366LGN00", "2016-12-31"),
        ("id 120230701", None),
        ("id 202307011", None),
        ("08501231 and 99991231", None),
        ("harbour", None),
        ("", None),
    ],
)
def test_the_first_day_of_the_calendar_in_a_text_is_its_date(text, date):
    assert date_in(text) == date


def test_a_layers_own_time_goes_before_its_name_and_its_name_before_its_file(tmp_path):
    path = tmp_path / "T04QFJ_20210305.tif"
    path.write_bytes((ROOT / "resources" / "demo" / "honolulu.tif").read_bytes())
    layer = QgsRasterLayer(str(path), "harbour")
    assert date_of_layer(layer) == "2021-03-05"
    layer.setName("harbour 2022-04-06")
    assert date_of_layer(layer) == "2022-04-06"
    at_moment(layer, "2023-07-01T00:00:00", "2023-07-31T00:00:00")
    assert date_of_layer(layer) == "2023-07-01"
    layer.temporalProperties().setMode(Qgis.RasterTemporalMode.RedrawLayerOnly)
    assert date_of_layer(layer) == "2022-04-06"


def test_a_map_has_the_date_on_which_its_layers_agree():
    plain, july, other = harbour_layer(), harbour_layer(), harbour_layer()
    web = crs_of("EPSG:3857")
    july.setName("2023-07-01")
    other.setName("2024-01-05")
    assert date_of_view(view_of([plain], web, 100, 100, 10.0)) is None
    assert date_of_view(view_of([july, plain], web, 100, 100, 10.0)) == "2023-07-01"
    assert date_of_view(view_of([july, other], web, 100, 100, 10.0)) is None
    view = view_of([july, other], web, 100, 100, 10.0)
    view.setIsTemporal(True)
    view.setTemporalRange(moment("2020-02-03T00:00:00", "2020-02-04T00:00:00"))
    assert date_of_view(view) == "2020-02-03"
