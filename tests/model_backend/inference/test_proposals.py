# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading boxes: the trained form exactly, every malformed form as far as it can be understood."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.inference.completion import Completion, CompletionChunk, FinishReason
from lspace.model_backend.inference.proposals import Outcome, may_complete_box, read_proposals

STOP, LENGTH = FinishReason.STOP, FinishReason.LENGTH
BOX = (0.1, 0.2, 0.3, 0.4)
TRAINED = (
    '[{"label": "tree cover", "bbox": [0.0446, 0.0446, 0.4464, 0.5357]}, '
    '{"label": "built areas", "bbox": [0.5804, 0.625, 0.8929, 0.9375]}]'
)
LABELS = sorted({target.label for contract in load_contracts().values() for target in contract.targets})


def read(text, ending=STOP, default_label=None):
    return read_proposals(Completion(text, (), ending), default_label)


def found(reading):
    return [(proposal.label, proposal.box) for proposal in reading.proposals]


def test_the_trained_form_needs_no_repair():
    reading = read(TRAINED)
    assert found(reading) == [
        ("tree cover", (0.0446, 0.0446, 0.4464, 0.5357)),
        ("built areas", (0.5804, 0.625, 0.8929, 0.9375)),
    ]
    assert all(proposal.repairs == () for proposal in reading.proposals)
    assert reading.proposals[0].raw == '{"label": "tree cover", "bbox": [0.0446, 0.0446, 0.4464, 0.5357]}'
    assert (reading.outcome, reading.dropped, reading.notes) == (Outcome.FOUND, {}, ())


