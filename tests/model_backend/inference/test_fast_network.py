"""The network on ONNX Runtime against transformers' model, and its modes against themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from lspace.model_backend.inference.chat import Chat
from lspace.model_backend.inference.exact.checkpoint import load_model
from lspace.model_backend.inference.fast.context import STEP, FastContext
from lspace.model_backend.inference.fast.modes import MODES
from lspace.model_backend.inference.fast.network import load_network
from lspace.model_backend.inference.patches import PatchCutter
from lspace.model_backend.inference.prompts import Prompt

ROOT = Path(__file__).resolve().parents[3]
MINI = ROOT / "resources" / "models" / "lspace-mini"
CLOSE = 1e-4
ROUNDED = 0.5
"""In four bits a row alone is summed in another order than several; a number on the edge is then rounded to
the other side. The logits of these two models spread by 2 and 6."""
BUDGET = 24
PICTURES = {
    "none": [],
    "one": [(1, 224, 224)],
    "one of another shape": [(1, 500, 260)],
    "two": [(1, 224, 224), (2, 300, 512)],
}
MINI_TEXTS = ["The input is satellite imagery (RGB). Describe this imagery in detail.", "Where is the water?"]


class Asking:
    """A checkpoint's words and pictures, and its networks, loaded once."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self._cache = folder, cache
        self.chat, self.cutter = Chat.open(folder), PatchCutter.read(folder)
        self._networks, self._model = {}, None

    def network(self, mode):
        if mode not in self._networks:
            self._networks[mode] = load_network(self.folder, mode, 2, self._cache)
        return self._networks[mode]

    @property
    def model(self):
        if self._model is None:
            self._model = load_model(self.folder, torch.float32).eval()
        return self._model

    def question(self, text, pictures):
        """Token ids with where the last picture ends, and the pictures cut up."""
        cut = [self.cutter.cut(picture) for picture in pictures]
        prompt = Prompt("test", None, text, "text", BUDGET, False)
        ids = self.chat.ids(self.chat.text(prompt, len(cut)), [each.tokens for each in cut])
        head = len(ids) - ids[::-1].index(self.chat.around[1]) if cut else 1
        return ids, head, cut

    def context(self, mode, text, pictures):
        """The network's context after the pictures, and what is left to be read."""
        ids, head, cut = self.question(text, pictures)
        return self.network(mode).look(ids[:head], cut), np.array([ids[head:]])

    def answer(self, mode, context, tail):
        """Greedy tokens."""
        network, tokens = self.network(mode), []
        logits = network.read(context, tail)
        while len(tokens) < BUDGET and not self.chat.ends & set(tokens[-1:]):
            if tokens:
                logits = network.read(context, np.array([tokens[-1:]]))
            tokens.append(self.choice(logits[0]))
        return tokens

    def choice(self, logits):
        allowed = logits.copy()
        allowed[list(self.chat.barred)] = -np.inf
        return int(allowed.argmax())

    def inputs(self, text, pictures):
        """The same question for transformers."""
        ids, _head, cut = self.question(text, pictures)
        inputs = {
            "input_ids": torch.tensor([ids]),
            "attention_mask": torch.ones(1, len(ids), dtype=torch.long),
        }
        if cut:
            longest = max(len(each.pixels) for each in cut)
            values, mask = np.zeros((len(cut), longest, 768), np.float32), np.zeros((len(cut), longest), int)
            for index, each in enumerate(cut):
                values[index, : len(each.pixels)], mask[index, : len(each.pixels)] = each.pixels, 1
            grids = torch.tensor([each.grid for each in cut])
            inputs |= {"pixel_values": torch.tensor(values), "pixel_attention_mask": torch.tensor(mask)}
            inputs["spatial_shapes"] = grids
        return inputs

    def generated(self, text, pictures):
        inputs = self.inputs(text, pictures)
        with torch.inference_mode():
            out = self.model.generate(
                **inputs, do_sample=False, max_new_tokens=BUDGET, suppress_tokens=list(self.chat.barred)
            )
        return out[0, inputs["input_ids"].shape[1] :].tolist()

    def logits(self, text, pictures):
        with torch.inference_mode():
            return self.model(**self.inputs(text, pictures)).logits[0, -1].numpy()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def askings(tiny, cache):
    return {"tiny": Asking(tiny, cache), "mini": Asking(MINI, cache)}


@pytest.fixture(params=["tiny", "mini"])
def asking(request, askings):
    return askings[request.param]


def some(chip, sizes):
    return [chip(*size) for size in sizes]


