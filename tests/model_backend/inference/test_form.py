"""The trained form in real tokens: it never takes a choice from a model that keeps to it by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lspace.model_backend.contract import EMBEDDED_MODEL, load_contracts
from lspace.model_backend.inference.chat import Chat
from lspace.model_backend.inference.completion import FinishReason
from lspace.model_backend.inference.form import FormTokens, ListForm, known_labels, pieces_of_lists
from lspace.model_backend.inference.grammar import Grammar
from lspace.model_backend.inference.prompts import build_prompts
from lspace.model_backend.inference.proposals import read_proposals
from lspace.model_backend.inference.random_checkpoint import write_random_checkpoint
from lspace.model_backend.trained_boxes import written_boxes
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
SCENES = ("resources/demo/honolulu.tif", "tests/data/casablanca.tif")
"""Kept out of lspace-mini's training."""
CONTRACTS = load_contracts()


def chips(step, side=224):
    for scene in SCENES:
        picture = Image.open(ROOT / scene).convert("RGB")
        for top in range(0, picture.height - side + 1, step):
            for left in range(0, picture.width - side + 1, step):
                yield picture.crop((left, top, left + side, top + side))


def prompts(contract, **options):
    return build_prompts(contract, "detect", [target.name for target in contract.targets], **options)


def spans(completion):
    return [(token.start, token.end) for token in completion.tokens]


def is_well_formed(completion, reading):
    mended = any(proposal.repairs for proposal in reading.proposals)
    return completion.finish_reason is FinishReason.STOP and not (mended or reading.dropped or reading.notes)


@pytest.fixture(scope="module", params=["tiny", "lspace-mini"])
def tokens(request, tiny):
    folder, name = (tiny, "lspace") if request.param == "tiny" else (EMBEDDED_MODEL, "lspace-mini")
    return FormTokens(Chat.open(folder), CONTRACTS[name])


def form_of(tokens, labels):
    return ListForm(tokens, Grammar(labels), tokens.listed if labels else None)


LABELLED = [("water", (3, 22, 112, 223)), ("tree cover", (0, 0, 0, 9)), ("water", (3, 22, 112, 111))]