@pytest.mark.parametrize(
    ("text", "expected", "repairs"),
    [
        # keys, quotes and brackets of other languages
        ("{'label': 'a', 'bbox': [0.1, 0.2, 0.3, 0.4]}", [("a", BOX)], {"single quotes"}),
        ('{"label": "a", "bbox": (0.1, 0.2, 0.3, 0.4)}', [("a", BOX)], {"tuple"}),
        ('{label: "a", bbox: [0.1, 0.2, 0.3, 0.4]}', [("a", BOX)], {"unquoted"}),
        ("{label: tree cover, bbox: [0.1, 0.2, 0.3, 0.4]}", [("tree cover", BOX)], {"unquoted"}),
        ('{"label"= "a", "bbox"= [0.1, 0.2, 0.3, 0.4]}', [("a", BOX)], {"equals sign"}),
        ('{"label": "a", "bbox": [0.1 0.2 0.3 0.4],}', [("a", BOX)], {"loose syntax"}),
        ('{"bbox": [0.1, 0.2, 0.3, 0.4], "label": "a"}', [("a", BOX)], {"loose syntax"}),
        ('{"class": "a", "box": [0.1, 0.2, 0.3, 0.4]}', [("a", BOX)], {"renamed key"}),
        ('{"name": "a", "bbox": [0.1, 0.2, 0.3, 0.4]}', [("a", BOX)], {"renamed key"}),
        (
            '{"label": "a", "bbox": [0.1, 0.2, 0.3, 0.4], "confidence": 0.9}',
            [("a", BOX)],
            {"written score ignored"},
        ),
        ('{"label": "a", "bbox": [0.1, 0.2, 0.3, 0.4], "note": "x"}', [("a", BOX)], {"extra key"}),
        # wrapped, fenced, wordy
        (f'{{"boxes": {TRAINED[:69]}]}}', [("tree cover", (0.0446, 0.0446, 0.4464, 0.5357))], set()),
        ('{"detections": [{"label": "a", "bbox": [0.1, 0.2, 0.3, 0.4]}]}', [("a", BOX)], set()),
        ('{"caption": "A [b] (~75%).", "bboxes": [{"label": "a", "bbox": [0.1, 0.2, 0.3, 0.4]}]}',
         [("a", BOX)], set()),
        ('```json\n[{"label": "a", "bbox": [0.1, 0.2, 0.3, 0.4]}]\n```', [("a", BOX)], set()),
        ('Here it is: [{"label": "a", "bbox": [0.1, 0.2, 0.3, 0.4]}]. Done.', [("a", BOX)], set()),
        ('[boxes: [{label: "a", bbox: [0.1, 0.2, 0.3, 0.4]}]]', [("a", BOX)], {"unquoted"}),
        ('{"label": "a", "boxes": [{"bbox": [0.1, 0.2, 0.3, 0.4]}]}', [("a", BOX)], {"outer label"}),
        ('{"label": "a", "bbox": {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}}', [("a", BOX)],
         {"named corners"}),
        ('{"label": "a", "ymin": 0.2, "xmin": 0.1, "ymax": 0.4, "xmax": 0.3}', [("a", BOX)],
         {"named corners"}),
        # brackets and quotes that are not there
        ('[{"label": "a", "bbox": [0.1, 0.2, 0.3, 0.4]\n  ]', [("a", BOX)], {"unclosed"}),
        ('{"label": "a", "bbox": [0.1, 0.2, 0.3, 0.4}', [("a", BOX)], {"unclosed"}),
        ('{"label": "a", "bbox": [0.1, 0.2, 0.3, 0.4]', [("a", BOX)], {"unclosed"}),
        ('{"label": "a", "bbox": 0.1, 0.2, 0.3, 0.4}', [("a", BOX)], {"missing bracket"}),
        ('{"label": "a, "bbox": [0.1, 0.2, 0.3, 0.4]}', [("a", BOX)], {"unquoted", "cleaned label"}),
        ('{label": "a", "bbox: [0.1, 0.2, 0.3, 0.4]}', [("a", BOX)], {"unquoted"}),
        # numbers
        ('{"label": "a", "bbox": ["0.1", "0.2", "0.3", "0.4"]}', [("a", BOX)], {"quoted number"}),
        ('{"label": "a", "bbox": "0.1, 0.2, 0.3, 0.4"}', [("a", BOX)], {"quoted number", "missing bracket"}),
        ('{"label": "a", "bbox": [100, 200, 300, 400]}', [("a", BOX)], {"scaled 1/1000"}),
        ('{"label": "a", "bbox": [0, 20, 30, 224]}', [("a", (0, 0.02, 0.03, 0.224))],
         {"scaled 1/1000", "ambiguous unit"}),
        ('{"label": "a", "bbox": [0.3, 0.2, 0.1, 0.4]}', [("a", BOX)], {"swapped x"}),
        ('{"label": "a", "bbox": [0.3, 0.4, 0.1, 0.2]}', [("a", BOX)], {"swapped x", "swapped y"}),
        ('{"label": "a", "bbox": [-0.1, 0.2, 0.3, 1.2]}', [("a", (0, 0.2, 0.3, 1))], {"clamped"}),
        # inclusive edges: no width or no height is one pixel
        ('{"label": "a", "bbox": [0.0446, 0.0446, 0.067, 0.0446]}', [("a", (0.0446, 0.0446, 0.067, 0.0446))],
         set()),
        ('{"label": "a", "bbox": [0.5, 0.0446, 0.5, 0.067]}', [("a", (0.5, 0.0446, 0.5, 0.067))], set()),
    ],
)  # fmt: skip
def test_malformed_objects(text, expected, repairs):
    reading = read(text)
    assert found(reading) == expected
    assert set(reading.proposals[0].repairs) == repairs
    assert reading.dropped == {}


@pytest.mark.parametrize(
    "text",
    [
        "There is one at [0.1, 0.2, 0.3, 0.4].",
        "[[0.1, 0.2, 0.3, 0.4]]",
        "{box: [0.1, 0.2, 0.3, 0.4]}",
        "{boxes=[0.1, 0.2, 0.3, 0.4]}",
        '{"boxes": [[0.1, 0.2, 0.3, 0.4]]}',
        '{"boxes": [[0.1, 0.2, 0.3, 0.4], [0.5, 0.',
        "(0.1, 0.2, 0.3, 0.4)",
        "x1=0.1, y1=0.2, x2=0.3, y2=0.4",
        "[x1=0.1, y1=0.2, x2=0.3, y2=0.4]",
        '{"label": null, "bbox": [0.1, 0.2, 0.3, 0.4]}',
        'tree cover", "bbox": [0.1, 0.2, 0.3, 0.4]}]',
    ],
)
def test_a_box_without_a_label_takes_the_one_that_was_asked_for(text):
    reading = read(text, default_label="water")
    assert found(reading) == [("water", BOX)]
    assert "default label" in reading.proposals[0].repairs
    assert read(text).dropped["no label"] == 1


