"""N2-Eye is trained on conversations as the engine feeds them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from lspace.model_backend.errors import RowInvalid
from lspace.model_backend.inference.exact.checkpoint import open_checkpoint
from lspace.model_backend.inference.prompts import Prompt
from lspace.model_backend.inference.random_n2_eye import write_random_n2_eye
from lspace.model_backend.tool import ToolDefinition
from lspace.model_backend.training.corpus.row import Message, Row
from lspace.model_backend.training.fine_tuning.architecture import architecture_of
from lspace.model_backend.training.fine_tuning.collation import Collator, check_row
from lspace.model_backend.turn import Role, Turn
from PIL import Image

NO_LABEL = -100
END = "<|im_end|>"
SYSTEM = "You help an analyst."
CALL = '<|tool_call_start|>[count_features(layer="berths")]<|tool_call_end|>'
COUNT = ToolDefinition(
    "count_features", "Counts.", {"type": "object", "properties": {"layer": {"type": "string"}}}
)
COUNT_AS_JSON = (
    '{"name": "count_features", "description": "Counts.", '
    '"parameters": {"type": "object", "properties": {"layer": {"type": "string"}}}}'
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints") / "n2-eye"
    write_random_n2_eye(folder, "tiny")
    return open_checkpoint(folder, "cpu", torch.float32)


@pytest.fixture(scope="module")
def collate(opened):
    return Collator(opened.chat, opened.cutter, architecture_of("multimodal_lfm2"))


@pytest.fixture
def row(tmp_path):
    """A conversation about a picture, in which a tool is asked."""
    Image.linear_gradient("L").resize((320, 240)).save(tmp_path / "chip.png")
    messages = (
        Message("system", SYSTEM),
        Message("user", "What is here?", ("chip.png",)),
        Message("assistant", "A harbour."),
        Message("user", "How many berths?"),
        Message("assistant", CALL),
        Message("tool", '{"count": 7}'),
        Message("assistant", "Seven."),
    )
    return Row(messages, {}, tmp_path, (COUNT,))


def test_a_conversation_is_rendered_as_the_template_has_it(collate, row):
    pieces = collate.pieces(row)
    assert "".join(piece.text for piece in pieces) == (
        f"<|startoftext|><|im_start|>system\n{SYSTEM}\n"
        f"List of tools: <|tool_list_start|>[{COUNT_AS_JSON}]<|tool_list_end|>{END}\n"
        f"<|im_start|>user\n<image>What is here?{END}\n"
        f"<|im_start|>assistant\nA harbour.{END}\n"
        f"<|im_start|>user\nHow many berths?{END}\n"
        f"<|im_start|>assistant\n{CALL}{END}\n"
        f'<|im_start|>tool\n<|tool_response_start|>{{"count": 7}}<|tool_response_end|>{END}\n'
        f"<|im_start|>assistant\nSeven.{END}"
    )
    assert [piece.text for piece in pieces if piece.learned] == [
        f"A harbour.{END}",
        CALL + END,
        "Seven." + END,
    ]


def test_answers_and_calls_are_learned_and_nothing_else(opened, collate, row):
    batch = collate([row])
    labels = [label for label in batch["labels"][0].tolist() if label != NO_LABEL]
    assert opened.chat.decode(labels, skip_special_tokens=False) == f"A harbour.{END}{CALL}{END}Seven.{END}"


@pytest.mark.parametrize("answers", [1, 2, 3])
def test_each_answer_is_learned_behind_what_the_engine_feeds(opened, collate, row, answers):
    turns = [Turn(Role(message.role), message.text) for message in row.messages[1:]]
    answered = [place for place, turn in enumerate(turns) if turn.role is Role.ASSISTANT][answers - 1]
    asked = tuple(turns[:answered])
    prompt = Prompt("test", SYSTEM, "", "text", 5, trained=True, turns=asked, tools=row.tools)
    picture = opened.cutter.cut(Image.open(row.images[0]))
    tokens = opened.chat.ids(opened.chat.text(prompt, 1), [picture.tokens])
    batch = collate([row])
    assert tokens.count(opened.chat.image_id) == 49
    assert batch["input_ids"][0, : len(tokens)].tolist() == tokens
    assert batch["labels"][0, len(tokens) - 1] == NO_LABEL
    assert batch["labels"][0, len(tokens)] != NO_LABEL
    assert batch["pixel_values"].equal(torch.from_numpy(picture.pixels)[None])


def test_a_row_that_calls_its_tools_is_not_refused(row):
    check_row(row)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (CALL.replace("layer", "map"), "has no argument 'map'"),
        (CALL.replace("count_features", "erase"), "there is no tool 'erase'"),
        (CALL.replace('"berths"', "7"), "has to be of type string"),
        (CALL.replace("<|tool_call_end|>", ""), "cut off"),
        (f"{CALL}<|im_start|>", "special token"),
    ],
)
def test_a_call_that_the_plugin_would_refuse_is_refused(row, call, reason):
    messages = (*row.messages[:4], Message("assistant", call), *row.messages[5:])
    with pytest.raises(RowInvalid, match=reason):
        check_row(replace(row, messages=messages))


def test_a_result_with_the_marks_of_a_call_is_refused(row):
    messages = (*row.messages[:5], Message("tool", CALL), row.messages[6])
    with pytest.raises(RowInvalid, match="special token's marker in the tool's text"):
        check_row(replace(row, messages=messages))


@torch.no_grad()
def test_a_row_costs_the_same_alone_and_beside_others(opened, collate, row):
    spoken = Row((Message("user", "Hello"), Message("assistant", "Good morning.")), {}, row.folder)
    rows = [row, spoken, Row(row.messages[:3], {}, row.folder)]
    together = collate(rows)
    losses = opened.model(**together).logits
    for index, example in enumerate(rows):
        alone = collate([example])
        length = alone["input_ids"].shape[1]
        assert together["labels"][index, :length].equal(alone["labels"][0])
        assert set(together["labels"][index, length:].tolist()) <= {NO_LABEL}
        assert torch.allclose(losses[index, :length], opened.model(**alone).logits[0], atol=1e-4)