@pytest.mark.parametrize("sizes", PICTURES.values(), ids=PICTURES)
def test_logits_in_float32_are_those_of_transformers(asking, sizes, chip):
    context, tail = asking.context("float32", "What is here?", some(chip, sizes))
    logits = asking.network("float32").read(context, tail)[0]
    np.testing.assert_allclose(logits, asking.logits("What is here?", some(chip, sizes)), atol=CLOSE, rtol=0)


@pytest.mark.parametrize("sizes", PICTURES.values(), ids=PICTURES)
def test_answers_in_float32_are_token_for_token_those_of_generate(asking, sizes, chip):
    for text in ("What is here?", *MINI_TEXTS):
        context, tail = asking.context("float32", text, some(chip, sizes))
        assert asking.answer("float32", context, tail) == asking.generated(text, some(chip, sizes))


@pytest.mark.parametrize(("mode", "least"), [("q8", 0.995), ("q4", 0.85)])
def test_fewer_bits_give_logits_of_nearly_the_same_direction(asking, mode, least, chip):
    context, tail = asking.context(mode, "What is here?", some(chip, PICTURES["two"]))
    ours, theirs = (
        asking.network(mode).read(context, tail)[0],
        asking.logits("What is here?", some(chip, PICTURES["two"])),
    )
    assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) > least
    assert np.abs(ours - theirs).max() > 10 * CLOSE  # and they are other numbers


@pytest.mark.parametrize("mode", MODES)
def test_a_kept_context_answers_as_a_fresh_one_does(asking, mode, chip):
    pictures = some(chip, PICTURES["two"])
    kept, _tail = asking.context(mode, "?", pictures)
    for text in ("What is here?", "A second, longer question?", "What is here?"):
        fresh, tail = asking.context(mode, text, pictures)
        expected = asking.answer(mode, fresh, tail)
        assert asking.answer(mode, kept.copy(), tail) == expected


@pytest.mark.parametrize("mode", MODES)
def test_words_may_be_read_in_any_pieces(asking, mode, chip):
    context, tail = asking.context(mode, "What is to be seen in this picture?", some(chip, PICTURES["one"]))
    network = asking.network(mode)
    once, pieces = context.copy(), context.copy()
    whole = network.read(once, tail)
    for start, end in ((0, 2), (2, 9), (9, None)):
        last = network.read(pieces, tail[:, start:end])
    np.testing.assert_allclose(last, whole, atol=CLOSE, rtol=0)
    assert pieces.lengths == once.lengths == context.lengths + tail.shape[1]


@pytest.mark.parametrize(("mode", "most"), [("float32", CLOSE), ("q8", CLOSE), ("q4", ROUNDED)])
def test_rows_of_different_lengths_are_read_as_each_would_be_alone(asking, mode, most, chip):
    network = asking.network(mode)
    asked = [
        ("Short?", [(1, 224, 224)]),
        ("A much longer question, with many more words?", [(2, 300, 200)]),
        ("Two pictures", [(3, 512, 300), (4, 224, 224)]),
        ("No picture at all", []),
    ]
    contexts = []
    for text, sizes in asked:
        context, tail = asking.context(mode, text, some(chip, sizes))
        network.read(context, tail)
        contexts.append(context)
    together = network.joined(contexts)
    tokens = np.array([[40 + 7 * row] for row in range(len(asked))])
    for _ in range(BUDGET):
        alone = np.concatenate(
            [network.read(each, token[None]) for each, token in zip(contexts, tokens, strict=True)]
        )
        np.testing.assert_allclose(network.read(together, tokens), alone, atol=most, rtol=0)
        tokens = np.array([[asking.choice(logits)] for logits in alone])


@pytest.mark.parametrize("mode", MODES)
def test_rows_may_leave_and_the_others_go_on_as_before(asking, mode, chip):
    network = asking.network(mode)
    contexts = [asking.context(mode, "?", [chip(seed)])[0] for seed in (1, 2, 3, 4)]
    token = np.array([[40]])
    expected = [network.read(context.copy(), token)[0] for context in contexts]
    together = network.joined(contexts)
    together.keep([1, 3])
    assert together.rows == 2
    logits = network.read(together, token.repeat(2, axis=0))
    np.testing.assert_allclose(logits, [expected[1], expected[3]], atol=CLOSE, rtol=0)


def test_several_tokens_for_several_rows_are_read_too(asking, chip):
    network = asking.network("float32")
    contexts = [asking.context("float32", "?", [chip(seed)])[0] for seed in (1, 2)]
    tokens = np.array([[40, 41, 42], [50, 51, 52]])
    alone = [network.read(context.copy(), tokens[row : row + 1])[0] for row, context in enumerate(contexts)]
    together = network.read(network.joined(contexts), tokens)
    np.testing.assert_allclose(together, alone, atol=CLOSE, rtol=0)