@pytest.mark.parametrize(
    ("text", "count", "repairs"),
    [
        ('{"label": "a", "bbox": [0.1,0.2,0.3,0.4], "label": "a", "bbox": [0.2,0.2,0.3,0.4]}', 2, "unclosed"),
        (
            '{"label": "a", "bbox": [0.1,0.2,0.3,0.4], {"label": "a", "bbox": [0.2,0.2,0.3,0.4]}',
            2,
            "unclosed",
        ),
        ('{"label": "a", "bbox": [0.1,0.2,0.3,0.4, {"label": "a", "bbox": [0.2,0.2,0.3,0.4}', 2, "unclosed"),
        ('{"label": "a", "bbox": [[0.1,0.2,0.3,0.4], [0.2,0.2,0.3,0.4]]}', 2, "several boxes"),
    ],
)
def test_missing_brackets_between_objects(text, count, repairs):
    reading = read(text)
    assert [proposal.label for proposal in reading.proposals] == ["a"] * count
    assert repairs in reading.proposals[0].repairs


def test_truncated_answers_keep_every_whole_object():
    first_end = TRAINED.index("}") + 1
    for cut in range(first_end, len(TRAINED) - 1):
        for ending in (STOP, LENGTH):
            reading = read(TRAINED[:cut], ending)
            assert found(reading)[0] == ("tree cover", (0.0446, 0.0446, 0.4464, 0.5357))
            assert len(reading.proposals) == 1 + (cut >= len(TRAINED) - 2)
            assert "truncated" in reading.notes


def test_the_trim_mark_ends_the_answer():
    reading = read(TRAINED[:115] + "\n\n[trimmed]" + TRAINED)
    assert len(reading.proposals) == 1
    assert reading.dropped == {"cut": 1}
    assert {"trimmed", "truncated"} <= set(reading.notes)


