# SPDX-License-Identifier: GPL-2.0-or-later
"""A run with a scripted engine: which events, in which order, and what becomes of a box that has no place."""

from __future__ import annotations

import io
import json
import zlib
from collections import deque
from struct import pack

import pytest
import shapely
from chips import LEFT, TOP, UTM, chip_with, png_of
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.errors import BackendError, Cancelled, GeoreferenceError, RequestError
from lspace.model_backend.georeference.geotransform import GeoTransform
from lspace.model_backend.inference.completion import FinishReason
from lspace.model_backend.proposal import Detection
from lspace.model_backend.protocol import Message, MessageType
from lspace.model_backend.request import RunRequest
from lspace.model_backend.run import run
from PIL import Image
from pyproj import CRS
from scripted import ScriptedEngine

STAGE, TEXT = MessageType.STAGE, MessageType.TEXT
DETECTION, CHIP_DONE = MessageType.DETECTION, MessageType.CHIP_DONE
MERCATOR = CRS.from_epsg(3857).to_wkt("WKT2_2019")
LON_LAT = CRS.from_epsg(4326).to_wkt("WKT2_2019")
LEFT_HALF = shapely.box(LEFT, TOP - 560, LEFT + 280, TOP).wkt


def png_head(side_px):
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", pack(">IIBBBBB", side_px, side_px, 8, 2, 0, 0, 0))


def png_chunk(name, content=b""):
    return pack(">I", len(content)) + name + content + pack(">I", zlib.crc32(name + content))


def gif_of(side_px):
    file = io.BytesIO()
    Image.new("RGB", (side_px, side_px)).save(file, "GIF")
    return file.getvalue()


def box(x_min, y_min, x_max, y_max, label="water"):
    return json.dumps({"label": label, "bbox": [x_min, y_min, x_max, y_max]})


def request_for(*chips, task="detect", targets=("water",), crs=UTM, clip=None, budget=None, **fields):
    return RunRequest(task, chips, crs, targets, clip, budget, **fields)


def pair_for(task, **fields):
    """A request about an empty image and a later one with a target in it."""
    before = chip_with(chip_id="before", date="2023-07-01")
    after = chip_with((14, 14, 28, 28), chip_id="after", date="2023-09-01")
    return request_for(before, after, task=task, targets=(), **fields)


def events_of(engine, request, is_cancelled=lambda: False):
    return list(run(engine, request, is_cancelled))


def kinds(events):
    return [kind for kind, _ in events]


def bodies(events, kind):
    return [body for event_kind, body in events if event_kind is kind]


def test_a_box_is_told_before_the_text_that_completed_it_and_before_the_text_is_complete():
    engine = ScriptedEngine(["[", box(0.1, 0.1, 0.2, 0.2), ", ", box(0.5, 0.5, 0.6, 0.6), "]"])
    events = events_of(engine, request_for(chip_with()))
    assert kinds(events) == [STAGE, TEXT, DETECTION, TEXT, TEXT, DETECTION, TEXT, TEXT, CHIP_DONE]
    assert [body["boxes"] for body in bodies(events, TEXT)] == [0, 1, 1, 2, 2]


def test_the_pieces_of_text_add_up_to_the_answer():
    engine = ScriptedEngine(["A ", "", "har", "bour."])
    events = events_of(engine, request_for(chip_with(), task="caption", targets=()))
    texts, (done,) = bodies(events, TEXT), bodies(events, CHIP_DONE)
    assert [body["tokens"] for body in texts] == [1, 2, 3, 4]
    assert "".join(body["text"] for body in texts) == done["answers"][0]["text"] == "A harbour."


