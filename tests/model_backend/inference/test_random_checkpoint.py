"""Checkpoints with random weights have lspace's shape and say what they are."""

from __future__ import annotations

import json

import pytest
import torch
from lspace.model_backend.errors import RequestError
from lspace.model_backend.inference.random_checkpoint import random_config, write_random_checkpoint
from lspace.model_backend.inference.random_tokenizer import random_tokenizer
from lspace.model_backend.inference.tokens import reserved_ids
from safetensors.torch import load_file
from transformers import Lfm2VlForConditionalGeneration

KNOWN_IDS = {
    "<|pad|>": 0,
    "<|startoftext|>": 1,
    "<|endoftext|>": 2,
    "<|im_start|>": 6,
    "<|im_end|>": 7,
    "<|tool_call_start|>": 10,
    "<image>": 396,
    "<|img_row_1_col_1|>": 397,
    "<|img_row_2_col_3|>": 409,
    "<|img_row_10_col_10|>": 496,
    "<|img_thumbnail|>": 497,
    "<|image_start|>": 498,
    "<|image_end|>": 499,
}


@pytest.fixture(scope="module")
def full_tokenizer():
    return random_tokenizer(65536)


def test_full_has_the_published_number_of_parameters():
    with torch.device("meta"):
        model = Lfm2VlForConditionalGeneration(random_config("full"))
    assert sum(weights.numel() for weights in model.parameters()) == 448_718_848
    assert sum(weights.numel() for weights in model.model.vision_tower.parameters()) == 85_843_200
    assert sum(weights.numel() for weights in model.model.multi_modal_projector.parameters()) == 8_391_680


def test_the_config_says_that_the_weights_are_random(tiny):
    assert json.loads((tiny / "config.json").read_text())["lspace_random_weights"] is True


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny, tmp_path):
    for seed in (0, 1):
        write_random_checkpoint(tmp_path / str(seed), "tiny", seed=seed)
    first, again, other = (
        load_file(folder / "model.safetensors") for folder in (tiny, tmp_path / "0", tmp_path / "1")
    )
    assert all(first[name].equal(again[name]) for name in first)
    name = "model.language_model.embed_tokens.weight"
    assert not first[name].equal(other[name])


def test_weights_are_stored_as_published_in_bfloat16_without_the_tied_head(tiny):
    weights = load_file(tiny / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}
    assert "lm_head.weight" not in weights
    assert "model.vision_tower.vision_model.embeddings.patch_embedding.weight" in weights


def test_writing_again_replaces_a_random_checkpoint_and_leaves_no_traces(tmp_path):
    for _ in range(2):
        write_random_checkpoint(tmp_path / "model", "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_with_something_else_in_it_is_not_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(RequestError):
        write_random_checkpoint(tmp_path, "tiny")
    assert (tmp_path / "thesis.txt").exists()


def test_an_unknown_size_is_refused(tmp_path):
    with pytest.raises(RequestError):
        write_random_checkpoint(tmp_path / "model", "huge")


@pytest.mark.parametrize(("text", "index"), KNOWN_IDS.items())
def test_special_tokens_have_the_real_ids(text, index, full_tokenizer):
    assert full_tokenizer.token_to_id(text) == index
    assert full_tokenizer.encode(text, add_special_tokens=False).ids == [index]


def test_every_id_of_the_full_vocabulary_can_be_decoded(full_tokenizer):
    assert full_tokenizer.get_vocab_size() == 65536
    assert all(full_tokenizer.id_to_token(index) for index in range(65536))
    assert full_tokenizer.decode([64400, 64401], skip_special_tokens=False) == "<think></think>"


@pytest.mark.parametrize(
    "text", ['[{"label": "water", "bbox": [0.1, 0.25]}]', "Größe 7 → 湖 🛰", " a\n\n b\t"]
)
def test_any_text_survives_the_tokenizer(text, full_tokenizer):
    assert full_tokenizer.decode(full_tokenizer.encode(text).ids) == text


def test_reserved_are_all_special_tokens_but_those_to_keep(opened):
    tokenizer = opened.processor.tokenizer
    assert reserved_ids(tokenizer, frozenset({7})) == [index for index in range(500) if index != 7]