@pytest.mark.parametrize(
    ("text", "outcome", "dropped"),
    [
        ("", Outcome.EMPTY_TEXT, {}),
        (" \n", Outcome.EMPTY_TEXT, {}),
        ("[]", Outcome.EMPTY_LIST, {}),
        ("```json\n[ ]\n```", Outcome.EMPTY_LIST, {}),
        ('{"boxes": []}', Outcome.EMPTY_LIST, {}),
        ("No vessel candidates are visible (~40%).", Outcome.PROSE, {}),
        ("Dominated by tree cover (about 75 % forest cover) [1].", Outcome.PROSE, {}),
        ("[boxes]", Outcome.PROSE, {}),
        ("Use [x1, y1, x2, y2] boxes.", Outcome.PROSE, {}),
        ('[{"label": str, "bbox": [x1,y1,x2,y2]}, ...]', Outcome.UNUSABLE, {"not a number": 1}),
        ('[{"label": "a", "bbox": [NaN, 0.1, 0.2, 0.3]}]', Outcome.UNUSABLE, {"not a number": 1}),
        ('[{"label": "a", "bbox": [0.1, -Infinity, 0.2, 1e999]}]', Outcome.UNUSABLE, {"not a number": 1}),
        ('[{"label": "a", "bbox": [true, false, 0.2, 0.3]}]', Outcome.UNUSABLE, {"not a number": 1}),
        ('[{"label": "a", "bbox": [10%, 20%, 30%, 40%]}]', Outcome.UNUSABLE, {"not a number": 1}),
        ('[{"label": "a", "bbox": [0.1, 0.2, 0.3]}]', Outcome.UNUSABLE, {"wrong length": 1}),
        ('[{"label": "a", "bbox": []}]', Outcome.UNUSABLE, {"wrong length": 1}),
        ('[{"label": "a"}]', Outcome.UNUSABLE, {"no box": 1}),
        ('[{"label": "a", "bbox": [0, 0, 0, 0]}]', Outcome.UNUSABLE, {"placeholder": 1}),
        ("[x1=0.0, y1=0.0, x2=0.0, y2=0.0]", Outcome.UNUSABLE, {"placeholder": 1}),
        ('[{"label": "a", "bbox": [0.5, 0.5, 0.5, 0.5]}]', Outcome.UNUSABLE, {"placeholder": 1}),
        ('[{"label": "a", "bbox": [0.1, 0.2, 0.3, 40]}]', Outcome.UNUSABLE, {"outside": 1}),
        ('[{"label": "a", "bbox": [1.1, 0.2, 1.3, 0.4]}]', Outcome.UNUSABLE, {"outside": 1}),
        ('[{"label": "a", "bbox": [1200, 200, 1800, 400]}]', Outcome.UNUSABLE, {"outside": 1}),
        ('[{"label": "tree cover", "bbox": [0.0446, 0.0446', Outcome.UNUSABLE, {"cut": 1}),
        ('[{"label": "tree cover", "bbox": [0.0446, 0.0446, 0.4464, 0.5', Outcome.UNUSABLE, {"cut": 1}),
        ("[0.0446, 0.0446, 0.4464", Outcome.UNUSABLE, {"cut": 1}),
    ],
)
def test_answers_without_a_usable_box(text, outcome, dropped):
    reading = read(text, default_label=None)
    assert (reading.proposals, reading.outcome, reading.dropped) == ((), outcome, dropped)


def test_a_loop_is_noted_and_its_duplicates_counted():
    reading = read(TRAINED[:68] * 9)
    assert len(reading.proposals) == 1
    assert reading.dropped == {"duplicate": 8}
    assert "loop" in reading.notes
    assert "loop" in read("no_land_use_land_change" * 8).notes
    assert "loop" in read("[boxes: [0.5, 0.5, 0.5, 0.5]]" * 4).notes
    assert "loop" not in read(TRAINED).notes


def test_a_box_for_two_labels_is_no_duplicate():
    box = '"bbox": [0.1, 0.2, 0.3, 0.4]'
    assert len(read(f'[{{"label": "a", {box}}}, {{"label": "b", {box}}}]').proposals) == 2


def test_a_label_is_one_short_line():
    (proposal,) = read(
        '{"label": " tree   cover, ' + "x" * 200 + '", "bbox": [0.1, 0.2, 0.3, 0.4]}'
    ).proposals
    assert proposal.label.startswith("tree cover, x")
    assert len(proposal.label) == 80
    assert proposal.repairs == ("cleaned label",)


def test_notes_of_the_whole_answer():
    reading = read("Here are the boxes:\n```json\n" + '{"boxes": ' + TRAINED + "}\n```")
    assert set(reading.notes) == {"fenced", "prose", "wrapped"}


def test_an_object_in_writing_is_not_reported():
    end = TRAINED.index("}")
    assert found(read(TRAINED[:end], None)) == []
    assert len(read(TRAINED[: end + 1], None).proposals) == 1
    assert may_complete_box(']}, {"')
    assert not may_complete_box(' 0.0446, "')


def test_scores_come_from_the_label_and_the_digits():
    chunks = [
        ('[{"label": "', -9.0), ("tree", -0.2), (" cover", -0.4), ('", "bbox": [', -9.0),
        ("0", -0.1), (".", -9.0), ("1", -0.3), (", ", -9.0), ("0.2", -0.5), (", 0.3", -0.5), (", 0.4", -0.7),
        ("]}]", -9.0),
    ]  # fmt: skip
    completion = Completion.from_chunks(CompletionChunk(*chunk) for chunk in chunks)
    (proposal,) = read_proposals(completion).proposals
    assert proposal.score == pytest.approx(math.exp(-(0.2 + 0.4 + 0.1 + 0.3 + 0.5 + 0.5 + 0.7) / 7))


