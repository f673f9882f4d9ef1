# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests survive the process border; nonsense is refused with a request error and nothing else."""

from __future__ import annotations

import json

import pytest
from chips import UTM, chip_with
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.errors import RequestError
from lspace.model_backend.request import AgreementRequest, ModelChoice, RunRequest

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CHIP = chip_with((1, 2, 3, 4)).to_payload()
RUN = {"task": "detect", "chips": [CHIP], "output_crs_wkt": UTM, "targets": ["water"]}
RUN_FIELDS = [*RunRequest("detect", (), UTM).to_payload(), "other"]
AGREEMENT = {"request": RUN, "boxes": [["water", 0.1, 0.2, 0.3, 0.4]]}
CHOICE_FIELDS = [*ModelChoice("m").to_payload(), "other"]


def accepted_whole_or_refused(record, payload):
    try:
        made = record.from_payload(payload)
    except RequestError as error:
        return bool(str(error))
    return record.from_payload(json.loads(json.dumps(made.to_payload()))) == made


def test_a_run_comes_back_as_it_was():
    request = RunRequest(
        task="detect",
        chips=(chip_with((1, 2, 3, 4)), chip_with(chip_id="chip-2")),
        output_crs_wkt=UTM,
        targets=("water", "red boats"),
        clip_wkt="POLYGON ((0 0, 1 0, 1 1, 0 0))",
        max_new_tokens=64,
        question="How many?",
        wordings={"flood": "What changed?"},
        ask_anyway=True,
    )
    assert RunRequest.from_payload(json.loads(json.dumps(request.to_payload()))) == request


def test_boxes_to_be_measured_come_back_as_they_were():
    run = RunRequest("ground", (chip_with(),), UTM, ("water",))
    request = AgreementRequest(run, (("water", (0.0, 0.1, 0.5, 1.0)), ("red boats", (-0.1, 0.0, 0.0, 1.2))))
    assert AgreementRequest.from_payload(json.loads(json.dumps(request.to_payload()))) == request


def test_a_choice_comes_back_as_it_was():
    choice = ModelChoice(
        "NuTonic/lspace", "abc", "cuda", "bfloat16", 3, True, "https://mirror.example", "/var/cache", 4096
    )
    assert ModelChoice.from_payload(json.loads(json.dumps(choice.to_payload()))) == choice


def test_what_is_left_out_takes_its_default():
    assert ModelChoice.from_payload({"model": "m"}) == ModelChoice("m")
    request = RunRequest.from_payload({"task": "caption", "chips": [CHIP], "output_crs_wkt": UTM})
    assert (request.targets, request.clip_wkt, request.max_new_tokens) == ((), None, None)
    assert (request.question, request.wordings, request.ask_anyway) == ("", {}, False)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"chips": []}, "chips of RunRequest: at least one chip"),
        ({"chips": None}, "chips of RunRequest: at least one chip"),
        ({"chips": {"0": CHIP}}, "chips of RunRequest: at least one chip"),
        ({"chips": [None]}, "Chip has to be an object"),
        ({"chips": [CHIP, {}]}, "missing .*'chip_id'"),
        ({"chips": [{**CHIP, "png": "?"}]}, "png of Chip"),
        ({"task": None}, "task of RunRequest: has to be str, not None"),
        ({"output_crs_wkt": 4326}, "output_crs_wkt of RunRequest"),
        ({"targets": "water"}, "targets of RunRequest: has to be a list, not 'water'"),
        ({"targets": ["water", 5]}, "targets of RunRequest: has to be str, not 5"),
        ({"targets": None}, "targets of RunRequest"),
        ({"clip_wkt": ["POLYGON"]}, "clip_wkt of RunRequest: has to be str \\| None, not"),
        ({"max_new_tokens": "many"}, "max_new_tokens of RunRequest: has to be int \\| None, not 'many'"),
        ({"max_new_tokens": 8.0}, "max_new_tokens of RunRequest"),
        ({"question": None}, "question of RunRequest: has to be str, not None"),
        ({"wordings": ["ground"]}, "wordings of RunRequest: has to be an object, not \\['ground'\\]"),
        ({"wordings": {"ground": 1}}, "wordings of RunRequest: has to be str, not 1"),
        ({"ask_anyway": 1}, "ask_anyway of RunRequest: has to be bool, not 1"),
        ({"max_new_tokens": True}, "max_new_tokens of RunRequest"),
        ({"temperature": 1.0}, "unknown fields of RunRequest: \\['temperature'\\]"),
    ],
)
def test_a_wrong_field_of_a_run_is_refused_by_name(fault, reason):
    with pytest.raises(RequestError, match=reason):
        RunRequest.from_payload({**RUN, **fault})


