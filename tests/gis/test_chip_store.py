"""The pictures of a conversation come back with the project, pixel by pixel, and go with their exchange."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, exchange, picture
from lspace.gis.provenance import ChipRecord
from lspace.gis.runs.chip_store import MOST_LOOSE
from proposals import files_limited_to
from qgis.core import QgsProject

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")


def attached():
    """Without the table of styles that newer QGIS attaches to every project."""
    paths = QgsProject.instance().attachedFiles()
    return [path for path in paths if not path.endswith("styles.db")]


def reopened(path):
    project = QgsProject.instance()
    assert project.write(str(path))
    project.clear()
    assert project.read(str(path))


def ask_about(conversation, store, *chips, images=1):
    """An exchange about these chips, in the conversation."""
    for chip in chips:
        store.keep(chip)
    told = exchange(answer(), chips=chips, images=images)
    conversation.add(told)
    return told


@pytest.mark.parametrize("name", ["p.qgz", "p.qgs"])
def test_a_chip_is_back_pixel_by_pixel_after_the_project_was_closed(conversation, store, tmp_path, name):
    chip = picture()
    ask_about(conversation, store, chip)
    reopened(tmp_path / name)
    (record,) = conversation.last.run.chips
    assert store.chip(record) == chip


def test_a_chip_is_there_at_once_and_not_in_the_project_before_it_was_asked_about(store):
    chip = picture()
    store.keep(chip)
    assert store.chip(ChipRecord.of(chip)) == chip
    assert attached() == []


def test_a_chip_nobody_kept_is_not_there(store):
    assert store.chip(ChipRecord.of(picture())) is None


def test_one_picture_is_attached_once_however_often_it_is_asked_about(conversation, store):
    chip = picture()
    ask_about(conversation, store, chip)
    ask_about(conversation, store, chip)
    assert len(attached()) == 1


def test_a_picture_goes_with_the_last_exchange_about_it(conversation, store):
    shared, own = picture(1), picture(2)
    first = ask_about(conversation, store, shared, own)
    second = ask_about(conversation, store, shared)
    conversation.remove(first.exchange_id)
    assert store.chip(ChipRecord.of(shared)) == shared
    assert store.chip(ChipRecord.of(own)) is None
    conversation.remove(second.exchange_id)
    assert attached() == []


def test_clearing_takes_all_pictures_and_nothing_that_others_attached(conversation, store):
    theirs = QgsProject.instance().createAttachedFile("logo.png")
    Path(theirs).write_bytes(b"theirs")
    ask_about(conversation, store, picture(1), picture(2))
    forgotten = QgsProject.instance().createAttachedFile("lspace_chip_0123456789ab.png")
    Path(forgotten).write_bytes(b"of an entry that could not be read")
    conversation.clear()
    assert attached() == [theirs]


def test_a_picture_that_was_tampered_with_is_refused_until_it_is_made_again(conversation, store):
    chip = picture(1)
    told = ask_about(conversation, store, chip)
    (path,) = attached()
    Path(path).write_bytes(picture(2).png)
    assert store.chip(ChipRecord.of(chip)) is None
    assert store.chip_sets(told.run) == ()
    ask_about(conversation, store, chip)
    assert store.chip(ChipRecord.of(chip)) == chip
    assert len(attached()) == 1


def test_a_record_that_describes_no_chip_gives_none(store):
    chip = picture()
    store.keep(chip)
    record = ChipRecord.of(chip)
    assert store.chip(replace(record, kind="painted")) is None
    assert store.chip(replace(record, transform=(1.0, 0.0))) is None
    assert store.chip(replace(record, transform=(0.0, 0.0, 0.0, 0.0, 0.0, 0.0))) is None


def test_a_pair_comes_back_as_one_place_and_two_squares_as_two(conversation, store):
    before, after = picture(1), picture(2)
    pair = ask_about(conversation, store, before, after, images=2)
    squares = ask_about(conversation, store, before, after)
    (place,) = store.chip_sets(pair.run)
    assert [made.chip for made in place.chips] == [before, after]
    assert place.placed == after
    assert [each.placed for each in store.chip_sets(squares.run)] == [before, after]


def test_a_place_of_which_an_image_is_gone_is_left_out(conversation, store):
    store.keep(picture(1))
    run = exchange(answer(), chips=[picture(1), picture(2), picture(1), picture(1)], images=2).run
    (place,) = store.chip_sets(run)
    assert [made.chip for made in place.chips] == [picture(1), picture(1)]


def test_without_room_on_the_disk_the_picture_stays_for_the_session(conversation, store):
    chip = picture()
    with files_limited_to(100):
        ask_about(conversation, store, chip)
    assert attached() == []
    assert store.chip(ChipRecord.of(chip)) == chip


def test_a_run_that_outlives_its_project_is_kept_with_the_next(conversation, store, tmp_path):
    chip = picture()
    store.keep(chip)
    QgsProject.instance().clear()
    conversation.add(exchange(answer(), chips=[chip]))
    reopened(tmp_path / "p.qgz")
    assert store.chip(ChipRecord.of(chip)) == chip


def test_chips_that_nobody_asked_about_do_not_pile_up(store):
    chip = picture()
    for number in range(MOST_LOOSE + 1):
        store.keep(replace(chip, chip_id=str(number)))
    kept = [n for n in range(MOST_LOOSE + 1) if store.chip(ChipRecord.of(replace(chip, chip_id=str(n))))]
    assert kept == list(range(1, MOST_LOOSE + 1))