def test_the_facts_of_an_answer_come_with_its_chip():
    engine = ScriptedEngine(["[", box(0.1, 0.1, 0.2, 0.2), "]"])
    (done,) = bodies(events_of(engine, request_for(chip_with(chip_id="c7"))), CHIP_DONE)
    assert done["chip_id"] == "c7"
    assert done["seconds"] >= 0
    assert done["answers"] == [
        {
            "task": "ground",
            "target": "water",
            "prompt": engine.prompts[0].text,
            "trained": True,
            "answer": "boxes",
            "text": f"[{box(0.1, 0.1, 0.2, 0.2)}]",
            "tokens": 3,
            "finish_reason": "stop",
            "outcome": "found",
            "negative": False,
            "dropped": {},
            "notes": [],
        }
    ]


def test_prose_has_no_outcome():
    engine = ScriptedEngine(["A harbour."], ending=FinishReason.LENGTH)
    events = events_of(engine, request_for(chip_with(), task="caption", targets=()))
    ((answer,),) = [body["answers"] for body in bodies(events, CHIP_DONE)]
    assert (answer["target"], answer["outcome"], answer["finish_reason"]) == (None, None, "length")


def test_the_chip_is_shown_in_rgb_as_it_is():
    engine = ScriptedEngine(["[]"])
    events_of(engine, request_for(chip_with((0, 0, 1, 1), side_px=4)))
    ((image,),) = engine.images
    assert (image.mode, image.size) == ("RGB", (4, 4))
    assert [image.getpixel(place) for place in ((0, 0), (1, 0))] == [(255, 0, 255), (0, 0, 0)]


def test_a_box_lies_where_its_pixels_do():
    # on a grid of 224, pixels 14..27 of 56 are steps 56..111
    engine = ScriptedEngine([f"[{box(56 / 224, 56 / 224, 111 / 224, 111 / 224)}]"])
    ((body),) = bodies(events_of(engine, request_for(chip_with())), DETECTION)
    detection = Detection.from_payload(body["detection"])
    assert shapely.from_wkb(detection.wkb).bounds == (LEFT + 140, TOP - 280, LEFT + 280, TOP - 140)
    assert detection.proposal.score == pytest.approx(0.9)
    assert (detection.chip_id, detection.proposal.label) == ("chip-1", "water")
    assert body["prompt"]["target"] == "water"


TWO_ANSWERS = [
    ["[", box(0.1, 0.1, 0.2, 0.2), "]"],
    ["[", box(0.3, 0.3, 0.4, 0.4, "boats"), ", ", box(0.5, 0.5, 0.6, 0.6, "boats"), "]"],
]


def targets_and_texts(events):
    """What was told of each target's text, in the order of telling."""
    return [(body["target"], body["text"]) for body in bodies(events, TEXT)]


def test_several_targets_are_answered_side_by_side_and_their_boxes_told_at_once():
    engine = ScriptedEngine(*TWO_ANSWERS)
    events = events_of(engine, request_for(chip_with(), targets=("water", "red boats")))
    assert kinds(events)[:4] == [STAGE, TEXT, DETECTION, DETECTION]
    assert [body["prompt"]["target"] for body in bodies(events, DETECTION)] == [
        "water",
        "red boats",
        "red boats",
    ]
    assert engine.images[0] == engine.images[1]


def test_texts_of_answers_side_by_side_are_told_one_after_the_other_and_whole():
    engine = ScriptedEngine(*TWO_ANSWERS)
    events = events_of(engine, request_for(chip_with(), targets=("water", "red boats")))
    opened = [(kind, body["target"]) for kind, body in events if kind in (STAGE, TEXT)]
    assert opened == sorted(opened, key=lambda told: told[1] == "red boats")
    assert [body["target"] for body in bodies(events, STAGE)] == ["water", "red boats"]
    (done,) = bodies(events, CHIP_DONE)
    for answer, pieces in zip(done["answers"], TWO_ANSWERS, strict=True):
        told = [text for target, text in targets_and_texts(events) if target == answer["target"]]
        assert "".join(told) == answer["text"] == "".join(pieces)
    assert [body["tokens"] for body in bodies(events, TEXT)][-1] == len(TWO_ANSWERS[1])


