"""Conversations on real engines: pictures and earlier turns are read once, and nothing changes by it."""

from __future__ import annotations

import numpy as np
import pytest
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.inference.answering import Answerer
from lspace.model_backend.inference.chat import Chat
from lspace.model_backend.inference.engine import ModelInfo
from lspace.model_backend.inference.loading import load_engine
from lspace.model_backend.inference.prompts import Prompt
from lspace.model_backend.inference.squares import cutter_of
from lspace.model_backend.inference.tool_calls import CALL_END, CALL_START, read_calls
from lspace.model_backend.request import ModelChoice
from lspace.model_backend.tool import ToolDefinition
from lspace.model_backend.turn import Role, Turn

LIST = ToolDefinition("list_layers", "Lists layers.", {"type": "object", "properties": {}})
FOLLOWING = ["And in the north?", "Is that much?", "Why?"]


@pytest.fixture(params=["exact", "float32"])
def load(request, tmp_path):
    """Loads a folder with the exact engine, or the fast one."""

    def engine_of(folder):
        with pytest.MonkeyPatch.context() as patch:
            if request.param == "float32":  # without torch that is ONNX Runtime's
                patch.setattr("lspace.model_backend.inference.loading.has_torch", lambda: False)
            choice = ModelChoice(str(folder), device="cpu", precision="float32", cache_dir=str(tmp_path))
            return load_engine(choice, lambda *_: None)

    return engine_of


def talk(turns, tools=(), budget=8):
    return Prompt("talk", "You help.", "", "text", budget, False, turns=tuple(turns), tools=tools)


def answer(engine, turns, pictures, **options):
    return "".join(chunk.text for chunk in engine.complete(talk(turns, **options), pictures, lambda: False))


@pytest.mark.parametrize("model", ["tiny_eye", "tiny"])
def test_a_conversation_reads_its_picture_once_and_is_answered_as_if_it_were_read_anew(
    request, load, chip, model
):
    folder = request.getfixturevalue(model)
    engine, turns = load(folder), [Turn(Role.USER, "What is here?")]
    for number, following in enumerate(FOLLOWING):
        said = answer(engine, turns, [chip()])
        assert said == answer(load(folder), turns, [chip()])
        assert (engine.looker.misses, engine.looker.hits) == (1, number)
        turns += [Turn(Role.ASSISTANT, said), Turn(Role.USER, following)]


def test_a_conversation_has_as_many_tokens_as_are_read(load, tiny_eye, chip):
    engine, chat = load(tiny_eye), Chat.open(tiny_eye)
    prompt = talk([Turn(Role.USER, "What is here?")], (LIST,))
    assert engine.prompt_tokens(prompt, [chip()]) == len(chat.ids(chat.text(prompt, 1), [49]))
    assert engine.prompt_tokens(prompt, []) == len(chat.ids(chat.text(prompt, 0)))


class Dictated:
    """A network that wants certain tokens, one after the other, whatever it reads; it has no pictures."""

    guesses = False

    def __init__(self, tokens, vocabulary):
        self._tokens, self._vocabulary = tokens, vocabulary

    def look(self, tokens, pictures):
        return Told()

    def read(self, context, tokens, among=None):
        logits = np.zeros((1, self._vocabulary), np.float32)
        logits[0, self._tokens[min(context.reads, len(self._tokens) - 1)]] = 50.0
        context.reads += 1
        return logits

    def joined(self, contexts):
        (context,) = contexts
        return context


class Told:
    """How often it was read on."""

    rows, size = 1, 1

    def __init__(self, reads=0):
        self.reads = reads

    def copy(self):
        return Told(self.reads)

    def keep(self, rows):
        pass


@pytest.mark.parametrize("tools", [(LIST,), ()])
def test_a_call_is_written_where_there_are_tools_and_nowhere_else(tiny_eye, tools):
    chat = Chat.open(tiny_eye)
    words = f"I look. {CALL_START}[list_layers()]{CALL_END}"
    ids = [*chat.ids(words), chat.tokenizer.token_to_id("<|im_end|>")]
    info = ModelInfo("dictated", "none", "cpu", "float32", "for a test.", 0.0, 0.0, 1, random_weights=True)
    network = Dictated(ids, chat.tokenizer.get_vocab_size())
    engine = Answerer(network, chat, cutter_of(tiny_eye), load_contracts()["n2-eye"], info)
    said = answer(engine, [Turn(Role.USER, "Which layers?")], [], tools=tools, budget=99)
    calls = [(called.name, called.fault) for called in read_calls(said, (LIST,))]
    assert (said == words, calls) == ((True, [("list_layers", None)]) if tools else (False, []))
