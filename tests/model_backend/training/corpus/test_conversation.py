"""A conversation is a row where its model could hold it, and is refused with its reason where not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.errors import RowInvalid
from lspace.model_backend.tool import ToolDefinition
from lspace.model_backend.training.corpus.conversation import check_conversation
from lspace.model_backend.training.corpus.row import Message, Row, read_rows, write_rows
from lspace.model_backend.training.corpus.validation import read_valid_rows, validate
from lspace.model_backend.training.evaluation.question import questions_of
from PIL import Image

CONTRACTS = load_contracts()
N2_EYE, LSPACE, MINI = (CONTRACTS[name] for name in ("n2-eye", "lspace", "lspace-mini"))
COUNT = ToolDefinition(
    "count_features",
    "Counts.",
    {"type": "object", "properties": {"layer": {"type": "string"}}, "required": ["layer"]},
)
ZOOM = ToolDefinition(
    "zoom", "Zooms.", {"type": "object", "properties": {"scale": {"type": "number", "minimum": 1}}}
)
TURNS = (
    Message("system", "You help an analyst."),
    Message("user", "What is here?", ("chip.png",)),
    Message("assistant", "A harbour."),
    Message("user", "With ships?"),
    Message("assistant", "Two of them."),
)
CALLING = (
    *TURNS[:3],
    Message("user", "How many berths?"),
    Message("assistant", '<|tool_call_start|>[count_features(layer="berths")]<|tool_call_end|>'),
    Message("tool", '{"count": 7}'),
    Message("assistant", "Seven."),
)


@pytest.fixture
def row(tmp_path):
    for name in ("chip.png", "other.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)

    def make(messages=TURNS, tools=(), **known) -> Row:
        return Row(tuple(messages), known, tmp_path, tuple(tools))

    return make


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_tools_come_back_as_they_were_written(row, tmp_path, suffix):
    rows = [row(CALLING, (COUNT, ZOOM)), row(), row(CALLING, (ZOOM,))]
    write_rows(rows, tmp_path / f"rows{suffix}")
    assert read_rows(tmp_path / f"rows{suffix}") == rows


def test_a_row_of_another_folder_keeps_its_tools(row, tmp_path):
    assert row(CALLING, (COUNT,)).in_folder(tmp_path / "deep").tools == (COUNT,)


@pytest.mark.parametrize(
    "tools", ["zoom", 7, ["zoom"], [{"name": "zoom"}], [{**ZOOM.to_payload(), "strict": True}], "[" * 10_000]
)
def test_what_defines_no_tool_is_refused_with_its_line(row, tmp_path, tools):
    path = tmp_path / "rows.jsonl"
    write_rows([row()], path)
    entry = json.loads(path.read_text())
    path.write_text(path.read_text() + json.dumps({**entry, "tools": tools}) + "\n")
    with pytest.raises(RowInvalid, match=r"rows\.jsonl, line 2: tools are a list"):
        read_rows(path)


@pytest.mark.parametrize("messages", [TURNS, TURNS[:3], TURNS[1:], CALLING], ids=len)
def test_a_conversation_is_valid_for_a_model_that_talks(row, messages):
    tools = (COUNT,) if messages is CALLING else ()
    validate(row(messages, tools, contract="n2-eye"))
    check_conversation(row(messages, tools), N2_EYE)


def test_several_turns_are_no_row_of_a_model_of_single_questions(row):
    with pytest.raises(RowInvalid, match="has no task"):
        validate(row(contract="lspace-mini"))


def test_a_row_with_a_task_is_still_one_question(row):
    with pytest.raises(RowInvalid, match="takes one answer, has 2"):
        validate(row(contract="lspace", task="caption"))
    validate(row(TURNS[:3], contract="n2-eye", task="caption"))


def test_a_second_image_is_refused_with_a_sentence(row, tmp_path):
    messages = (TURNS[0], replace(TURNS[1], images=("chip.png", "other.png")), TURNS[2])
    write_rows([row(), row(messages)], tmp_path / "rows.jsonl")
    sentence = r"rows\.jsonl, line 2: GoofyLM/N2-Eye is shown at most 1 image in a conversation, not 2"
    with pytest.raises(RowInvalid, match=sentence):
        read_valid_rows(tmp_path / "rows.jsonl", N2_EYE)
    check_conversation(row(messages), LSPACE)


def test_the_image_comes_with_the_first_question(row):
    late = (Message("user", "Hello"), Message("assistant", "Hello."), *TURNS[1:3])
    with pytest.raises(RowInvalid, match="after the first question"):
        validate(row(late))


def test_a_call_of_what_is_not_there_is_refused(row):
    validate(row(CALLING, (COUNT, ZOOM)))
    with pytest.raises(RowInvalid, match="there is no tool 'count_features'; there are: zoom"):
        validate(row(CALLING, (ZOOM,)))


@pytest.mark.parametrize(("messages", "tools"), [(CALLING, ()), (TURNS, (ZOOM,))], ids=["a result", "tools"])
def test_tools_are_refused_for_a_model_that_calls_none(row, messages, tools):
    with pytest.raises(RowInvalid, match="calls no tools"):
        check_conversation(row(messages, tools), LSPACE)


@pytest.mark.parametrize("roles", ["user tool assistant", "user assistant tool", "user assistant tool user"])
def test_a_result_stands_between_two_answers(row, roles):
    messages = tuple(Message(role, "words") for role in roles.split())
    with pytest.raises(RowInvalid, match="roles are"):
        validate(row(messages))


def test_figures_are_not_made_of_conversations(row):
    with pytest.raises(RowInvalid, match="not of conversations"):
        questions_of([row()], N2_EYE)
