"""A conversation is kept with what it takes to go on with it; older projects are read as they are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, exchange, picture
from lspace.gis.errors import RecordInvalid
from lspace.gis.runs.conversation import TALK, Exchange
from lspace.gis.runs.step import Step, StepState
from lspace.gis.runs.thread import turns_of
from lspace.model_backend.turn import Role, Turn

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

CALL = "<|tool_call_start|>[count_features(layer='parcels')]<|tool_call_end|>"
COUNTED = Step.of_tool(StepState.DONE, "count_features", {"layer": "parcels"}, {"count": 3})
SAID = Step(StepState.SAID, f"I count. {CALL}", said="I count.")
STEPS = (SAID, COUNTED, Step(StepState.SAID, "3", said="3"))


def talk(question, *steps, **fields):
    asked = answer("", task="question", prompt=question, trained=False)
    return exchange(asked, title=question, steps=steps, run={"options": {TALK: True}}, **fields)


def test_steps_survive_json():
    told = talk("How many?", *STEPS, follows="0123456789ab", left_out=2)
    again = Exchange.from_json(told.to_json())
    assert (again.steps, again.follows, again.left_out) == (STEPS, "0123456789ab", 2)
    assert again.is_talk


def test_a_record_from_before_conversations_is_read_as_no_part_of_one():
    values = json.loads(exchange(answer()).to_json())
    for name in ("follows", "steps", "left_out"):
        del values[name]
    told = Exchange.from_json(json.dumps(values))
    assert (told.steps, told.follows, told.left_out, told.is_talk) == ((), None, 0, False)


@pytest.mark.parametrize(
    "fault",
    [
        {"steps": [1]},
        {"steps": [{**COUNTED.to_payload(), "state": "dreamt"}]},
        {"steps": [{**COUNTED.to_payload(), "arguments": []}]},
        {"steps": [{**COUNTED.to_payload(), "text": 3}]},
        {"steps": [{}]},
        {"follows": 3},
        {"left_out": "two"},
        {"answers": []},
    ],
)
def test_a_damaged_conversation_is_told_from_a_whole_one(fault):
    values = {**json.loads(talk("How many?", *STEPS).to_json()), **fault}
    with pytest.raises(RecordInvalid):
        Exchange.from_json(json.dumps(values))


def test_a_thread_is_what_an_exchange_goes_on_from_the_oldest_first(conversation):
    first = exchange(answer())
    second = talk("What else?", follows=first.exchange_id)
    third = talk("And there?", follows=second.exchange_id)
    for each in (first, exchange(answer("Of something else.")), second, third):
        conversation.add(each)
    assert conversation.thread(third.exchange_id) == (first, second, third)
    assert conversation.thread(None) == ()
    conversation.remove(second.exchange_id)
    assert conversation.thread(third.exchange_id) == (third,)


def test_a_thread_that_bites_its_tail_has_an_end(conversation):
    first = talk("What?")
    second = talk("Why?", follows=first.exchange_id)
    for each in (replace(first, follows=second.exchange_id), second):
        conversation.add(each)
    assert len(conversation.thread(second.exchange_id)) == 2


def test_earlier_exchanges_are_told_with_calls_and_results():
    caption = exchange(answer("Water.", prompt="Describe this imagery."))
    assert turns_of([caption, talk("How many?", *STEPS)]) == (
        Turn(Role.USER, "Describe this imagery."),
        Turn(Role.ASSISTANT, "Water."),
        Turn(Role.USER, "How many?"),
        Turn(Role.ASSISTANT, f"I count. {CALL}"),
        Turn(Role.TOOL, '{"count": 3}'),
        Turn(Role.ASSISTANT, "3"),
    )


def test_a_question_without_an_answer_is_not_told():
    assert turns_of([talk("Cancelled at once."), exchange(answer(""))]) == ()


def test_what_was_taken_back_is_told_as_such():
    undone = replace(COUNTED, state=StepState.UNDONE)
    told = json.loads(undone.turn().text)
    assert told["count"] == 3
    assert "took this back" in told["undone"]


def test_several_places_are_no_conversation():
    assert not exchange(answer(), chips=[picture(1), picture(2)]).is_about_one_place
    assert exchange(answer(), chips=[picture(1), picture(2)], images=2).is_about_one_place
    assert exchange(answer()).is_about_one_place
