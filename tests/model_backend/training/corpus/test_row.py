# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows come back from a file as they were written, and a bad one is named with its place and fault."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.errors import RowInvalid
from lspace.model_backend.training.corpus.row import Message, Row, read_rows, write_rows
from lspace.model_backend.training.corpus.validation import read_valid_rows, validate
from PIL import Image

MINI = load_contracts()["lspace-mini"]
SHIP = '[{"label": "vessel_candidate", "bbox": [0.0, 0.0, 0.0045, 0.0089]}]'
texts = st.text(st.characters(codec="utf-8"), min_size=1)
messages = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant"]),
    text=texts,
    images=st.lists(texts, max_size=3).map(tuple),
)
metadata = st.fixed_dictionaries(
    {
        "sample_id": texts,
        "shares": st.lists(st.fixed_dictionaries({"name": texts, "share": st.floats(0, 1)}), max_size=3),
        "geotransform": st.lists(st.floats(-1e7, 1e7), max_size=6),
    }
)
conversations = st.lists(st.tuples(st.lists(messages, min_size=1, max_size=3).map(tuple), metadata))


def row_in(folder, answer=SHIP, images=("chip.png",), **known):
    """A row that is right, with its picture."""
    Image.new("RGB", (8, 8)).save(folder / "chip.png")
    known = {"contract": "lspace-mini", "task": "vessels", "location": "here", **known}
    return Row((Message("user", "Where are ships?", images), Message("assistant", answer)), known, folder)


def written_line(folder, content):
    """A row file with one row, whose user says this."""
    line = {"messages": [{"role": "user", "content": content}]}
    (folder / "rows.jsonl").write_text("\n" + json.dumps(line) + "\n")
    return folder / "rows.jsonl"


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@given(conversations)
def test_rows_come_back_as_they_were_written(tmp_path_factory, suffix, found):
    path = tmp_path_factory.mktemp("rows") / f"rows{suffix}"
    rows = [Row(turns, known, path.parent) for turns, known in found]
    write_rows(rows, path)
    assert read_rows(path) == rows


def test_a_file_holds_the_parts_that_chat_templates_take(tmp_path):
    write_rows([row_in(tmp_path, task="vessels")], tmp_path / "rows.jsonl")
    (line,) = (tmp_path / "rows.jsonl").read_text().splitlines()
    user, assistant = json.loads(line)["messages"]
    assert user["content"] == [
        {"type": "image", "image": "chip.png"},
        {"type": "text", "text": "Where are ships?"},
    ]
    assert assistant["content"] == [{"type": "text", "text": SHIP}]


def test_a_row_tells_system_prompt_answer_and_pictures(tmp_path):
    turns = (
        Message("system", "You see."),
        Message("user", "And?", ("a/1.png", "../2.png")),
        Message("assistant", "first"),
        Message("user", "And now?"),
        Message("assistant", "last"),
    )
    row = Row(turns, {}, tmp_path)
    assert (row.system, row.prompt, row.answer) == ("You see.", "And now?", "last")
    assert row.images == (tmp_path / "a/1.png", tmp_path / "../2.png")
    assert Row(turns[1:], {}, tmp_path).system is None
    with pytest.raises(RowInvalid, match="no assistant message"):
        _ = Row(turns[:2], {}, tmp_path).answer


def test_content_may_be_a_plain_text(tmp_path):
    (row,) = read_rows(written_line(tmp_path, "Where?"))
    assert row.messages == (Message("user", "Where?"),)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "without content"),
        ([], "without content"),
        ([{"type": "text", "text": "Where?"}, {"type": "image", "image": "a.png"}], "images, then one text"),
        ([{"type": "image", "image": "a.png"}], "images, then one text"),
        ([{"type": "text", "text": 7}], "images, then one text"),
        ([{"type": "video", "video": "a.mp4"}, {"type": "text", "text": "?"}], "images, then one text"),
    ],
)
def test_a_malformed_message_is_refused_with_its_line_and_reason(tmp_path, content, reason):
    path = written_line(tmp_path, content)
    with pytest.raises(RowInvalid, match=reason) as caught:
        read_rows(path)
    assert (caught.value.values["file"], caught.value.values["line"]) == (str(path), 2)
    assert str(caught.value).startswith(f"{path}, line 2: ")


@pytest.mark.parametrize(
    "text", ['{"messages": []}', '{"messages": ', "[]", '{"messages": "hi"}', "\xff", "[" * 100_000]
)
def test_what_is_no_row_is_refused_with_its_line(tmp_path, text):
    write_rows([row_in(tmp_path)], tmp_path / "rows.jsonl")
    path = tmp_path / "rows.jsonl"
    path.write_bytes(path.read_bytes() + text.encode("latin-1"))
    with pytest.raises(RowInvalid) as caught:
        read_rows(path)
    assert caught.value.values["line"] == 2