# -- properties ----------------------------------------------------------------------------------------


def grid(lowest=0):
    return st.integers(lowest, 223).map(lambda index: round(index / 224, 4))


@st.composite
def trained_objects(draw):
    x1, x2 = sorted((draw(grid()), draw(grid())))
    y1, y2 = sorted((draw(grid()), draw(grid())))
    return {"label": draw(st.sampled_from(LABELS)), "bbox": [x1, y1, x2, y2]}


trained_lists = st.lists(trained_objects(), min_size=1, max_size=20)
scraps = st.sampled_from(
    ["[", "]", "{", "}", "(", ")", '"', "'", ",", ":", "=", "\\", "\n", "```", "[trimmed]", "NaN",
     "label", "bbox", "boxes", "x1", "y2=", "0.5", "-", "1e9", "1000", "ä", " ", "true",
     '"label": "a"', "[0.1,0.2,0.3,0.4]"]
)  # fmt: skip
json_like = st.lists(scraps, max_size=60).map("".join)


@st.composite
def mutated(draw):
    text = json.dumps(draw(st.lists(trained_objects(), min_size=1, max_size=4)))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        piece = draw(st.sampled_from([text[start:end], "", "\0"]) | scraps)
        text = text[:start] + piece + text[draw(st.sampled_from([start, end])) :]
    return text


any_text = st.text(max_size=300) | json_like | mutated()
endings = st.sampled_from([None, STOP, LENGTH])
defaults = st.sampled_from([None, "water"])


@settings(max_examples=250)
@given(any_text, endings, defaults)
def test_any_text_gives_a_reading(text, ending, default_label):
    reading = read(text, ending, default_label)
    assert (reading.outcome is Outcome.FOUND) == bool(reading.proposals)
    assert len(set(found(reading))) == len(reading.proposals)
    for proposal in reading.proposals:
        x_min, y_min, x_max, y_max = proposal.box
        assert 0 <= x_min <= x_max <= 1
        assert 0 <= y_min <= y_max <= 1
        assert proposal.label
        assert proposal.raw in text
        assert proposal.score is None
    assert all(count > 0 for count in reading.dropped.values())


@given(trained_lists)
def test_trained_answers_round_trip(objects):
    reading = read(json.dumps(objects))
    written = list(dict.fromkeys((entry["label"], tuple(entry["bbox"])) for entry in objects))
    assert found(reading) == [(label, box) for label, box in written if len(set(box)) > 1]
    assert all(proposal.repairs == () for proposal in reading.proposals)
    assert set(reading.dropped) <= {"duplicate", "placeholder"}
    assert reading.notes in ((), ("loop",))


@settings(max_examples=250)
@given(any_text, defaults, st.data())
def test_proposals_only_grow_at_the_end(text, default_label, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    readings = [read(text[:cut], None, default_label).proposals for cut in cuts]
    for ending in (None, STOP, LENGTH):
        whole = read(text, ending, default_label).proposals
        for shorter in readings:
            assert whole[: len(shorter)] == shorter


@pytest.mark.parametrize(
    "piece",
    ["[", "{", "}", '"', '\\"', "'", ".", "-", "1", "a", "[{", '{"a":',
     '{"label":"a","bbox":[0.1,0.2,0.3,0.4],"k":', "[0.1,0.2,0.3,0.4]",
     "x1=1 ", '",', "bbox:[", "[trimmed", "{box:", '{"label":"a","label":', "1,2,3,4,{"],
)  # fmt: skip
def test_hostile_text_takes_linear_time(piece):
    short = min(seconds_to_read(piece * (5_000 // len(piece))) for _ in range(3))
    # sixteen times the text; a quadratic reading takes 256 times as long, a busy machine three times
    assert seconds_to_read(piece * (80_000 // len(piece))) < 100 * max(short, 0.002)


def seconds_to_read(text):
    started = time.process_time()
    read(text, STOP, "water")
    return time.process_time() - started