@pytest.mark.parametrize("labels", [("water", "tree cover"), ()], ids=["known labels", "own words"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_trained_answer_is_allowed_in_its_usual_cut_and_nothing_else_is_forced(tokens, labels, count):
    chat, form = tokens.chat, form_of(tokens, labels)
    ids = chat.ids(written_boxes(LABELLED[:count], CONTRACTS["lspace"].box)) + sorted(chat.ends)
    written, asked = form.forced(), 0
    while len(written) < len(ids):
        assert written == ids[: len(written)]
        token = ids[len(written)]
        assert form.allows(token)
        assert token in form.allowed()
        asked += 1
        written.append(token)
        if token not in chat.ends:
            form.take(token)
            written += form.forced()
    assert written == ids
    assert asked <= len(ids) * 0.85


@pytest.mark.parametrize("labels", [("water", "tree cover"), ()], ids=["known labels", "own words"])
def test_what_is_likely_is_allowed_and_is_what_a_trained_answer_goes_on_with(tokens, labels):
    answer = written_boxes(
        [("water", (3, 22, 112, 223)), ("water", (50, 60, 70, 80))], CONTRACTS["lspace"].box
    )
    ids = tokens.chat.ids(answer)
    guessed = right = 0
    for place in range(len(ids)):
        form = form_of(tokens, labels)
        for token in ids[:place]:
            form.take(token)
        likely = form.likely()
        if likely:
            guessed += 1
            right += likely == ids[place : place + len(likely)]
        for token in likely:
            assert form.allows(token)
            form.take(token)
    assert guessed >= 8
    assert right >= 0.8 * guessed  # the number 0.5 may go on, the list may end


def test_a_cut_that_is_not_the_usual_one_is_allowed_too(tokens):
    form = form_of(tokens, ("water",))
    for character in '[{"label": "water", "bbox": [0.0134, 0.5, 0.0179, 0.9955]}':
        (token,) = tokens.by_start[character]
        assert form.allows(token)
        form.take(token)


@pytest.mark.parametrize("labels", [("water", "tree cover"), ()], ids=["known labels", "own words"])
def test_all_that_is_allowed_is_told_at_every_place_of_an_answer(tokens, labels):
    answer = (
        '[{"label": "tree cover", "bbox": [0.0134, 0.5, 0.0179, 0.9955]}, {"label": "water", "bbox": [0.1'
    )
    everything = range(len(tokens.texts))
    for end in range(len(answer) + 1):
        form = form_of(tokens, labels)
        for character in answer[:end]:
            form.take(tokens.by_start[character][0])
        told = form.allowed()
        assert sorted(told) == [token for token in everything if form.allows(token)]
        assert form.among is None or set(told) <= set(form.among)


def test_few_tokens_make_up_all_lists_of_known_labels(tokens):
    assert (np.diff(tokens.listed) > 0).all()
    assert len(tokens.listed) < len(tokens.texts)
    assert set(tokens.chat.ends) <= set(tokens.listed)
    assert not set(tokens.chat.barred) & set(tokens.listed)


def test_a_token_that_reaches_over_numbers_is_kept_among_those_of_lists():
    texts = ["0.5, 0.25, 0.", '", "bbox": [0', "tree c", "12.5", "]}]", "[]", "x" * 32]
    others = ["treec", "}}", "", "\n", "]]", "x" * 31]
    kept = pieces_of_lists([*texts, *others], CONTRACTS["lspace"])
    assert kept == set(range(len(texts)))


def test_special_tokens_and_the_end_are_not_allowed_inside(tokens):
    form = form_of(tokens, ())
    assert not any(form.allows(token) for token in (*tokens.chat.barred, *tokens.chat.ends))


def test_labels_are_those_of_the_task_and_own_words_are_free():
    contract = CONTRACTS["lspace"]
    ground, own, vessels = build_prompts(contract, "detect", ("water", "red boats", "vessel candidate"))
    assert known_labels(ground, contract)[:2] == ("water", "tree cover")
    assert len(known_labels(ground, contract)) == 9
    assert known_labels(own, contract) == ()
    assert known_labels(vessels, contract) == ("vessel_candidate",)


def test_where_lspace_mini_keeps_the_form_by_itself_both_answers_agree_token_for_token(make):
    engine, agreed = make(EMBEDDED_MODEL), 0
    free, held = prompts(engine.contract), prompts(engine.contract, keep_form=True)
    for chip in chips(step=90):
        plain, kept = (
            engine.complete_batch([(prompt, [chip]) for prompt in asked], lambda: False)
            for asked in (free, held)
        )
        for prompt, one, other in zip(free, plain, kept, strict=True):
            reading, again = (read_proposals(each, prompt.target) for each in (one, other))
            if is_well_formed(one, reading):
                agreed += 1
                assert (one.text, spans(one)) == (other.text, spans(other))
                scores = [proposal.score for proposal in again.proposals]
                assert scores == pytest.approx([proposal.score for proposal in reading.proposals], abs=0.01)
    assert agreed >= 40


def test_with_random_weights_every_answer_is_in_the_trained_form(make, tmp_path, chip):
    words, found = ("water", "cropland", "vessel candidate", "red boats"), 0
    for seed in range(6):
        write_random_checkpoint(tmp_path / str(seed), "tiny", seed=seed)
        engine = make(tmp_path / str(seed))
        asked = build_prompts(engine.contract, "detect", words, 120, keep_form=True)
        answers = engine.complete_batch([(prompt, [chip(seed)]) for prompt in asked], lambda: False)
        for prompt, answer in zip(asked, answers, strict=True):
            reading = read_proposals(answer, prompt.target)
            found += len(reading.proposals)
            assert all(not proposal.repairs for proposal in reading.proposals)
            cut = answer.finish_reason is FinishReason.LENGTH
            assert set(reading.dropped) <= ({"cut"} if cut else set())
            assert set(reading.notes) <= ({"truncated"} if cut else set())
    assert found > 10


def test_alone_and_side_by_side_the_form_gives_the_same_answers(engine, chip):
    asked = [
        (prompt, [chip(seed)])
        for seed, prompt in enumerate(prompts(engine.contract, keep_form=True, max_new_tokens=60))
    ]
    together = engine.complete_batch(asked, lambda: False)
    for question, answer in zip(asked, together, strict=True):
        (alone,) = engine.complete_batch([question], lambda: False)
        assert (alone.text, spans(alone)) == (answer.text, spans(answer))