def test_a_cancel_tells_what_had_been_written_of_every_answer():
    engine, asked = ScriptedEngine(*TWO_ANSWERS), iter([False] * 4 + [True])
    request = request_for(chip_with(), targets=("water", "red boats"))
    events, stream = [], run(engine, request, lambda: next(asked))
    with pytest.raises(Cancelled):
        deque(map(events.append, stream), maxlen=0)
    texts = targets_and_texts(events)
    assert "".join(text for target, text in texts if target == "red boats") == "".join(TWO_ANSWERS[1][:2])


def test_targets_are_asked_one_after_the_other_on_request():
    engine = ScriptedEngine([f"[{box(0.1, 0.1, 0.2, 0.2)}]"], [f"[{box(0.3, 0.3, 0.4, 0.4, 'boats')}]"])
    events = events_of(engine, request_for(chip_with(), targets=("water", "red boats"), together=False))
    assert kinds(events) == [STAGE, DETECTION, TEXT, STAGE, DETECTION, TEXT, CHIP_DONE]
    assert [body["target"] for body in bodies(events, STAGE)] == ["water", "red boats"]
    assert [body["trained"] for body in bodies(events, STAGE)] == [True, False]
    assert [body["boxes"] for body in bodies(events, TEXT)] == [1, 2]
    (done,) = bodies(events, CHIP_DONE)
    assert [answer["target"] for answer in done["answers"]] == ["water", "red boats"]
    assert engine.images[0] == engine.images[1]


def test_all_images_of_a_place_are_shown_together_and_boxes_lie_on_the_last():
    later = GeoTransform(10.0, 0.0, LEFT + 5600, 0.0, -10.0, TOP)
    before = chip_with(chip_id="before")
    after = chip_with((14, 14, 28, 28), chip_id="after", transform=later)
    boxes = f"[{box(56 / 224, 56 / 224, 111 / 224, 111 / 224, 'inundation')}]"
    engine = ScriptedEngine(["Flood-related water expansion is detected"], [boxes])
    events = events_of(engine, request_for(before, after, task="flood", targets=()))
    assert kinds(events) == [STAGE, TEXT, STAGE, DETECTION, TEXT, CHIP_DONE]
    assert {body["chip_id"] for body in bodies(events, STAGE) + bodies(events, TEXT)} == {"after"}
    shown = [[image.getpixel((20, 20)) for image in images] for images in engine.images]
    assert shown == [[(0, 0, 0), (255, 0, 255)]] * 2
    detection = Detection.from_payload(bodies(events, DETECTION)[0]["detection"])
    assert detection.chip_id == "after"
    assert shapely.from_wkb(detection.wkb).bounds[0] == LEFT + 5600 + 140


def test_a_report_is_streamed_and_answered_before_the_boxes():
    engine = ScriptedEngine(["The pair ", "suggests"], [f"[{box(0.1, 0.1, 0.2, 0.2, 'burn_scar')}]"])
    events = events_of(engine, pair_for("wildfire"))
    report, boxes = bodies(events, STAGE)
    assert (report["task"], report["target"], report["answer"]) == ("wildfire_report", None, "text")
    assert "(2023-07-01 and 2023-09-01)" in report["prompt"]
    assert (boxes["task"], boxes["target"], boxes["answer"]) == ("wildfire", "possible burn scar", "boxes")
    texts = [body["text"] for body in bodies(events, TEXT) if body["target"] is None]
    assert "".join(texts) == "The pair suggests"
    (done,) = bodies(events, CHIP_DONE)
    assert [answer["task"] for answer in done["answers"]] == ["wildfire_report", "wildfire"]
    assert [answer["negative"] for answer in done["answers"]] == [False, False]
    assert done["gated"] is False


NOTHING = ["No clear ", "burn-scar regions are detected above threshold."]


def test_boxes_are_not_asked_for_where_the_report_denies_that_there_is_anything():
    engine = ScriptedEngine(NOTHING)
    events = events_of(engine, pair_for("wildfire"))
    assert kinds(events) == [STAGE, TEXT, TEXT, CHIP_DONE]
    (done,) = bodies(events, CHIP_DONE)
    (answer,) = done["answers"]
    assert (answer["task"], answer["negative"], done["gated"]) == ("wildfire_report", True, True)
    assert len(engine.prompts) == 1


