"""What N2-Eye's files say and leave out, and which of them are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from lspace.model_backend.errors import ModelInvalid
from lspace.model_backend.inference.chat import Chat
from lspace.model_backend.inference.exact.checkpoint import open_checkpoint
from lspace.model_backend.inference.exact.n2_eye import N2Eye, N2EyeConfig, load_n2_eye, write_n2_eye
from lspace.model_backend.inference.fast.network import load_network
from lspace.model_backend.inference.n2_eye import image_token, known_names, n2_eye_settings
from lspace.model_backend.inference.prompts import Prompt
from lspace.model_backend.inference.random_n2_eye import write_random_n2_eye
from lspace.model_backend.inference.squares import cutter_of
from lspace.model_backend.model_folder import check_model_folder, count_parameters
from n2_eye_files import FAULTS, rewrite, set_config
from safetensors.torch import load_file

PUBLISHED = {
    "model_type": "multimodal_lfm2",
    "lfm2_model_name": "LiquidAI/LFM2-1.2B",
    "clip_model_name": "openai/clip-vit-base-patch32",
    "vision_projection_dim": 512,
}
"""What is known of the published config.json."""


def opened(kind, folder, tmp_path):
    if kind == "exact":
        return open_checkpoint(folder, "cpu", torch.bfloat16)
    return load_network(folder, "float32", 1, tmp_path / "cache")


def test_a_configuration_that_names_its_models_alone_gives_the_published_size():
    settings = n2_eye_settings(PUBLISHED)
    with torch.device("meta"):
        model = N2Eye(N2EyeConfig(settings))
    assert sum(each.numel() for each in model.parameters()) == 1_259_240_960
    assert (settings.text["hidden_size"], settings.projected, settings.picture_tokens) == (2048, 512, 49)


def test_what_is_written_of_a_part_counts_before_what_its_name_stands_for():
    settings = n2_eye_settings({**PUBLISHED, "text_config": {"hidden_size": 64}})
    assert (settings.text["hidden_size"], settings.text["norm_eps"]) == (64, 1e-5)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("lfm2_model_name", "LiquidAI/LFM3"),
        ("clip_model_name", "openai/clip-vit-large-patch14"),
        ("vision_features", "some"),
    ],
)
def test_what_is_not_known_is_refused_by_its_name(setting, value):
    with pytest.raises(ModelInvalid, match=f"{setting} '{value}' is not known") as refusal:
        n2_eye_settings({**PUBLISHED, setting: value})
    assert refusal.value.values["reason"] == "config"


def test_the_projections_layers_are_found_whatever_lies_between_them():
    names = ["vision_projection.1.weight", "vision_projection.4.weight", "vision_projection.4.bias"]
    assert list(known_names(names).values()) == [
        "vision_projection.0.weight",
        "vision_projection.1.weight",
        "vision_projection.1.bias",
    ]


@pytest.mark.parametrize("kind", ["exact", "fast"])
@pytest.mark.parametrize("fault", FAULTS)
def test_tensors_that_do_not_fit_are_named(broken_eye, tmp_path, kind, fault):
    rewrite(broken_eye, fault)
    with pytest.raises(ModelInvalid, match=r"vision_projection|visual_projection"):
        opened(kind, broken_eye, tmp_path)


@pytest.mark.parametrize("kind", ["exact", "fast"])
def test_weights_of_other_sizes_than_the_names_stand_for_are_refused(broken_eye, tmp_path, kind):
    config = {"text_config": None, "vision_config": None, "lfm2_model_name": "LiquidAI/LFM2-1.2B"}
    set_config(broken_eye, **config)
    with pytest.raises(ModelInvalid):
        opened(kind, broken_eye, tmp_path)


@pytest.mark.parametrize("kind", ["exact", "fast"])
def test_a_tokenizer_without_an_image_token_is_refused(broken_eye, tmp_path, kind):
    file = broken_eye / "tokenizer.json"
    file.write_text(file.read_text().replace("<image>", "<picture>"))
    with pytest.raises(ModelInvalid, match=r"has no (token )?<image>"):
        opened(kind, broken_eye, tmp_path)


@pytest.mark.parametrize("kind", ["exact", "fast"])
@pytest.mark.parametrize(
    "changes",
    [
        {"text_config": {"layer_types": 3}},
        {"text_config": {"num_attention_heads": "two"}},
        {"vision_config": {"patch_size": 0}},
        {"vision_config": {"hidden_size": None}},
        {"vision_projection_dim": "wide"},
    ],
    ids=str,
)
def test_settings_of_another_kind_are_refused(broken_eye, tmp_path, kind, changes):
    written = json.loads((broken_eye / "config.json").read_text())
    nested = {key: {**written[key], **value} for key, value in changes.items() if isinstance(value, dict)}
    set_config(broken_eye, **{**changes, **nested})
    with pytest.raises(ModelInvalid):
        opened(kind, broken_eye, tmp_path)


@pytest.mark.parametrize("mean", ["grey", [0.5, "a", 0.5]])
def test_a_mean_that_is_no_number_is_refused(broken_eye, mean):
    (broken_eye / "preprocessor_config.json").write_text(json.dumps({"image_mean": mean}))
    with pytest.raises(ModelInvalid, match="cannot be read"):
        cutter_of(broken_eye)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_folder_that_lacks_a_file_is_refused(broken_eye, name):
    (broken_eye / name).unlink()
    with pytest.raises(ModelInvalid, match=name):
        check_model_folder(broken_eye)


def test_the_image_token_is_the_tokenizers_whatever_the_configuration_says(tiny_eye, broken_eye):
    set_config(broken_eye, image_token_id=17)
    assert open_checkpoint(broken_eye, "cpu", torch.bfloat16).model.config.image_token_id == 396
    assert image_token(tiny_eye, 397) == 396
    with pytest.raises(ModelInvalid, match="token 396, of 396"):
        image_token(tiny_eye, 396)


def test_a_picture_stands_in_a_conversation_without_marks_around_it(tiny_eye):
    chat = Chat.open(tiny_eye)
    ids = chat.ids(chat.text(Prompt("q", None, "What?", "text", 9, False), 1), [49])
    first = ids.index(chat.image_id)
    assert chat.around is None
    assert ids[first : first + 50] == [chat.image_id] * 49 + ids[first + 49 : first + 50]
    assert (ids.count(chat.image_id), chat.head(ids)) == (49, first + 49)
    assert chat.head([1, 2, 3]) == 1


def test_what_is_shared_is_written_once_and_read_back_the_same(tiny_eye, tmp_path):
    model = load_n2_eye(tiny_eye, torch.bfloat16)
    write_n2_eye(tmp_path, model.config, model, torch.bfloat16)
    assert not [name for name in load_file(tmp_path / "model.safetensors") if "lm_head" in name]
    again = load_n2_eye(tmp_path, torch.bfloat16)
    assert again.language_model.lm_head.weight is again.language_model.model.embed_tokens.weight
    for (name, mine), (other, theirs) in zip(model.named_parameters(), again.named_parameters(), strict=True):
        assert (name, torch.equal(mine, theirs)) == (other, True)


def test_the_same_seed_gives_the_same_checkpoint(tiny_eye, tmp_path):
    write_random_n2_eye(tmp_path / "same", "tiny")
    write_random_n2_eye(tmp_path / "other", "tiny", seed=1)
    file = "model.safetensors"
    assert (tmp_path / "same" / file).read_bytes() == (tiny_eye / file).read_bytes()
    assert (tmp_path / "other" / file).read_bytes() != (tiny_eye / file).read_bytes()


def test_a_tiny_checkpoint_is_small_and_says_that_it_was_never_trained(tiny_eye):
    assert count_parameters(tiny_eye) < 500_000
    assert check_model_folder(tiny_eye)["lspace_random_weights"] is True
    assert sorted(file.name for file in Path(tiny_eye).iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert "<|tool_list_start|>" in json.loads((tiny_eye / "tokenizer.json").read_text())["model"]["vocab"]