def test_reading_on_leaves_the_copied_context_as_it_was(asking, chip):
    network = asking.network("float32")
    context, tail = asking.context("float32", "What is here?", [chip()])
    before = {name: buffer.copy() for name, buffer in context.buffers.items()}
    network.read(context.copy(), tail)
    for name, buffer in context.buffers.items():
        np.testing.assert_array_equal(buffer, before[name])
    assert context.lengths == asking.question("What is here?", [chip()])[1]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wrong", [0, 1, 3])
def test_what_was_read_ahead_in_vain_is_forgotten(asking, mode, wrong, chip):
    network = asking.network(mode)
    context, tail = asking.context(mode, "What is here?", [chip()])
    network.read(context, tail)
    right, following = np.array([[40, 41, 42, 43]]), np.array([[44, 45]])
    ahead = context.copy()
    network.read(context, right[:, : 4 - wrong])
    network.read_each(ahead, np.array([[40, 41, 42, 43][: 4 - wrong] + [50, 51, 52][:wrong]]), 4)
    ahead.forget(wrong)
    most = ROUNDED if mode == "q4" else CLOSE
    np.testing.assert_allclose(
        network.read(ahead, following), network.read(context, following), atol=most, rtol=0
    )
    assert ahead.lengths == context.lengths


@pytest.mark.parametrize("mode", MODES)
def test_the_logits_of_some_tokens_are_those_among_all_to_the_bit(asking, mode, chip):
    network = asking.network(mode)
    context, tail = asking.context(mode, "What is here?", [chip()])
    network.read(context, tail)
    among, tokens = np.array([3, 40, 41, 500]), np.array([[40, 41, 42]])
    all_of_them = network.read_each(context.copy(), tokens, 2)
    some = network.read_each(context.copy(), tokens, 2, among)
    others = np.delete(np.arange(some.shape[1]), among)
    if mode == "float32":
        np.testing.assert_allclose(some[:, among], all_of_them[:, among], atol=CLOSE, rtol=0)
    else:
        np.testing.assert_array_equal(some[:, among], all_of_them[:, among])
    assert (some[:, others] == -np.inf).all()
    most = ROUNDED if mode == "q4" else CLOSE
    np.testing.assert_allclose(network.read(context, tokens, among)[0], some[-1], atol=most, rtol=0)


@pytest.mark.parametrize("mode", MODES)
def test_the_logits_of_several_last_tokens_are_those_of_each(asking, mode, chip):
    network = asking.network(mode)
    context, tail = asking.context(mode, "What is here?", [chip()])
    network.read(context, tail)
    tokens = np.array([[40, 41, 42, 43, 44, 45]])
    each = [network.read(context.copy(), tokens[:, : end + 1])[0] for end in range(2, 6)]
    most = ROUNDED if mode == "q4" else CLOSE
    np.testing.assert_allclose(network.read_each(context, tokens, 4), each, atol=most, rtol=0)


def test_a_context_grows_past_its_room_and_says_its_size(askings):
    asking = askings["tiny"]
    network = asking.network("float32")
    ids = (np.arange(STEP + 40) % 400 + 500)[None]
    context = network.look([1], [])
    small = context.size
    for token in ids.T[: STEP + 20]:
        logits = network.read(context, token[None])
    with torch.inference_mode():
        read = torch.tensor([[1, *ids[0, : STEP + 20]]])
        expected = asking.model(input_ids=read).logits[0, -1].numpy()
    np.testing.assert_allclose(logits[0], expected, atol=CLOSE, rtol=0)
    assert context.room == 2 * STEP
    assert context.size > 1.5 * small
    filled = (STEP + 21) / (2 * STEP)
    attended = sum(buffer.nbytes for buffer in context.attended.values())
    convolved = sum(buffer.nbytes for buffer in context.convolved.values())
    assert context.size == filled * attended + convolved


def test_the_fast_engine_takes_neither_torch_nor_transformers(tiny, cache):
    code = (
        "import sys; from pathlib import Path; from model_backend.inference.fast.network import load_network;"
        f"network = load_network(Path({str(tiny)!r}), 'q8', 1, Path({str(cache)!r}));"
        "print(network.read(network.look([1], []), __import__('numpy').array([[5]])).shape,"
        "sorted({'torch', 'transformers', 'scipy', 'safetensors'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "(1, 1024) []"


def test_room_that_no_machine_has_is_told_as_too_little_memory():
    wide = np.zeros((1, 4096, 0, 4096), np.float32)
    with pytest.raises(MemoryError, match=f"for {2**30} tokens"):
        FastContext(np.zeros(1, np.int32), {"k0": wide}, {}).make_room(2**30)