def test_boxes_are_asked_for_all_the_same_on_request():
    engine = ScriptedEngine(NOTHING, [f"[{box(0.1, 0.1, 0.2, 0.2, 'burn_scar')}]"])
    events = events_of(engine, pair_for("wildfire", ask_anyway=True))
    assert len(bodies(events, DETECTION)) == 1
    (done,) = bodies(events, CHIP_DONE)
    assert [answer["negative"] for answer in done["answers"]] == [True, False]
    assert done["gated"] is False


def test_a_report_alone_gates_nothing():
    (done,) = bodies(
        events_of(ScriptedEngine(["No strong vessel"]), request_for(chip_with(), task="vessels_report")),
        CHIP_DONE,
    )
    assert (done["answers"][0]["negative"], done["gated"]) == (True, False)


def test_the_question_and_the_users_wordings_reach_the_model():
    engine = ScriptedEngine(["Two."], ["Much."])
    events_of(engine, request_for(chip_with(), task="question", targets=(), question="How many boats?"))
    wordings = {"focus": "How much {target} is there?"}
    events_of(engine, request_for(chip_with(), task="focus", wordings=wordings))
    assert [prompt.text for prompt in engine.prompts] == ["How many boats?", "How much water is there?"]
    assert not any(prompt.trained for prompt in engine.prompts)


@pytest.mark.parametrize(
    ("task", "count", "told"),
    [("detect", 2, "1 image of"), ("wildfire", 1, "2 images"), ("brief", 5, "1 to 4 images")],
)
def test_a_number_of_images_that_the_task_does_not_take_is_refused(task, count, told):
    engine = ScriptedEngine([])
    with pytest.raises(RequestError, match=told):
        events_of(engine, request_for(*[chip_with()] * count, task=task))
    assert engine.prompts == []


def test_boxes_outside_the_aoi_are_counted_and_the_rest_is_cut():
    engine = ScriptedEngine([f"[{box(0.25, 0.1, 0.75, 0.2)}, {box(0.8, 0.1, 0.9, 0.2)}]"])
    events = events_of(engine, request_for(chip_with(), clip=LEFT_HALF))
    (body,) = bodies(events, DETECTION)
    shape = shapely.from_wkb(Detection.from_payload(body["detection"]).wkb)
    assert shape.bounds[2] == LEFT + 280
    (done,) = bodies(events, CHIP_DONE)
    assert done["answers"][0]["dropped"] == {"outside the AOI": 1}


def test_a_box_that_has_no_place_on_the_map_is_counted_and_the_rest_is_kept():
    # from 95 degrees north, where there is nothing, to 85
    transform = GeoTransform(10 / 56, 0, 0, 0, -10 / 56, 95)
    chip = chip_with(transform=transform, crs_wkt=LON_LAT)
    engine = ScriptedEngine([f"[{box(0.1, 0.1, 0.2, 0.2)}, {box(0.8, 0.8, 0.9, 0.9)}]"])
    events = events_of(engine, request_for(chip, crs=MERCATOR))
    (body,) = bodies(events, DETECTION)
    assert body["detection"]["proposal"]["box"] == (0.8, 0.8, 0.9, 0.9)
    (done,) = bodies(events, CHIP_DONE)
    assert sum(done["answers"][0]["dropped"].values()) == 1


def test_what_could_not_be_read_is_counted_with_what_could_not_be_placed():
    duplicate = box(0.8, 0.1, 0.9, 0.2)
    engine = ScriptedEngine([f"[{duplicate}, {duplicate}]"])
    (done,) = bodies(events_of(engine, request_for(chip_with(), clip=LEFT_HALF)), CHIP_DONE)
    assert done["answers"][0]["dropped"] == {"duplicate": 1, "outside the AOI": 1}


