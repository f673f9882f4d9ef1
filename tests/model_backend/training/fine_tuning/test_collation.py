"""What the model is trained on is what the engine feeds it, and only answers are learned."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lspace.model_backend.errors import RequestError, RowInvalid
from lspace.model_backend.inference.engine import ModelInfo
from lspace.model_backend.inference.exact.checkpoint import load_model, open_checkpoint
from lspace.model_backend.inference.exact.engine import make_engine
from lspace.model_backend.inference.prompts import Prompt
from lspace.model_backend.inference.tokens import neutralise
from lspace.model_backend.training.corpus.row import Message, Row
from lspace.model_backend.training.fine_tuning.architecture import architecture_of
from lspace.model_backend.training.fine_tuning.collation import Collator, check_row
from PIL import Image

NO_LABEL = -100
END = "<|im_end|>"
ANSWER = '[{"label": "water", "bbox": [0.1, 0.25, 0.5, 0.75]}]'


@pytest.fixture(scope="module")
def opened(tiny):
    return open_checkpoint(tiny, "cpu", torch.float32)


@pytest.fixture(scope="module")
def chat(opened):
    return opened.chat


@pytest.fixture(scope="module")
def engine(tiny):
    info = ModelInfo("tiny", "none", "cpu", "float32", "for a test.", 0.0, 0.0, 1, random_weights=True)
    return make_engine(open_checkpoint(tiny, "cpu", torch.float32), info, 0.0)


@pytest.fixture(scope="module")
def collate(opened):
    return Collator(opened.chat, opened.cutter, architecture_of("lfm2_vl"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Has two pictures of different size."""
    folder = tmp_path_factory.mktemp("pictures")
    Image.new("RGB", (64, 64), (20, 40, 160)).save(folder / "small.png")
    Image.new("RGB", (320, 256), (10, 90, 20)).save(folder / "large.png")
    return folder


@pytest.fixture(scope="module")
def row(folder):
    def make(answer=ANSWER, images=("small.png",), system=None, question="What is here?") -> Row:
        messages = [Message("user", question, tuple(images)), Message("assistant", answer)]
        return Row((*([Message("system", system)] if system else []), *messages), {}, folder)

    return make


def learned(batch, index=0):
    """The labels of a row that carry loss."""
    return [label for label in batch["labels"][index].tolist() if label != NO_LABEL]


@pytest.mark.parametrize("images", [(), ("small.png",), ("small.png", "large.png")])
@pytest.mark.parametrize("system", [None, "You are a careful analyst."])
def test_the_prompt_is_what_the_engine_feeds(engine, collate, row, images, system):
    example = row(images=images, system=system)
    prompt = Prompt("test", system, example.prompt, "text", 5, trained=True)
    text = engine._chat.text(prompt, len(images))
    assert collate.pieces(example)[0].text == text

    pictures = [Image.open(path) for path in example.images]
    patches = [engine._cutter.cut(picture) for picture in pictures]
    tokens = engine._chat.ids(text, [each.tokens for each in patches])
    batch = collate([example])
    assert batch["input_ids"][0, : len(tokens)].tolist() == tokens
    for place, each in enumerate(patches):
        assert batch["pixel_values"][place, : len(each.pixels)].numpy().tolist() == each.pixels.tolist()
        assert tuple(batch["spatial_shapes"][place].tolist()) == each.grid


def test_tokens_and_patches_are_those_of_transformers_own_processor(tiny, collate, row):
    # imports the hub's package, which has to find the package's own settings
    from lfm2_vl_processor import load_processor

    example = row(images=("small.png", "large.png"), system="You are a careful analyst.")
    prompt, answer = collate.pieces(example)
    expected = load_processor(tiny)(
        text=[prompt.text],
        images=[[Image.open(path) for path in example.images]],
        return_tensors="pt",
        do_image_splitting=False,
    )
    batch = collate([example])
    length = expected["input_ids"].shape[1]
    assert batch["input_ids"][0, :length].equal(expected["input_ids"][0])
    for name in ("pixel_attention_mask", "spatial_shapes"):
        assert batch[name].tolist() == expected[name].tolist()
    assert torch.allclose(batch["pixel_values"], expected["pixel_values"], atol=2 / 127)
    assert answer.learned


