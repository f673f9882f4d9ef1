# SPDX-License-Identifier: GPL-2.0-or-later
"""A mix holds each row as often as it should, and no location on both sides."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.errors import RequestError, RowInvalid
from lspace.model_backend.training.__main__ import main
from lspace.model_backend.training.corpus.mix import Mix, RowSet, load_mix, mix_rows
from lspace.model_backend.training.corpus.row import Message, Row, read_rows, write_rows
from PIL import Image

PLACES = "abcdefghij"


def corpus(folder, name, counts):
    """A row file with so many rows of each location, each with the folder's one picture."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(folder / name / "chip.png")
    turns = (Message("user", "What is it?", ("chip.png",)), Message("assistant", "A chip."))
    rows = [
        Row(turns, {"sample_id": f"{name} {place} {number}", "location": place}, folder / name)
        for place, count in counts.items()
        for number in range(count)
    ]
    write_rows(rows, folder / name / "rows.jsonl")
    return folder / name / "rows.jsonl"


def names(rows):
    return [row.metadata["sample_id"] for row in rows]


def places(rows):
    return {row.metadata["location"] for row in rows}


def mix_file(folder, **described):
    (folder / "mix.json").write_text(json.dumps(described))
    return folder / "mix.json"


def test_a_set_counts_as_often_as_it_is_repeated(tmp_path):
    sets = (
        RowSet(corpus(tmp_path, "main", {"a": 3})),
        RowSet(corpus(tmp_path, "ocean", {"b": 2}), 8),
        RowSet(corpus(tmp_path, "fire", {"c": 1}), 80),
    )
    train, held_out = mix_rows(Mix(sets))
    assert held_out == []
    counted = Counter(names(train))
    assert counted == {
        "main a 0": 1,
        "main a 1": 1,
        "main a 2": 1,
        "ocean b 0": 8,
        "ocean b 1": 8,
        "fire c 0": 80,
    }


counts = st.dictionaries(st.sampled_from(PLACES), st.integers(1, 12), min_size=1)


@given(counts, counts, st.integers(1, 3), st.integers(0, 5), st.floats(0.01, 0.5))
def test_no_location_is_on_both_sides_and_no_row_is_lost(tmp_path_factory, one, other, repeat, seed, share):
    folder = tmp_path_factory.mktemp("mix")
    sets = (RowSet(corpus(folder, "one", one)), RowSet(corpus(folder, "other", other), repeat))
    mix = Mix(sets, seed, share)
    if len(one.keys() | other.keys()) == 1:
        with pytest.raises(RequestError, match="no rows are left"):
            mix_rows(mix)
        return
    train, held_out = mix_rows(mix)
    assert not places(train) & places(held_out)
    every = names(read_rows(sets[0].path)) + names(read_rows(sets[1].path))
    assert sorted({*names(train), *names(held_out)}) == sorted(every)
    assert len(set(names(held_out))) == len(held_out)
    smallest = min(one.get(place, 0) + other.get(place, 0) for place in one.keys() | other.keys())
    assert 0 < len(held_out) <= max(share * len(every), smallest)


def test_named_locations_are_held_out_of_all_sets(tmp_path):
    sets = (
        RowSet(corpus(tmp_path, "one", {"a": 2, "b": 2})),
        RowSet(corpus(tmp_path, "two", {"b": 1, "c": 1}), 5),
    )
    train, held_out = mix_rows(Mix(sets, locations=("b",)))
    assert sorted(names(held_out)) == ["one b 0", "one b 1", "two b 0"]
    assert places(train) == {"a", "c"}
    with pytest.raises(RequestError, match="hold out: nowhere"):
        mix_rows(Mix(sets, locations=("b", "nowhere")))


def test_a_seed_decides_the_order_and_the_same_seed_gives_the_same_bytes(tmp_path):
    corpus(tmp_path, "one", dict.fromkeys(PLACES, 4))
    written = []
    for number, seed in enumerate((1, 1, 2)):
        sets = [{"rows": "one/rows.jsonl", "repeat": 3}]
        path = mix_file(tmp_path, sets=sets, seed=seed, hold_out={"locations": ["a", "b"]})
        out = tmp_path / f"out{number}"
        assert main(["mix", str(path), str(out)]) == 0
        written.append([(out / name).read_bytes() for name in ("train.jsonl", "held_out.jsonl")])
    assert written[0] == written[1]
    for side in (0, 1):
        assert written[0][side] != written[2][side]
        assert sorted(written[0][side].splitlines()) == sorted(written[2][side].splitlines())


def test_the_command_leads_to_the_pictures_and_tells_the_counts(tmp_path, capsys):
    corpus(tmp_path, "one", {"a": 2, "b": 1})
    path = mix_file(tmp_path, sets=[{"rows": "one/rows.jsonl", "repeat": 2}], hold_out={"locations": ["b"]})
    assert main(["mix", str(path), str(tmp_path / "deep/out")]) == 0
    told = capsys.readouterr().out
    assert "train.jsonl: 4 rows, 1 locations" in told
    assert "held_out.jsonl: 1 rows, 1 locations" in told
    for name in ("train.jsonl", "held_out.jsonl"):
        for row in read_rows(tmp_path / "deep/out" / name):
            assert row.messages[0].images == ("../../one/chip.png",)
            assert row.images[0].is_file()


def test_a_bad_row_stops_the_mix_with_its_place(tmp_path, capsys):
    path = corpus(tmp_path, "one", {"a": 2})
    path.write_text(path.read_text().replace("chip.png", "gone.png", 3))
    assert (
        main(["mix", str(mix_file(tmp_path, sets=[{"rows": "one/rows.jsonl"}])), str(tmp_path / "out")]) == 1
    )
    assert capsys.readouterr().err.startswith(f"row_invalid: {path}, line 1: gone.png is not a readable")
    assert not (tmp_path / "out").exists()


def test_rows_without_a_location_cannot_be_split(tmp_path):
    path = corpus(tmp_path, "one", {"": 1, "a": 1})
    assert len(mix_rows(Mix((RowSet(path),)))[0]) == 2
    with pytest.raises(RowInvalid, match="no location to split by"):
        mix_rows(Mix((RowSet(path),), share=0.5))


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        ({}, "lacks 'sets'"),
        ({"sets": []}, "names no set"),
        ({"sets": [{"rows": "a.jsonl", "repeat": 0}]}, "once or more"),
        ({"sets": [{"rows": "a.jsonl", "repeat": 1.5}]}, "'repeat' has the wrong kind"),
        ({"sets": [{"rows": "a.jsonl", "times": 2}]}, "unknown 'times'"),
        ({"sets": [{"rows": "a.jsonl"}], "hold_out": {"share": 1}}, "less than 1"),
        ({"sets": [{"rows": "a.jsonl"}], "hold_out": {"share": 0.1, "locations": []}}, "either"),
        ({"sets": [{"rows": "a.jsonl"}], "hold_out": {"locations": [3]}}, "names"),
    ],
)
def test_a_wrong_mix_is_refused_with_its_fault(tmp_path, described, reason):
    with pytest.raises(RequestError, match=reason):
        load_mix(mix_file(tmp_path, **described))