@pytest.mark.parametrize(
    "png",
    [
        b"",
        b"not a picture",
        png_of(56)[:60],
        png_head(60_000) + png_chunk(b"IDAT"),
        png_head(56) + png_chunk(b"IDAT", zlib.compress(bytes(9_464))[:9]) + png_chunk(b"\1\2\3\4"),
        png_of(56)[:-12] + png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(2**21))),
        gif_of(56),
    ],
    ids=["empty", "text", "cut", "far too large", "unknown chunk", "bloated chunk", "another format"],
)
def test_a_chip_that_is_no_readable_png_is_refused(png):
    with pytest.raises(RequestError, match="chip c7 is not a readable picture"):
        events_of(ScriptedEngine(["[]"]), request_for(chip_with(chip_id="c7", png=png)))


@given(st.integers(8, 200), st.binary(min_size=1, max_size=4))
def test_a_damaged_png_is_shown_or_refused(place, piece):
    png = png_of(8)
    damaged = png[:place] + piece + png[place + len(piece) :]
    try:
        events = events_of(ScriptedEngine(["[]"]), request_for(chip_with(side_px=8, png=damaged)))
    except RequestError:
        return
    assert kinds(events)[-1] is CHIP_DONE


def test_a_chip_of_another_size_than_it_says_is_refused():
    chip = chip_with(png=png_of(28))
    with pytest.raises(RequestError, match=r"should have \(56, 56\) pixels, has \(28, 28\)"):
        events_of(ScriptedEngine(["[]"]), request_for(chip))


def test_a_bad_earlier_image_is_refused_before_the_model_is_asked():
    engine = ScriptedEngine(["The pair"])
    with pytest.raises(RequestError, match="chip before is not a readable picture"):
        events_of(engine, request_for(chip_with(chip_id="before", png=b"?"), chip_with(), task="wildfire"))
    assert engine.prompts == []


def test_a_cancel_between_two_tokens_ends_the_run():
    engine, answers = ScriptedEngine(["[", box(0.1, 0.1, 0.2, 0.2), "]"]), iter([False, True])
    events = run(engine, request_for(chip_with()), lambda: next(answers))
    assert [next(events)[0], next(events)[0]] == [STAGE, TEXT]
    with pytest.raises(Cancelled):
        next(events)


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        ({"task": "segment"}, RequestError, "no task 'segment'"),
        ({"targets": ()}, RequestError, "nothing to look for"),
        ({"budget": 0}, RequestError, "at least one token"),
        ({"crs": "WGS 84"}, GeoreferenceError, "not a CRS"),
        ({"clip": "POLYGON"}, GeoreferenceError, "not a clip polygon"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_before_the_model_is_asked(fault, error, reason):
    engine = ScriptedEngine(["[]"])
    with pytest.raises(error, match=reason):
        events_of(engine, request_for(chip_with(), **fault))
    assert engine.prompts == []


NUMBERS = st.integers(-(10**12), 10**12) | st.floats(-1e12, 1e12)
ODD_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "transform": st.lists(NUMBERS, min_size=6, max_size=6),
        "gsd_m": NUMBERS,
        "crs_wkt": st.text(max_size=5) | st.sampled_from([MERCATOR, LON_LAT]),
        "width_px": NUMBERS,
        "valid_share": NUMBERS,
    },
)


@given(ODD_FIELDS, st.text(max_size=5) | st.sampled_from([UTM, MERCATOR]), st.none() | st.text(max_size=5))
def test_odd_values_end_in_an_answer_or_an_error_with_a_code(fields, crs, clip):
    chip = {**chip_with(side_px=8).to_payload(), **fields}
    payload = {
        "task": "detect",
        "chips": [chip],
        "output_crs_wkt": crs,
        "targets": ["water"],
        "clip_wkt": clip,
    }
    engine = ScriptedEngine([f"[{box(0.1, 0.1, 0.9, 0.9)}]"])
    try:
        events = events_of(engine, RunRequest.from_payload(payload))
    except BackendError as error:
        events = [(MessageType.ERROR, error.to_payload())]
    assert all(Message(kind, 1, body).to_line() for kind, body in events)
