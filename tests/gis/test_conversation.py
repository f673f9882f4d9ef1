"""What was asked stays with the project, and damaged entries neither stop it nor vanish."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, area, exchange, picture
from lspace.gis.errors import RecordInvalid
from lspace.gis.runs.conversation import KEY, SCOPE, Conversation, Exchange
from lspace.gis.runs.run_progress import RunOutcome
from planted import HARBOUR, crs_of
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsProject
from qgis.PyQt import sip

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

EVIL = [
    "",
    "line\nbreak\r\n\ttab \x00 null \x0b \x1f \x7f",
    "]]> <![CDATA[ & \" ' <qgis> &#0; &amp;amp;",
    "\u2028\u2029\ufffe\uffff\ud800 alone",
    "港 🛰 \u202e right to left",
    '\\u0000 {"a": [1, 2]} %1 %s {0} {target}',
]


@pytest.fixture
def conversation():
    kept = Conversation()
    yield kept
    kept.deleteLater()


def reopened(tmp_path, name="p.qgz"):
    """Writes the project and reads it again."""
    project, path = QgsProject.instance(), str(tmp_path / name)
    assert project.write(path)
    project.clear()
    assert project.read(path)


def same(one, other):
    """Whether two exchanges say the same; geometries and CRS are compared by what they are."""
    assert one.aoi.polygon.equals(other.aoi.polygon)
    assert one.aoi.crs == other.aoi.crs
    assert one.aoi.rotation_deg == other.aoi.rotation_deg
    return replace(one, aoi=None) == replace(other, aoi=None)


def an_exchange(**fields):
    boxes = answer('[{"label": "water"}]', target="water", has_boxes=True, trained=False, finished=False)
    values = {"outcome": RunOutcome.CANCELLED, "boxes": 3, "summary": "3 boxes.", "proposals_id": "layer_1"}
    return exchange(answer(), boxes, chips=[picture(1), picture(2)], images=2, **{**values, **fields})


def test_an_exchange_survives_json():
    told = an_exchange()
    assert same(Exchange.from_json(told.to_json()), told)


@pytest.mark.parametrize("text", EVIL)
def test_any_letters_survive_a_project_file(conversation, tmp_path, text):
    told = exchange(answer(text, prompt=text, target=text), title=text, summary=text)
    conversation.add(told)
    reopened(tmp_path)
    (again,) = conversation.exchanges
    assert same(again, told)


@pytest.mark.parametrize("name", ["p.qgz", "p.qgs"])
def test_the_conversation_is_back_in_its_order_after_reopening(conversation, tmp_path, name):
    for title in ("first", "second", "third"):
        conversation.add(an_exchange(title=title))
    reopened(tmp_path, name)
    assert [each.title for each in conversation.exchanges] == ["first", "second", "third"]
    assert conversation.last.title == "third"


def test_reading_a_project_does_not_make_it_dirty_and_adding_does(conversation, tmp_path):
    conversation.add(an_exchange())
    assert QgsProject.instance().isDirty()
    reopened(tmp_path)
    assert not QgsProject.instance().isDirty()
    conversation.remove(conversation.last.exchange_id)
    assert QgsProject.instance().isDirty()


def test_a_conversation_made_late_finds_what_the_project_holds(conversation):
    conversation.add(an_exchange(title="earlier"))
    assert [each.title for each in Conversation().exchanges] == ["earlier"]


def test_a_new_project_begins_with_nothing(conversation):
    conversation.add(an_exchange())
    QgsProject.instance().clear()
    assert conversation.exchanges == ()


def test_a_conversation_that_is_gone_hears_of_no_project():
    gone = Conversation()
    sip.delete(gone)
    QgsProject.instance().clear()
    assert not QgsProject.instance().isDirty()


def test_removing_one_leaves_the_others_also_in_the_project(conversation, tmp_path):
    first, second = an_exchange(title="first"), an_exchange(title="second")
    conversation.add(first)
    conversation.add(second)
    conversation.remove(first.exchange_id)
    conversation.remove("never there")
    reopened(tmp_path)
    assert [each.title for each in conversation.exchanges] == ["second"]


def test_clearing_leaves_no_trace_in_the_project(conversation):
    conversation.add(an_exchange())
    conversation.clear()
    assert conversation.last is None
    assert QgsProject.instance().readListEntry(SCOPE, KEY) == ([], False)


def test_an_exchange_added_again_takes_the_place_of_its_first_form(conversation):
    told = an_exchange()
    conversation.add(told)
    conversation.add(replace(told, summary="later"))
    assert [each.summary for each in conversation.exchanges] == ["later"]


def test_each_change_is_told_once_after_what_it_was(conversation):
    heard = []
    conversation.added.connect(lambda each: heard.append(("added", each.title)))
    conversation.removed.connect(lambda gone: heard.append(("removed", len(gone))))
    conversation.changed.connect(lambda: heard.append(("changed", len(conversation.exchanges))))
    conversation.add(an_exchange(title="one"))
    conversation.clear()
    assert heard == [("added", "one"), ("changed", 1), ("removed", 1), ("changed", 0)]


def test_damaged_entries_are_counted_and_stay_in_the_project(conversation, tmp_path):
    conversation.add(an_exchange(title="sound"))
    (record,), _ = QgsProject.instance().readListEntry(SCOPE, KEY)
    QgsProject.instance().writeEntry(SCOPE, KEY, ["{", record, '{"version": 99}'])
    reopened(tmp_path)
    assert conversation.damaged == 2
    assert [each.title for each in conversation.exchanges] == ["sound"]
    conversation.add(an_exchange(title="new"))
    records, _ = QgsProject.instance().readListEntry(SCOPE, KEY)
    assert len(records) == 4
    assert '{"version": 99}' in records


def test_keys_of_a_later_version_are_left_out():
    told = an_exchange()
    values = json.loads(told.to_json())
    values["mood"] = values["answers"][0]["mood"] = values["run"]["mood"] = "good"
    assert same(Exchange.from_json(json.dumps(values)), told)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "7", "[" * 100_000])
def test_what_is_no_exchange_is_refused(text):
    with pytest.raises(RecordInvalid):
        Exchange.from_json(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", 7),
        ("summary", None),
        ("boxes", "3"),
        ("outcome", "splendid"),
        ("proposals_id", 3),
        ("answers", [{"text": 3}]),
        ("answers", [{"chip_id": "", "task": "", "prompt": "", "text": None}]),
        ("answers", 3),
        ("run", {}),
        ("run", None),
        ("aoi", {"wkt": "POINT(1 2)", "crs_wkt": "", "rotation_deg": 0}),
        ("aoi", {"wkt": "POLYGON EMPTY", "crs_wkt": crs_of("EPSG:4326").toWkt(), "rotation_deg": 0}),
        ("aoi", {}),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(name, value):
    with pytest.raises(RecordInvalid):
        Exchange.from_json(json.dumps({**json.loads(an_exchange().to_json()), name: value}))


@pytest.mark.parametrize(("name", "value"), [("images", 0), ("run_id", 3), ("created", None)])
def test_a_run_that_cannot_have_been_is_refused(name, value):
    values = json.loads(an_exchange().to_json())
    values["run"][name] = value
    with pytest.raises(RecordInvalid):
        Exchange.from_json(json.dumps(values))


def test_the_middle_of_the_area_is_told_in_degrees():
    longitude, latitude = an_exchange().centre_lonlat()
    assert (longitude, latitude) == pytest.approx((HARBOUR.x(), HARBOUR.y()), abs=1e-4)


def test_an_area_in_no_known_place_has_no_middle():
    nowhere = replace(area(), crs=QgsCoordinateReferenceSystem())
    assert an_exchange(aoi=nowhere).centre_lonlat() is None
    beyond = replace(area(), polygon=QgsGeometry.fromWkt("POLYGON((1e30 0, 1e30 1e30, 9e30 1e30, 1e30 0))"))
    assert an_exchange(aoi=beyond).centre_lonlat() is None
