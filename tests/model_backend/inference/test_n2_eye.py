"""N2-Eye on both engines, against its two models as transformers has them, and against itself."""

from __future__ import annotations

import json
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lspace.model_backend.contract import contract_for
from lspace.model_backend.errors import Cancelled, RequestError
from lspace.model_backend.inference.chat import Chat
from lspace.model_backend.inference.completion import FinishReason
from lspace.model_backend.inference.loading import load_engine
from lspace.model_backend.inference.n2_eye import ALL, PATCHES, POOLED
from lspace.model_backend.inference.prompts import Prompt, check_images
from lspace.model_backend.request import ModelChoice
from n2_eye_files import LAYOUTS, rewrite
from safetensors.torch import load_file
from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModel, Lfm2Config, Lfm2ForCausalLM

BUDGET = 16
QUESTIONS = ["What is here?", "Is there water in the north of this picture?"]
PRECISIONS = ["float32", "q8"]
LANGUAGE, VISION, PROJECTION = "language_model.", "vision_encoder.vision_model.", "vision_projection."


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Loads the exact engine (``exact``), or the fast one in a precision."""
    kept = tmp_path_factory.mktemp("cache")

    def engine_of(folder, precision):
        with pytest.MonkeyPatch.context() as patch:
            if precision == "float32":  # without torch that is ONNX Runtime's
                patch.setattr("lspace.model_backend.inference.loading.has_torch", lambda: False)
            asked = "float32" if precision == "exact" else precision
            choice = ModelChoice(str(folder), device="cpu", precision=asked, cache_dir=str(kept))
            return load_engine(choice, lambda *_: None)

    return engine_of


@pytest.fixture(scope="module")
def loaded(load, tiny_eye):
    """Engines of the tiny checkpoint, each loaded once; they remember pictures."""
    return cache(lambda precision: load(tiny_eye, precision))


def asking(text):
    return Prompt("question", None, text, "text", BUDGET, trained=False)


def chunks(engine, text, pictures):
    return list(engine.complete(asking(text), pictures, lambda: False))


def answer(engine, text, pictures):
    return "".join(chunk.text for chunk in chunks(engine, text, pictures))


def logprobs(engine, text, pictures):
    return [chunk.logprob for chunk in chunks(engine, text, pictures)]


class Reference:
    """The two models of a checkpoint and the layers between them, put together by hand."""

    def __init__(self, folder) -> None:
        config = json.loads((folder / "config.json").read_text())
        tensors = {name: each.float() for name, each in load_file(folder / "model.safetensors").items()}
        part = lambda prefix: {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}  # noqa: E731
        self.language = Lfm2ForCausalLM(Lfm2Config(**config["text_config"])).eval()
        self.language.load_state_dict(part(LANGUAGE), strict=False)
        self.clip = CLIPVisionModel(CLIPVisionConfig(**config["vision_config"])).eval()
        getattr(self.clip, "vision_model", self.clip).load_state_dict(part(VISION))
        self.projection = SimpleNamespace(**{n.replace(".", "_"): t for n, t in part(PROJECTION).items()})
        self.features, self.chat = config["vision_features"], Chat.open(folder)

    def seen(self, picture):
        pixels = CLIPImageProcessorPil()(picture, return_tensors="pt")["pixel_values"]
        out = self.clip(pixels)
        states = {
            PATCHES: out.last_hidden_state[0, 1:],
            ALL: out.last_hidden_state[0],
            POOLED: out.pooler_output,
        }[self.features]
        layer, ours = torch.nn.functional.linear, self.projection
        wide = torch.nn.functional.gelu(layer(states, getattr(ours, "0_weight"), getattr(ours, "0_bias")))
        return layer(wide, getattr(ours, "2_weight"), getattr(ours, "2_bias"))

    @torch.inference_mode()
    def answer(self, text, pictures):
        written = self.chat.text(asking(text), len(pictures))
        vectors, table = [], self.language.get_input_embeddings()
        pieces = written.split("<image>")
        seen = [None, *map(self.seen, pictures)]
        for piece, picture in zip(pieces, seen, strict=True):
            ids = self.chat.tokenizer.encode(piece, add_special_tokens=False).ids
            vectors += [] if picture is None else [picture]
            vectors.append(table(torch.tensor(ids)))
        together = torch.cat(vectors)[None]
        ids = self.language.generate(
            inputs_embeds=together,
            attention_mask=torch.ones(together.shape[:2], dtype=torch.long),
            do_sample=False,
            max_new_tokens=BUDGET,
            suppress_tokens=list(self.chat.barred),
            eos_token_id=sorted(self.chat.ends),
        )
        return self.chat.decode(ids[0].tolist())


@pytest.mark.parametrize("precision", ["exact", "float32"])
@pytest.mark.parametrize("features", [PATCHES, ALL, POOLED])
def test_answers_are_those_of_its_two_models_put_together(eyes, load, chip, features, precision):
    engine, reference = load(eyes[features], precision), Reference(eyes[features])
    for seed, text in enumerate(QUESTIONS):
        picture = chip(seed, 224, 224)
        assert answer(engine, text, [picture]) == reference.answer(text, [picture])
    assert answer(engine, QUESTIONS[0], []) == reference.answer(QUESTIONS[0], [])


def test_eight_bits_give_nearly_the_same_probabilities(loaded, chip):
    exact, few = (logprobs(loaded(each), QUESTIONS[0], [chip()])[0] for each in ("exact", "q8"))
    assert few != exact
    assert few == pytest.approx(exact, abs=0.5)


@pytest.mark.parametrize("precision", ["exact", *PRECISIONS])
def test_another_picture_or_none_gives_other_probabilities(loaded, chip, precision):
    engine = loaded(precision)
    firsts = {logprobs(engine, QUESTIONS[0], each)[0] for each in ([chip(1)], [chip(2)], [])}
    assert len(firsts) == 3


@pytest.mark.parametrize("precision", ["exact", *PRECISIONS])
def test_a_second_question_on_a_kept_picture_is_answered_as_on_a_fresh_one(
    load, loaded, tiny_eye, chip, precision
):
    engine = load(tiny_eye, precision)
    answer(engine, QUESTIONS[0], [chip(3)])
    misses = engine.looker.misses
    kept = answer(engine, QUESTIONS[1], [chip(3)])
    assert (engine.looker.misses, engine.looker.hits > 0) == (misses, True)
    assert kept == answer(load(tiny_eye, precision), QUESTIONS[1], [chip(3)])


@pytest.mark.parametrize("precision", ["exact", *PRECISIONS])
def test_questions_side_by_side_are_answered_as_one_by_one(load, tiny_eye, chip, precision):
    asked = [(QUESTIONS[0], [chip(1)]), (QUESTIONS[1], [chip(2, 300, 500)]), ("No picture?", [])]
    alone = [answer(load(tiny_eye, precision), *each) for each in asked]
    questions = [(asking(text), pictures) for text, pictures in asked]
    together = load(tiny_eye, precision).complete_batch(questions, lambda: False)
    assert [each.text for each in together] == alone


def test_an_answer_comes_token_by_token_and_says_why_it_ends(loaded, chip):
    written = chunks(loaded("q8"), QUESTIONS[0], [chip()])
    assert len(written) > 1
    assert {chunk.finish_reason for chunk in written[:-1]} == {None}
    assert written[-1].finish_reason in FinishReason


def test_it_stops_where_it_is_cancelled(loaded, chip):
    answers = iter([False] * 5 + [True] * 100)
    with pytest.raises(Cancelled):
        list(loaded("q8").complete(asking(QUESTIONS[0]), [chip(9)], lambda: next(answers)))


@pytest.mark.parametrize("precision", ["exact", "float32"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_of_every_known_layout_hold_the_same_model(load, loaded, broken_eye, chip, layout, precision):
    rewrite(broken_eye, layout)
    mine = logprobs(load(broken_eye, precision), QUESTIONS[0], [chip()])
    np.testing.assert_allclose(mine, logprobs(loaded(precision), QUESTIONS[0], [chip()]), atol=1e-5)


@pytest.mark.parametrize("precision", ["exact", "float32"])
def test_a_head_of_its_own_counts(load, loaded, broken_eye, chip, precision):
    words = "language_model.model.embed_tokens.weight"
    rewrite(broken_eye, lambda each: {**each, "language_model.lm_head.weight": each[words].flip(0)})
    mine, theirs = (
        logprobs(each, QUESTIONS[0], []) for each in (load(broken_eye, precision), loaded(precision))
    )
    assert mine != theirs
    exact = logprobs(load(broken_eye, "exact"), QUESTIONS[0], [])
    np.testing.assert_allclose(mine, exact, atol=1e-4)


def test_a_place_has_one_picture_for_it_and_it_says_so(loaded):
    contract = loaded("q8").contract
    assert contract.name == "n2-eye"
    check_images(contract, "question", 1)
    with pytest.raises(RequestError, match="takes 1 image"):
        check_images(contract, "question", 2)
    assert contract.talk.most_images == 1


def test_it_says_of_itself_that_it_was_never_trained(loaded):
    assert all(loaded(each).info.random_weights for each in ("exact", *PRECISIONS))
    assert contract_for({"model_type": "multimodal_lfm2"}).tasks.keys() == {"caption", "question"}
