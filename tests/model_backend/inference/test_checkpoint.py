"""A checkpoint loads whole or is refused with the reason."""

from __future__ import annotations

import json
import os

import pytest
import torch
from lspace.model_backend.errors import ModelInvalid, ModelNotFound, RuntimePackageMissing
from lspace.model_backend.inference.exact.checkpoint import (
    check_transformers,
    open_checkpoint,
    stored_dtype,
)
from lspace.model_backend.inference.source import locate
from lspace.model_backend.request import ModelChoice
from safetensors.torch import load_file, save_file

WEIGHTS = "model.safetensors"
TENSOR = "model.multi_modal_projector.linear_1.weight"


def refused(folder):
    with pytest.raises(ModelInvalid) as caught:
        open_checkpoint(folder, "cpu", torch.float32)
    return str(caught.value)


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def located(model):
    return locate(ModelChoice(str(model)), lambda *_: None, lambda: False)


def test_every_stored_tensor_reaches_the_model_unchanged(opened, tiny):
    model = opened.model.state_dict()
    for name, stored in load_file(tiny / WEIGHTS).items():
        loaded = model[name.replace("vision_tower.vision_model.", "vision_tower.")]
        assert loaded.dtype == torch.float32
        assert loaded.equal(stored.float())


def test_the_head_is_the_embedding(opened):
    assert opened.model.lm_head.weight is opened.model.model.language_model.embed_tokens.weight


def test_weights_are_in_the_precision_that_all_of_them_are_written_in(broken):
    assert stored_dtype(broken) == torch.bfloat16
    weights = load_file(broken / WEIGHTS)
    save_file({**weights, TENSOR: weights[TENSOR].float()}, broken / WEIGHTS)
    assert stored_dtype(broken) == torch.float32


def test_weights_can_be_loaded_in_bfloat16(tiny):
    assert open_checkpoint(tiny, "cpu", torch.bfloat16).model.dtype == torch.bfloat16


@pytest.mark.parametrize(("mark", "expected"), [(True, True), (False, False), (None, False), ("yes", False)])
def test_weights_count_as_random_only_where_the_config_says_so(mark, expected, broken):
    edit(broken / "config.json", lspace_random_weights=mark)
    assert open_checkpoint(broken, "cpu", torch.float32).random_weights is expected


def test_a_missing_tensor_is_named(broken):
    weights = load_file(broken / WEIGHTS)
    del weights[TENSOR]
    save_file(weights, broken / WEIGHTS, metadata={"format": "pt"})
    assert f"1 missing tensors: {TENSOR}" in refused(broken)


def test_an_unexpected_tensor_is_named(broken):
    weights = load_file(broken / WEIGHTS)
    weights["model.extra.weight"] = torch.zeros(3)
    save_file(weights, broken / WEIGHTS, metadata={"format": "pt"})
    assert "1 unexpected tensors: model.extra.weight" in refused(broken)


def test_a_tensor_of_another_shape_is_refused(broken):
    weights = load_file(broken / WEIGHTS)
    weights[TENSOR] = torch.zeros(3, 3)
    save_file(weights, broken / WEIGHTS, metadata={"format": "pt"})
    refused(broken)


@pytest.mark.parametrize("kept", [0, 5, 1000, 100_000])
def test_truncated_weights_are_refused(kept, broken):
    data = (broken / WEIGHTS).read_bytes()
    (broken / WEIGHTS).write_bytes(data[:kept])
    assert "broken" in refused(broken)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_pickled_weights_are_refused_unread(name, broken):
    (broken / WEIGHTS).rename(broken / name)
    assert f"{name} is a pickle" in refused(broken)


def test_a_pickle_beside_safetensors_does_no_harm(broken):
    (broken / "training_args.bin").write_bytes(b"not even a pickle")
    open_checkpoint(broken, "cpu", torch.float32)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS])
def test_a_missing_file_is_named(name, broken):
    (broken / name).unlink()
    assert name.replace("model.safetensors", "*.safetensors") in refused(broken)


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "processor_config.json"]
)
def test_broken_json_is_named(name, broken):
    (broken / name).write_text((broken / name).read_text()[:-20])
    assert f"{name} is not JSON" in refused(broken)


@pytest.mark.parametrize("model_type", ["llama", "lfm2-vl", None])
def test_a_model_without_a_contract_is_refused(model_type, broken):
    edit(broken / "config.json", model_type=model_type)
    assert repr(str(model_type)) in refused(broken)


@pytest.mark.parametrize(
    "change", [{"text_config": {"model_type": "lfm2", "vocab_size": "many"}}, {"vision_config": 7}]
)
def test_settings_that_make_no_model_are_refused(change, broken):
    edit(broken / "config.json", **change)
    refused(broken)


def test_a_config_that_is_a_list_is_refused(broken):
    (broken / "config.json").write_text("[]")
    assert "config.json" in refused(broken)


def test_a_checkpoint_without_chat_template_is_refused(broken):
    (broken / "chat_template.jinja").unlink()
    assert "chat template" in refused(broken)


def test_code_in_a_checkpoint_is_not_run(broken):
    (broken / "evil.py").write_text("raise SystemExit('ran')")
    edit(broken / "config.json", auto_map={"AutoModelForImageTextToText": "evil.Model"})
    open_checkpoint(broken, "cpu", torch.float32)


@pytest.mark.parametrize("installed", ["4.57.6", "5.5.4", "5.13.1"])
def test_a_transformers_that_reuses_caches_wrongly_is_refused(installed):
    with pytest.raises(RuntimePackageMissing, match=installed):
        check_transformers(installed)


@pytest.mark.parametrize("installed", ["5.15.1", "5.23.0", "6.0.0.dev0"])
def test_a_newer_transformers_is_taken(installed):
    check_transformers(installed)


def test_a_folder_is_named_by_itself_and_its_weights(tiny, broken, tmp_path):
    assert located(tiny).name == "tiny"
    assert located(tiny).revision(tmp_path) == located(broken).revision(tmp_path)
    with (broken / WEIGHTS).open("ab") as stream:
        stream.write(b"0")
    assert located(tiny).revision(tmp_path) != located(broken).revision(tmp_path)
    assert len(located(tiny).revision(tmp_path)) == len("sha256:") + 12


def test_weights_are_read_for_their_name_once_and_again_when_they_were_touched(broken, tmp_path):
    named, weights = located(broken).revision(tmp_path), broken / WEIGHTS
    stat, data = weights.stat(), weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert located(broken).revision(tmp_path) == named
    weights.touch()
    assert located(broken).revision(tmp_path) != named


def test_what_is_neither_a_folder_nor_a_hub_id_is_not_found(tmp_path):
    with pytest.raises(ModelNotFound, match="nowhere"):
        located(tmp_path / "nowhere")