@settings(max_examples=50)
@given(answer=st.text(min_size=1))
def test_only_the_answer_and_its_end_are_learned_and_nothing_follows(collate, row, chat, answer):
    assume(neutralise(answer) == answer)
    batch = collate([row(answer)])
    assert chat.decode(learned(batch), skip_special_tokens=False) == answer + END
    labels, tokens = batch["labels"][0].tolist(), batch["input_ids"][0].tolist()
    first = next(place for place, label in enumerate(labels) if label != NO_LABEL)
    assert labels[first:] == tokens[first:]
    assert chat.decode(tokens[:first], skip_special_tokens=False).endswith("<|im_start|>assistant\n")


def test_every_answer_of_a_conversation_is_learned(collate, folder, chat):
    conversation = Row(
        (
            Message("user", "Before?", ("small.png", "large.png")),
            Message("assistant", "Forest."),
            Message("user", "And after?"),
            Message("assistant", "Water."),
        ),
        {},
        folder,
    )
    batch = collate([conversation])
    assert chat.decode(learned(batch), skip_special_tokens=False) == f"Forest.{END}Water.{END}"
    assert batch["spatial_shapes"].shape == (2, 2)
    rendered = "".join(piece.text for piece in collate.pieces(conversation))
    assert rendered == (
        f"<|startoftext|><|im_start|>user\n<image><image>Before?{END}\n<|im_start|>assistant\nForest.{END}\n"
        f"<|im_start|>user\nAnd after?{END}\n<|im_start|>assistant\nWater.{END}"
    )


@torch.no_grad()
def test_a_row_costs_the_same_alone_and_beside_others(collate, row, tiny):
    rows = [row("Water."), row(ANSWER * 3, images=("large.png", "small.png")), row("Forest.", images=())]
    model = load_model(tiny, torch.float32).eval()
    together = collate(rows)
    logits = model(**{name: values for name, values in together.items() if name != "labels"}).logits
    for index, example in enumerate(rows):
        alone = collate([example])
        length = alone["input_ids"].shape[1]
        expected = model(**{name: values for name, values in alone.items() if name != "labels"}).logits
        assert together["labels"][index, :length].equal(alone["labels"][0])
        assert set(together["labels"][index, length:].tolist()) <= {NO_LABEL}
        assert torch.allclose(logits[index, :length], expected[0], atol=1e-4)


@pytest.mark.parametrize("marker", ["<image>", END, "<|im_start|>user", "</think>"])
@pytest.mark.parametrize("where", ["answer", "question", "system"])
def test_a_row_with_a_marker_in_its_text_is_refused(row, marker, where):
    with pytest.raises(RowInvalid, match="special token"):
        check_row(row(**{where: f"Here {marker} there"}))


def test_a_row_without_an_answer_is_refused(row):
    example = row()
    with pytest.raises(RowInvalid, match="no answer"):
        check_row(replace(example, messages=example.messages[:1]))


def test_a_row_without_its_picture_is_refused(row):
    with pytest.raises(RowInvalid, match=r"lost\.png"):
        check_row(row(images=("lost.png",)))


def test_a_picture_in_an_answer_is_refused(row, folder):
    messages = (*row().messages[:1], Message("assistant", "Water.", ("small.png",)))
    with pytest.raises(RowInvalid, match="image in a assistant message"):
        check_row(Row(messages, {}, folder))


@pytest.mark.parametrize("roles", ["assistant user", "user system assistant", "human assistant"])
def test_turns_out_of_order_are_refused(row, roles):
    messages = tuple(Message(role, "words") for role in roles.split())
    with pytest.raises(RowInvalid, match="roles are"):
        check_row(replace(row(), messages=messages))


def test_a_picture_after_the_first_question_is_refused(row):
    messages = (*row().messages, *row().messages)
    with pytest.raises(RowInvalid, match="after the first question"):
        check_row(replace(row(), messages=messages))


def test_a_good_row_is_not_refused(row):
    check_row(row(system="You are a careful analyst.", images=("small.png", "large.png")))


def test_a_file_that_is_no_picture_is_named(collate, row, folder):
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.raises(RequestError, match=r"broken\.png"):
        collate([row(images=("broken.png",))])


def test_a_template_that_changes_answers_is_refused(opened, row):
    shouting = opened.chat.template.environment.from_string(
        "{% for message in messages %}{{ message['content'] | upper }}{% endfor %}"
    )
    changed = replace(opened.chat, template=shouting)
    with pytest.raises(RowInvalid, match="changes an answer"):
        Collator(changed, opened.cutter, architecture_of("lfm2_vl"))([row(images=())])