@pytest.mark.parametrize("name", ["missing.jsonl", "missing.parquet", "text.parquet"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(RowInvalid, match="cannot be read") as caught:
        read_rows(tmp_path / name)
    assert caught.value.values["file"] == str(tmp_path / name)


def test_rows_written_elsewhere_show_the_same_pictures(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new" / "deep"
    old.mkdir()
    row = row_in(old, image_paths=["chip.png"], analysis_image_path="chip.png")
    write_rows([row], new / "rows.jsonl")
    (moved,) = read_rows(new / "rows.jsonl")
    assert moved.messages[0].images == ("../../old/chip.png",)
    assert moved.metadata["image_paths"] == ["../../old/chip.png"]
    assert moved.metadata["analysis_image_path"] == "../../old/chip.png"
    assert moved.images[0].resolve() == row.images[0].resolve()


@pytest.mark.parametrize(("suffix", "bad"), [(".parquet", ["no number"]), (".jsonl", float("nan"))])
def test_an_older_file_stays_where_a_new_one_cannot_be_made(tmp_path, suffix, bad):
    path, good = tmp_path / f"rows{suffix}", row_in(tmp_path, extra=1.0)
    write_rows([good], path)
    before = path.read_bytes()
    with pytest.raises((RowInvalid, ValueError)):
        write_rows([good, row_in(tmp_path, extra=bad)], path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["chip.png", path.name]


def test_a_right_row_is_valid(tmp_path):
    validate(row_in(tmp_path), MINI)
    validate(row_in(tmp_path, "[]"))
    validate(row_in(tmp_path, "A harbour.", task="caption"))
    validate(row_in(tmp_path, "anything", contract="", task="of another corpus"))


def box(*values):
    return json.dumps([{"label": "water", "bbox": list(values)}])


def ships(*lefts):
    pixels = [{"label": "vessel_candidate", "bbox": [round(x / 224, 4), 0.0, 0.5, 0.5]} for x in lefts]
    return json.dumps(pixels)


@pytest.mark.parametrize(
    ("answer", "known", "reason"),
    [
        ("nothing here", {}, "not JSON"),
        ('{"boxes": []}', {}, "not a list"),
        ('[{"bbox": [0, 0, 0.5, 0.5], "label": "water"}]', {}, "label and bbox"),
        ('[{"label": " ", "bbox": [0, 0, 0.5, 0.5]}]', {}, "without a label"),
        (box(0, 0, 0.5), {}, "four numbers"),
        (box(0, 0, 0.5, "0.5"), {}, "four numbers"),
        (box(-0.5, 0, 0.5, 0.5), {}, "four numbers"),
        (box(0, 0, 0.5, 1.0), {}, "at most 223/224"),
        (box(0.5, 0, 0.25, 0.5), {}, "x_min, y_min, x_max, y_max"),
        (box(0.0, 0.0, 0.5, 0.123), {}, "whole number of pixels"),
        (box(0.0, 0.0, 0.5, 0.00446), {}, "not as the trained answers"),
        (SHIP.replace(", ", ","), {}, "not as the trained answers"),
        (ships(7, 3), {}, "order of 'left'"),
        (ships(*range(9)), {}, "at most 8 boxes, here 9"),
        (SHIP, {"task": "flood"}, "no task 'flood'"),
        (SHIP, {"contract": "other"}, "no contract 'other'"),
        (SHIP, {"images": ("chip.png", "chip.png")}, "takes 1 image of a place, not 2"),
        (SHIP, {"images": ("gone.png",)}, "gone.png"),
        (SHIP, {"images": ("/chip.png",)}, "relative"),
        (SHIP, {"images": (".\\chip.png",)}, "with slashes"),
        (" ", {}, "without text"),
    ],
)
def test_a_wrong_answer_or_picture_is_refused_with_its_reason(tmp_path, answer, known, reason):
    with pytest.raises(RowInvalid, match=reason):
        validate(row_in(tmp_path, answer, **known))


def test_an_answer_about_regions_need_not_be_in_the_order_of_its_boxes(tmp_path):
    validate(row_in(tmp_path, ships(7, 3), task="ground"))


@pytest.mark.parametrize(
    "roles", ["user", "assistant user", "user system assistant", "user assistant user", "user tool assistant"]
)
def test_roles_are_in_order(tmp_path, roles):
    row = replace(row_in(tmp_path), messages=tuple(Message(role, "words") for role in roles.split()))
    with pytest.raises(RowInvalid, match="roles"):
        validate(row)


def test_only_a_user_shows_pictures(tmp_path):
    row = row_in(tmp_path)
    with pytest.raises(RowInvalid, match="an image in the assistant"):
        validate(replace(row, messages=(row.messages[0], replace(row.messages[1], images=("chip.png",)))))


def test_one_broken_picture_is_found_among_the_rows_of_a_file(tmp_path):
    rows = [row_in(tmp_path), row_in(tmp_path, images=("broken.png",)), row_in(tmp_path)]
    (tmp_path / "broken.png").write_bytes(Path(tmp_path / "chip.png").read_bytes()[:40])
    write_rows(rows, tmp_path / "rows.jsonl")
    with pytest.raises(RowInvalid, match=r"broken\.png is not a readable picture") as caught:
        read_valid_rows(tmp_path / "rows.jsonl")
    assert caught.value.values["line"] == 2
