"""The exact network's own layers and buffers, on the tiny model in float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lspace.model_backend.inference.exact.graph import recorded_step
from lspace.model_backend.inference.exact.linear import PackedLinear, PlainLinear, make_linear
from torch.nn.functional import linear

CLOSE = 1e-4


@pytest.fixture
def network(engine):
    return engine._network


def tokens(seed, count, rows=1):
    return np.random.default_rng(seed).integers(500, 1000, (rows, count))


def read(network, *columns):
    """A context without pictures that has read all columns, and the last logits."""
    context = network.look(columns[0][0].tolist(), [])
    for column in columns[1:]:
        logits = network.read(context, column)
    return context, logits


def close(one, other):
    return np.allclose(one, other, atol=CLOSE, rtol=0)


def test_logits_are_those_of_transformers(network, opened):
    ids = tokens(0, 40)
    with torch.inference_mode():
        expected = opened.model(input_ids=torch.from_numpy(ids)).logits[:, -1].numpy()
    assert close(read(network, ids[:, :-1], ids[:, -1:])[1], expected)


def test_it_does_not_matter_how_tokens_are_cut_into_readings(network):
    ids = tokens(1, 30)
    whole = read(network, ids[:, :1], ids[:, 1:])[1]
    one_by_one = read(network, *np.split(ids, 30, axis=1))[1]
    assert close(whole, one_by_one)


def test_a_copy_is_read_on_without_touching_the_first(network):
    context, _ = read(network, tokens(2, 9), tokens(3, 1))
    copy = context.copy()
    network.read(copy, tokens(4, 5))
    expected = read(network, tokens(2, 9), tokens(3, 1), tokens(5, 1))[1]
    assert close(network.read(context, tokens(5, 1)), expected)


@pytest.mark.parametrize("wrong", [0, 1, 3])
def test_what_was_read_ahead_in_vain_is_forgotten(network, wrong):
    context, _ = read(network, tokens(2, 9), tokens(3, 1))
    right = tokens(4, 4 - wrong)
    network.read_each(context, np.append(right, tokens(6, wrong), axis=1), 4)
    context.forget(wrong)
    expected = read(network, tokens(2, 9), tokens(3, 1), right, tokens(5, 2))[1]
    assert close(network.read(context, tokens(5, 2)), expected)


def test_the_logits_of_several_last_tokens_are_those_of_each(network):
    context, _ = read(network, tokens(2, 9), tokens(3, 1))
    ids = tokens(4, 5)
    each = [network.read(context.copy(), ids[:, : end + 1])[0] for end in range(2, 5)]
    assert close(network.read_each(context, ids, 3), each)


def test_contexts_of_different_lengths_side_by_side_go_on_as_alone(network):
    heads = [tokens(seed, length) for seed, length in enumerate((5, 290, 17))]
    nexts, more = tokens(7, 1, rows=3), tokens(8, 4, rows=3)
    together = network.joined([network.look(head[0].tolist(), []) for head in heads])
    both = network.read(together, nexts), network.read(together, more)
    for row, head in enumerate(heads):
        alone = network.look(head[0].tolist(), [])
        for logits, column in zip(both, (nexts, more), strict=True):
            assert close(logits[row], network.read(alone, column[row : row + 1])[0])


def test_rows_that_are_kept_go_on_as_before(network):
    heads = [tokens(seed, length) for seed, length in enumerate((5, 12, 9))]
    together = network.joined([network.look(head[0].tolist(), []) for head in heads])
    network.read(together, tokens(7, 2, rows=3))
    column = tokens(8, 1, rows=3)
    expected = network.read(together.copy(), column)
    together.keep([0, 2])
    assert together.rows == 2
    assert close(network.read(together, column[[0, 2]]), expected[[0, 2]])


def test_room_is_made_in_the_middle_of_an_answer(network):
    ids = tokens(9, 600)
    context, logits = read(network, ids[:, :250], *np.split(ids[:, 250:270], 20, axis=1), ids[:, 270:])
    assert close(logits, read(network, ids[:, :599], ids[:, 599:])[1])
    assert context.capacity == 768


def test_a_step_that_can_be_recorded_computes_what_reading_computes(network):
    context = network.joined(
        [network.look(tokens(0, 5)[0].tolist(), []), network.look(tokens(1, 9)[0].tolist(), [])]
    )
    context.make_room(2)
    other, columns = context.copy(), tokens(2, 2, rows=2)
    step = recorded_step(network._step_by, context)
    for place in range(2):
        column = columns[:, place : place + 1]
        given = step(torch.from_numpy(column), context.used)
        context.used += 1
        assert close(given.numpy(), network.read(other, column))


def test_a_contexts_size_is_that_of_its_buffers(network):
    short, _ = read(network, tokens(0, 9), tokens(1, 1))
    long, _ = read(network, tokens(0, 300), tokens(1, 1))
    assert 1.5 < long.size / short.size <= 2.5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_published_weights_are_packed_without_losing_a_digit(dtype):
    torch.manual_seed(0)
    weight, bias, rows = (torch.randn(48, 64) * 0.03).to(dtype), torch.randn(48), torch.randn(2, 3, 64)
    layer = make_linear([weight[:16], weight[16:]], [bias[:16], bias[16:]], torch.float32)
    assert isinstance(layer, PackedLinear) or "fbgemm" not in torch.backends.quantized.supported_engines
    expected = linear(rows.double(), weight.double(), bias.double())
    assert (layer(rows) - expected).abs().max() < 1e-5
    ones = make_linear([weight], [None], torch.float32)(torch.eye(64))
    assert torch.equal(ones, weight.float().t())


def test_weights_with_more_digits_than_float16_are_left_alone():
    weight = torch.randn(8, 16)
    assert isinstance(make_linear([weight], [None], torch.float32), PlainLinear)
