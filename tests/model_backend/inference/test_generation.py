"""The decoding loop with a model whose next words are written down here."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from lspace.model_backend.inference.completion import FinishReason
from lspace.model_backend.inference.generation import Vocabulary, read, write

LETTERS = {index: chr(ord("a") + index) for index in range(8)}
END, BARRED = 7, 6


class Speller:
    """A tokenizer of eight letters, the last of which ends an answer."""

    def decode(self, ids, **_options):
        return "".join(LETTERS[index] for index in ids)


class Script:
    """A model that finds the scripted tokens likeliest, whatever it reads; one script a row."""

    def __init__(self, *rows, runner_up=0):
        self.rows = rows
        self.runner_up = runner_up
        self.positions = []
        self.step = 0

    def __call__(self, *, position_ids, **_inputs):
        self.positions.append(position_ids.tolist())
        logits = torch.full((len(self.rows), 1, len(LETTERS)), -3.0)
        for row, script in enumerate(self.rows):
            logits[row, 0, self.runner_up] = -2.0
            logits[row, 0, script[min(self.step, len(script) - 1)]] = -1.0
        self.step += 1
        return SimpleNamespace(logits=logits, past_key_values=None)


def run(script, budgets, mask=((1, 1),)):
    vocabulary = Vocabulary(Speller(), frozenset({END}), torch.tensor([BARRED]))
    mask = torch.tensor(mask).expand(len(budgets), -1)
    context = read(script, torch.zeros_like(mask), mask)
    return list(write(script, vocabulary, context, budgets, lambda: False))


def test_the_end_token_stops_and_is_not_written():
    steps = run(Script([1, 2, END]), [9])
    assert [step[0].text for step in steps] == ["b", "c", ""]
    assert steps[-1][0].finish_reason is FinishReason.STOP


def test_the_budget_stops_and_says_so():
    steps = run(Script([1, 2, 3, 4]), [2])
    assert [(step[0].text, step[0].finish_reason) for step in steps] == [
        ("b", None),
        ("c", FinishReason.LENGTH),
    ]


def test_an_answer_that_ends_with_its_last_token_was_not_cut():
    assert run(Script([1, END]), [2])[-1][0].finish_reason is FinishReason.STOP


def test_a_barred_token_gives_way_to_the_next_best_whose_probability_stays_its_own():
    (step,) = run(Script([BARRED], runner_up=4), [1])
    logits = torch.full((8,), -3.0)
    logits[BARRED], logits[4] = -1.0, -2.0
    assert step[0].text == "e"
    assert step[0].logprob == pytest.approx(float(logits.log_softmax(-1)[4]))


def test_a_finished_row_says_nothing_more_while_others_go_on():
    steps = run(Script([1, END, 5], [2, 3, 4, END]), [9, 9], mask=((1, 1), (1, 1)))
    rows = [[chunk and chunk.text for chunk in row] for row in zip(*steps, strict=True)]
    assert rows == [["b", "", None, None], ["c", "d", "e", ""]]


def test_positions_count_tokens_and_not_padding():
    script = Script([1, 2, END], [1, 2, END])
    run(script, [9, 9], mask=((0, 0, 1, 1), (1, 1, 1, 1)))
    assert script.positions == [[[0, 0, 0, 1], [0, 1, 2, 3]], [[2], [4]], [[3], [5]]]
