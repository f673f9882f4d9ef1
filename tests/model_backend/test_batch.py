"""A batch of places gives what one run after the other gives."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from chips import UTM, chip_with
from lspace.model_backend.batch import run_batch
from lspace.model_backend.contract import EMBEDDED_MODEL
from lspace.model_backend.errors import Cancelled, RequestError
from lspace.model_backend.inference.loading import load_engine
from lspace.model_backend.protocol import MessageType
from lspace.model_backend.request import BatchRequest, ModelChoice, RunRequest
from lspace.model_backend.run import run
from PIL import Image
from scripted import ScriptedEngine

SCAR = '{"label": "burn scar", "bbox": [0.1000, 0.1000, 0.2000, 0.2000]}'


def captions_of(*chip_ids):
    return BatchRequest(tuple(RunRequest("caption", (chip_with(chip_id=name),), UTM) for name in chip_ids))


def pair(chip_id):
    before, after = chip_with(date="2023-07-01"), chip_with(chip_id=chip_id, date="2023-09-01")
    return RunRequest("wildfire", (before, after), UTM)


def never():
    return False


def done_of(events):
    return {body["chip_id"]: body for _kind, body in events}


def written(detections):
    return sorted((each["detection"]["proposal"]["raw"], each["detection"]["wkb"]) for each in detections)


def scores(detections):
    return [score for _wkb, score in sorted(_scored(each["detection"]) for each in detections)]


def _scored(detection):
    return detection["wkb"], detection["proposal"]["score"]


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    choice = ModelChoice(str(EMBEDDED_MODEL), device="cpu", precision="q8", threads=1)
    cache = str(tmp_path_factory.mktemp("cache"))
    return load_engine(replace(choice, cache_dir=cache), lambda *_: None)


def harbour_chip(left, top, chip_id):
    scene = Image.open(EMBEDDED_MODEL.parents[1] / "demo" / "honolulu.tif").convert("RGB")
    png = io.BytesIO()
    scene.crop((left, top, left + 128, top + 128)).resize((224, 224), Image.Resampling.BICUBIC).save(
        png, "PNG"
    )
    return replace(chip_with(chip_id=chip_id), png=png.getvalue(), width_px=224, height_px=224)


def test_each_place_gets_the_answers_and_boxes_that_it_gets_alone(mini):
    chips = [harbour_chip(150 * place, 100, f"c{place}") for place in range(3)]
    runs = [RunRequest("detect", (chip,), UTM, ("water", "built areas")) for chip in chips]
    together = done_of(run_batch(mini, BatchRequest(tuple(runs)), never))
    assert list(together) == ["c0", "c1", "c2"]
    for request in runs:
        alone = list(run(mini, request, never))
        done = alone[-1][1]
        boxes = [body for kind, body in alone if kind is MessageType.DETECTION]
        placed = together[done["chip_id"]]
        assert placed["answers"] == done["answers"]
        assert placed["gated"] == done["gated"]
        assert written(placed["detections"]) == written(boxes)
        assert scores(placed["detections"]) == pytest.approx(scores(boxes), abs=1e-4)
    assert sum(len(body["detections"]) for body in together.values()) > 3


def test_a_report_gates_the_boxes_of_its_own_place_only():
    denied, seen = ["No clear burn-scar regions are detected above threshold."], ["A scar in the north."]
    engine = ScriptedEngine(denied, seen, [f"[{SCAR}]"])
    events = done_of(run_batch(engine, BatchRequest((pair("empty"), pair("burnt"))), never))
    assert events["empty"]["gated"] is True
    assert events["empty"]["detections"] == []
    assert events["burnt"]["gated"] is False
    assert [each["detection"]["chip_id"] for each in events["burnt"]["detections"]] == ["burnt"]
    assert [prompt.answer for prompt in engine.prompts] == ["text", "text", "boxes"]


def test_a_cancel_ends_it_with_nothing_half_told():
    engine = ScriptedEngine(["A", "B"], ["A", "B"])
    with pytest.raises(Cancelled):
        list(run_batch(engine, captions_of("one", "two"), lambda: True))


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(RequestError):
        BatchRequest.from_payload({"runs": []})


def test_a_request_comes_through_as_it_was_sent():
    request = captions_of("one", "two")
    assert BatchRequest.from_payload(request.to_payload()) == request