@pytest.mark.parametrize("name", ["task", "chips", "output_crs_wkt"])
def test_a_run_that_lacks_a_field_is_refused(name):
    with pytest.raises(RequestError, match=f"missing .*'{name}'"):
        RunRequest.from_payload({key: value for key, value in RUN.items() if key != name})


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"model": None}, "model of ModelChoice"),
        ({"threads": "4"}, "threads of ModelChoice: has to be int \\| None, not '4'"),
        ({"threads": 1.5}, "threads of ModelChoice"),
        ({"offline": "no"}, "offline of ModelChoice: has to be bool"),
        ({"offline": 0}, "offline of ModelChoice"),
        ({"device": None}, "device of ModelChoice"),
        ({"revision": 1}, "revision of ModelChoice"),
        ({"trust_remote_code": True}, "unknown fields of ModelChoice: \\['trust_remote_code'\\]"),
    ],
)
def test_a_wrong_field_of_a_choice_is_refused_by_name(fault, reason):
    with pytest.raises(RequestError, match=reason):
        ModelChoice.from_payload({"model": "m", **fault})


def test_a_choice_without_a_model_is_refused():
    with pytest.raises(RequestError, match=r"missing .*'model'"):
        ModelChoice.from_payload({"device": "cpu"})


@given(st.dictionaries(st.sampled_from(RUN_FIELDS), JSON_VALUES))
def test_an_object_raises_nothing_but_a_request_error_as_a_run(fields):
    assert accepted_whole_or_refused(RunRequest, fields)
    assert accepted_whole_or_refused(RunRequest, {**RUN, **fields})


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        (None, "boxes of AgreementRequest: has to be a list"),
        ([["water", 0.1, 0.2, 0.3]], "a box is a label and four numbers"),
        ([[1, 0.1, 0.2, 0.3, 0.4]], "a box is a label and four numbers"),
        ([["water", 0.1, 0.2, 0.3, "0.4"]], "has to be float, not '0.4'"),
        ([["water", 0.3, 0.2, 0.1, 0.4]], "left, top, right, bottom, in this order"),
        ([["water", 0.1, 0.4, 0.3, 0.2]], "left, top, right, bottom, in this order"),
    ],
)
def test_boxes_of_another_form_are_not_measured(boxes, reason):
    with pytest.raises(RequestError, match=reason):
        AgreementRequest.from_payload({**AGREEMENT, "boxes": boxes})


@given(JSON_VALUES)
def test_an_object_raises_nothing_but_a_request_error_as_boxes(value):
    assert accepted_whole_or_refused(AgreementRequest, {**AGREEMENT, "boxes": value})
    assert accepted_whole_or_refused(AgreementRequest, {**AGREEMENT, "boxes": [value]})
    assert accepted_whole_or_refused(AgreementRequest, {**AGREEMENT, "request": value})


@given(st.dictionaries(st.sampled_from([*CHIP, "other"]), JSON_VALUES))
def test_an_object_raises_nothing_but_a_request_error_as_a_chip(fields):
    assert accepted_whole_or_refused(RunRequest, {**RUN, "chips": [fields]})
    assert accepted_whole_or_refused(RunRequest, {**RUN, "chips": [{**CHIP, **fields}]})


@given(st.dictionaries(st.sampled_from(CHOICE_FIELDS), JSON_VALUES))
def test_an_object_raises_nothing_but_a_request_error_as_a_choice(fields):
    assert accepted_whole_or_refused(ModelChoice, fields)
    assert accepted_whole_or_refused(ModelChoice, {"model": "m", **fields})
