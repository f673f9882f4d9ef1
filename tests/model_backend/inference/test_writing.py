"""The decoding loop with a network whose next words are written down here."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from lspace.model_backend.errors import Cancelled
from lspace.model_backend.inference.completion import FinishReason
from lspace.model_backend.inference.writing import write

LETTERS = {index: chr(ord("a") + index) for index in range(8)}
END, BARRED = 7, 6


class Speller:
    """A chat of eight letters, the last of which ends an answer."""

    ends = frozenset({END})
    barred = (BARRED,)

    def decode(self, ids, **_options):
        return "".join(LETTERS[index] for index in ids)


@dataclass
class Rows:
    """A context that knows only which scripts it follows, and how far."""

    scripts: list
    places: list = field(default_factory=list)
    size: int = 0

    def __post_init__(self):
        self.places = self.places or [0] * len(self.scripts)

    @property
    def rows(self):
        return len(self.scripts)

    def keep(self, rows):
        self.scripts = [self.scripts[row] for row in rows]
        self.places = [self.places[row] for row in rows]

    def forget(self, tokens):
        self.places = [place - tokens for place in self.places]


class Script:
    """A network that finds the scripted tokens likeliest, whatever it reads; notes what it is fed."""

    guesses = True

    def __init__(self, runner_up=0):
        self.runner_up = runner_up
        self.fed, self.among = [], []

    def read(self, context, tokens, among=None):
        self.fed.append(tokens.tolist())
        self.among.append(among)
        context.places = [place + tokens.shape[1] for place in context.places]
        return self.logits(context)

    def joined(self, contexts):
        return Rows(
            [script for each in contexts for script in each.scripts],
            [place for each in contexts for place in each.places],
            sum(each.size for each in contexts),
        )

    def read_each(self, context, tokens, last, among=None):
        self.fed.append(tokens.tolist())
        self.among.append(among)
        context.places[0] += tokens.shape[1] - last
        lines = []
        for _ in range(last):
            context.places[0] += 1
            lines.append(self.logits(context))
        return np.concatenate(lines)

    def logits(self, context):
        logits = np.full((context.rows, len(LETTERS)), -3.0, dtype=np.float32)
        logits[:, self.runner_up] = -2.0
        for row, (script, place) in enumerate(zip(context.scripts, context.places, strict=True)):
            logits[row, script[min(place, len(script) - 1)]] = -1.0
        return logits


class Fixed:
    """A form that allows one text only, forces some of its places, and at some has a guess."""

    def __init__(self, tokens, forced=(), likely=(), among=None):
        self.tokens, self.places, self.place = tokens, set(forced), 0
        self.among = among
        self.guesses = dict(likely)

    def allows(self, token):
        return token == self.tokens[self.place]

    def allowed(self):
        return [self.tokens[self.place]]

    def take(self, token):
        assert self.allows(token)
        self.place += 1

    def forced(self):
        start = self.place
        while self.place in self.places:
            self.place += 1
        return self.tokens[start : self.place]

    def likely(self):
        return self.guesses.get(self.place, [])


def run(scripts, budgets, forms=None, network=None, is_cancelled=lambda: False, questions=None):
    network, contexts = network or Script(), [Rows([script]) for script in scripts]
    read = ((context, network.logits(context)) for context in contexts)
    forms = forms or [None] * len(budgets)
    questions = questions or [[]] * len(budgets)
    return list(write(network, [Speller()] * len(budgets), questions, read, budgets, forms, is_cancelled))


def texts(steps):
    return [[chunk and chunk.text for chunk in row] for row in zip(*steps, strict=True)]


def test_the_end_token_stops_and_is_not_written():
    steps = run([[1, 2, END]], [9])
    assert texts(steps) == [["b", "c", ""]]
    assert steps[-1][0].finish_reason is FinishReason.STOP


def test_the_budget_stops_and_says_so():
    steps = run([[1, 2, 3, 4]], [2])
    assert texts(steps) == [["b", "c"]]
    assert [step[0].finish_reason for step in steps] == [None, FinishReason.LENGTH]


def test_an_answer_that_ends_with_its_last_token_was_not_cut():
    assert run([[1, END]], [2])[-1][0].finish_reason is FinishReason.STOP


def test_a_barred_token_gives_way_to_the_next_best_whose_probability_stays_its_own():
    (step,) = run([[BARRED]], [1], network=Script(runner_up=4))
    weights = np.exp([-3.0] * 6 + [-2.0, -1.0])
    assert step[0].text == "e"
    assert step[0].logprob == pytest.approx(np.log(weights[-2] / weights.sum()))


def test_a_finished_row_says_nothing_more_while_others_go_on_without_it():
    network = Script()
    steps = run([[1, END, 5], [2, 3, 4, END]], [9, 9], network=network)
    assert texts(steps) == [["b", "", None, None, None], [None, "c", "d", "e", ""]]
    assert network.fed == [[[1]], [[2]], [[3]], [[4]]]


def test_a_forced_token_is_certain_and_the_network_is_not_asked_for_it():
    network = Script()
    steps = run([[1, 0, 0, 4, END]], [9], [Fixed([1, 2, 3, 4, END], forced=(1, 2))], network)
    assert texts(steps) == [["b", "c", "d", "e", ""]]
    assert network.fed == [[[1, 2, 3]], [[4]]]
    assert [step[0].logprob == 0 for step in steps] == [False, True, True, False, False]


def test_what_is_forced_from_the_first_token_on_is_written_at_once():
    network = Script()
    assert texts(run([[5]], [9], [Fixed([1, 2, END], forced=(0, 1, 2))], network)) == [["b", "c", ""]]
    assert network.fed == []


def test_side_by_side_a_forced_token_takes_a_step_and_changes_no_other_row():
    network = Script()
    forms = [None, Fixed([1, 2, 3, END], forced=(1, 2))]
    steps = run([[4, 5, 4, 5, END], [1, 0, 0, END]], [9, 9], forms, network)
    assert texts(steps) == [["e", "f", "e", "f", ""], [None, "b", "c", "d", ""]]
    assert network.fed == [[[4]], [[5], [1]], [[4], [2]], [[5], [3]]]


def test_the_first_is_written_while_the_others_are_read_and_as_many_join_as_are_there():
    network, asked = Script(), []

    def reading():
        for row in range(6):
            asked.append(row)
            context = Rows([[1, 2, 3, 4, END]])
            yield context, network.logits(context)

    known = [
        (len(asked), sum(chunk is not None for chunk in chunks))
        for chunks in write(network, [Speller()] * 6, [[]] * 6, reading(), [9] * 6, [None] * 6, lambda: False)
    ]
    assert known == [(1, 1), (2, 2), (4, 4), (6, 6), (6, 6), (6, 5), (6, 4), (6, 2)]


def test_all_that_find_room_are_read_before_any_is_written_where_nobody_waits_for_the_first():
    network, asked = Script(), []

    def reading():
        for row in range(5):
            asked.append(row)
            context = Rows([[1, 2, END]], size=60_000_000)
            yield context, network.logits(context)

    known = [
        (len(asked), sum(chunk is not None for chunk in chunks))
        for chunks in write(
            network,
            [Speller()] * 5,
            [[]] * 5,
            reading(),
            [9] * 5,
            [None] * 5,
            lambda: False,
            at_once=True,
        )
    ]
    assert known == [(4, 4), (4, 4), (4, 4), (5, 1), (5, 1), (5, 1)]


def test_rows_that_come_when_all_others_have_finished_begin_anew():
    network = Script()
    steps = run([[END], [1, END]], [9, 9], network=network)
    assert texts(steps) == [["", None, None], [None, "b", ""]]
    assert network.fed == [[[1]]]


def test_a_choice_that_the_form_forbids_gives_way_and_keeps_its_own_probability():
    (step,) = run([[4]], [1], [Fixed([2, END])])
    assert step[0].text == "c"
    assert step[0].logprob < -2


def test_a_right_guess_is_read_with_what_is_written_and_saves_its_own_readings():
    network = Script()
    steps = run([[1, 2, 3, 4, END]], [9], [Fixed([1, 2, 3, 4, END], likely={1: [2, 3]})], network)
    assert texts(steps) == [["b", "c", "d", "e", ""]]
    assert network.fed == [[[1, 2, 3]], [[4]]]
    assert all(step[0].logprob < 0 for step in steps)


def test_a_wrong_guess_is_forgotten_from_where_it_was_wrong():
    network = Script()
    steps = run([[1, 2, 3, 4, END]], [9], [Fixed([1, 2, 3, 4, END], likely={1: [2, 5, 0]})], network)
    assert texts(steps) == [["b", "c", "d", "e", ""]]
    assert network.fed == [[[1, 2, 5, 0]], [[3]], [[4]]]


def test_what_is_forced_inside_a_right_guess_is_read_with_it():
    network = Script()
    form = Fixed([1, 2, 3, 4, 5, END], forced=(2, 4), likely={1: [2, 3, 4, 5]})
    steps = run([[1, 2, 3, 4, 5, END]], [9], [form], network)
    assert texts(steps) == [["b", "c", "d", "e", "f", ""]]
    assert network.fed == [[[1, 2, 3, 4, 5]]]
    assert [step[0].logprob == 0 for step in steps] == [False, False, True, False, True, False]


def test_a_guess_reaches_no_further_than_the_budget():
    network = Script()
    steps = run([[1, 2, 3, 4, 5]], [3], [Fixed([1, 2, 3, 4, 5], likely={1: [2, 3, 4, 5]})], network)
    assert texts(steps) == [["b", "c", "d"]]
    assert network.fed == [[[1, 2]]]


def test_one_who_guesses_wrongly_time_and_again_guesses_a_token_at_most():
    network, tokens = Script(), [1, 2] * 4
    form = Fixed([*tokens, END], likely={place: [5] * 9 for place in range(len(tokens))})
    steps = run([[*tokens, END]], [20], [form], network)
    assert "".join(texts(steps)[0]) == "bcbcbcbc"
    assert [len(fed[0]) - 1 for fed in network.fed] == [9, 8, 4, 2, 1, 1, 1, 1]


def test_what_was_said_before_is_guessed_to_be_said_again():
    network = Script()
    steps = run([[1, 2, 3, 1, 2, 3, 1, END]], [9], network=network)
    assert "".join(texts(steps)[0]) == "bcdbcdb"
    assert network.fed == [[[1]], [[2]], [[3]], [[1]], [[2, 3]], [[1, 2]]]


def test_an_answer_is_guessed_to_copy_from_its_question():
    network = Script()
    steps = run([[1, 2, 3, 4, END]], [9], network=network, questions=[[0, 1, 2, 3, 4, 0]])
    assert "".join(texts(steps)[0]) == "bcde"
    assert network.fed == [[[1, 2]], [[3, 4, 0]]]


def test_the_network_is_told_which_tokens_the_form_ever_allows_if_all_rows_have_the_same():
    some, others, network = np.array([1, 2, END]), np.array([3, END]), Script()
    forms = [Fixed([1, 2, END], among=some), Fixed([1, 1, 2, END], among=some)]
    run([[1, 2, END], [1, 1, 2, END]], [9, 9], forms, network)
    assert all(among is some for among in network.among)
    network = Script()
    forms = [Fixed([1, 2, END], among=some), Fixed([3, 3, 3, END], among=others)]
    run([[1, 2, END], [3, 3, 3, END]], [9, 9], forms, network)
    assert network.among[1] is None
    assert network.among[-1] is others


def test_probabilities_are_those_among_the_tokens_that_the_form_ever_allows():
    (step,) = run([[4]], [1], [Fixed([2, END], among=np.array([2, 3, END]))])
    assert step[0].text == "c"
    assert step[0].logprob == pytest.approx(np.log(1 / 3))


def test_side_by_side_and_where_it_does_not_pay_nothing_is_guessed():
    network, guess = Script(), {1: [2, 3]}
    run([[1, 2, END], [1, 2, END]], [9, 9], [Fixed([1, 2, END], likely=guess) for _ in range(2)], network)
    assert network.fed == [[[1]], [[2], [1]], [[2]]]
    network = Script()
    network.guesses = False
    run([[1, 2, END]], [9], [Fixed([1, 2, END], likely=guess)], network)
    assert network.fed == [[[1]], [[2]]]


def test_a_budget_ends_an_answer_in_the_middle_of_what_is_forced():
    steps = run([[1]], [2], [Fixed([1, 2, 3, END], forced=(1, 2, 3))])
    assert texts(steps) == [["b", "c"]]
    assert steps[-1][0].finish_reason is FinishReason.LENGTH


def test_a_cancel_comes_between_two_tokens():
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        run([[1, 2, 3, END]], [9], is_cancelled=lambda: next(asked))
