"""What the graphs are made of: tensors from files, quantised layers, stretched positions, other shapes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from lspace.model_backend.errors import ModelInvalid
from lspace.model_backend.inference.exact.checkpoint import load_model
from lspace.model_backend.inference.fast.graph import Graph
from lspace.model_backend.inference.fast.linear import linear, per_block, per_output
from lspace.model_backend.inference.fast.network import load_network
from lspace.model_backend.inference.fast.positions import neighbours_first, stretched
from lspace.model_backend.inference.fast.shape import language_shape, vision_shape
from lspace.model_backend.inference.fast.weights import Weights
from lspace.model_backend.inference.patches import Patches
from lspace.model_backend.inference.random_checkpoint import random_config
from safetensors.torch import load_file, save_file
from transformers import Lfm2VlForConditionalGeneration

FINAL_NORM = "model.language_model.embedding_norm.weight"


def normal(*shape, seed=0, scale=1.0):
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


def run_linear(folder, x, weight, kind):
    graph = Graph(folder / "one.onnx")
    y = linear(graph, graph.input("x", ["rows", weight.shape[1]]), weight, kind)
    graph.nodes("Identity", [y], [graph.output("y", ["rows", len(weight)])])
    graph.save()
    session = onnxruntime.InferenceSession(folder / "one.onnx", providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_tensors_of_every_kind_are_read_as_torch_reads_them(tmp_path, dtype):
    tensors = {name: torch.randn(5, 3).to(dtype) for name in ("a", "b")}
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    weights = Weights(tmp_path)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(weights.floats(name, 5, 3), tensor.float().numpy())
    np.testing.assert_array_equal(
        weights.stored("a", 5, 3).floats([4, 0]), tensors["a"][[4, 0]].float().numpy()
    )


def test_tensors_in_several_files_and_under_their_published_names_are_found(tmp_path):
    save_file(
        {"model.vision_tower.vision_model.x": torch.ones(2)}, tmp_path / "model-00001-of-00002.safetensors"
    )
    save_file({"y": torch.zeros(2)}, tmp_path / "model-00002-of-00002.safetensors")
    weights = Weights(tmp_path)
    assert weights.floats("model.vision_tower.x", 2).tolist() == [1, 1]
    assert weights.floats("y", 2).tolist() == [0, 0]


def test_what_is_missing_of_another_shape_or_left_over_is_refused(tmp_path):
    save_file({"x": torch.ones(2), "y": torch.ones(2)}, tmp_path / "model.safetensors")
    weights = Weights(tmp_path)
    with pytest.raises(ModelInvalid, match="no tensor z"):
        weights.floats("z", 2)
    with pytest.raises(ModelInvalid, match=r"x .* is \(2,\), not \(3,\)"):
        weights.floats("x", 3)
    with pytest.raises(ModelInvalid, match="2 unexpected tensors: x, y"):
        weights.check_all_used()
    weights.floats("x", 2), weights.floats("y", 2)
    weights.check_all_used()


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 100, b"\x02\0\0\0\0\0\0\0{}"], ids=["empty", "noise", "none"]
)
def test_a_broken_or_empty_file_is_refused(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelInvalid):
        Weights(tmp_path)


def test_int8_weights_are_close_and_never_overflow_sixteen_bits():
    weight = normal(64, 256)
    weight[3] = 1.0  # all alike: the worst pairs
    weight[5] = 0.0
    numbers, scales = per_output(weight)
    np.testing.assert_allclose(numbers * scales[:, None], weight, atol=1.01 * scales.max() / 2)
    pairs = np.abs(numbers.astype(int)).reshape(64, -1, 2).sum(-1)
    assert pairs.max() * 255 <= 32767


def test_four_bits_keep_within_half_a_step_or_cut_the_largest():
    weight = normal(16, 256)
    packed, scales = per_block(weight)
    codes = np.stack([packed & 15, packed >> 4], axis=-1).reshape(16, -1, 64).astype(np.float32) - 8
    error = np.abs(codes * scales[..., None] - weight.reshape(16, -1, 64))
    inside = np.abs(weight.reshape(16, -1, 64)) <= 7 * np.abs(scales[..., None])
    assert (error <= np.abs(scales[..., None]) * 0.501)[inside].all()
    assert np.sqrt((error**2).mean()) < 0.1


def test_four_bits_of_nothing_are_nothing():
    packed, _scales = per_block(np.zeros((2, 64), np.float32))
    assert set(packed.ravel()) == {0x88}


@pytest.mark.parametrize(("kind", "most"), [("float32", 1e-6), ("int8", 0.02), ("int4", 0.12)])
def test_a_layer_in_fewer_bits_is_nearly_the_layer(tmp_path, kind, most):
    x, weight = normal(9, 256), normal(128, 256, seed=1)
    y = run_linear(tmp_path, x, weight, kind)
    assert np.std(y - x @ weight.T) / np.std(y) < most


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_one_row_of_a_layers_input_does_not_change_another(tmp_path, kind):
    x, weight = normal(9, 256), normal(128, 256, seed=1)
    x[4] *= 1000
    x[7] = 0
    y = run_linear(tmp_path, x, weight, kind)
    np.testing.assert_allclose(run_linear(tmp_path, x[:3], weight, kind), y[:3], atol=1e-4)
    assert np.abs(y[7]).max() == 0


@pytest.mark.parametrize("grid", [(16, 16), (32, 32), (14, 22), (32, 6), (2, 40), (10, 16)], ids=str)
def test_positions_are_stretched_as_torch_does_it(grid):
    learned = normal(16, 16, 8)
    channels_first = torch.from_numpy(learned).permute(2, 0, 1)[None]
    expected = torch.nn.functional.interpolate(
        channels_first, size=grid, mode="bilinear", align_corners=False, antialias=True
    )
    np.testing.assert_allclose(stretched(learned, *grid), expected[0].permute(1, 2, 0).numpy(), atol=1e-5)


def test_patches_of_one_vector_follow_each_other():
    assert neighbours_first(2, 4, 2).tolist() == [0, 1, 4, 5, 2, 3, 6, 7]


def changed(folder, tmp_path, **text):
    """The tiny checkpoint with other settings, all of its weights random."""
    config = random_config("tiny")
    for name, value in text.items():
        for part in (config, config.text_config):
            if hasattr(part, name):
                setattr(part, name, value)
    torch.manual_seed(3)
    model = Lfm2VlForConditionalGeneration(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.3 if parameter.ndim == 1 else 0.0, 0.2)
    place = Path(shutil.copytree(folder, tmp_path / "changed"))
    (place / "model.safetensors").unlink()
    model.save_pretrained(place, max_shard_size="300KB")
    return place


OTHERS = {
    "biases": {"conv_bias": True},
    "a head of its own": {"tie_word_embeddings": False},
    "four taps": {"conv_L_cache": 4},
    "adjusted width": {"block_auto_adjust_ff_dim": True, "block_multiple_of": 64},
    "a normed projector": {"projector_use_layernorm": True},
    "no biases in the projector": {"projector_bias": False},
    "other turns": {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
    "a wide block": {"intermediate_size": 96},
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_models_of_other_shapes_give_the_logits_of_transformers(tiny, tmp_path, text):
    folder = changed(tiny, tmp_path, **text)
    assert len(list(folder.glob("*.safetensors"))) > 1
    ids, pixels = [1, 5, *[396] * 8, 9, 700, 701], normal(32, 768)
    network = load_network(folder, "float32", 2, tmp_path / "cache")
    ours = network.read(network.look(ids[:-2], [Patches(pixels, (4, 8), 8)]), np.array([ids[-2:]]))
    with torch.inference_mode():
        theirs = load_model(folder, torch.float32).eval()(
            input_ids=torch.tensor([ids]),
            pixel_values=torch.from_numpy(pixels)[None],
            pixel_attention_mask=torch.ones(1, 32, dtype=torch.long),
            spatial_shapes=torch.tensor([[4, 8]]),
        )
    np.testing.assert_allclose(ours, theirs.logits[:, -1].numpy(), atol=2e-3, rtol=1e-4)


def test_widths_that_cannot_be_cut_into_blocks_are_kept_in_eight_bits(tiny, tmp_path):
    folder = changed(tiny, tmp_path, intermediate_size=96)
    network = load_network(folder, "q4", 1, tmp_path / "cache")
    assert np.isfinite(network.read(network.look([1], []), np.array([[5, 6]]))).all()


def test_an_unknown_kind_of_positions_or_activation_is_refused():
    config = random_config("tiny").to_dict()
    config["text_config"]["rope_parameters"] = {"rope_type": "yarn", "rope_theta": 1e6}
    with pytest.raises(ModelInvalid, match="yarn"):
        language_shape(config)
    config["vision_config"]["hidden_act"] = "relu"
    with pytest.raises(ModelInvalid, match="relu"):
        vision_shape(config)


def test_a_checkpoint_with_a_tensor_too_few_or_too_many_is_refused(broken, tmp_path):
    tensors = load_file(broken / "model.safetensors")
    norm = tensors.pop(FINAL_NORM)
    save_file(tensors, broken / "model.safetensors")
    with pytest.raises(ModelInvalid, match="embedding_norm"):
        load_network(broken, "q8", 1, tmp_path)
    save_file({**tensors, FINAL_NORM: norm, "more": norm.clone()}, broken / "model.safetensors")
    with pytest.raises(ModelInvalid, match="unexpected tensors: more"):
        load_network(broken, "q8", 1, tmp_path)
    assert [path.name for path in (tmp_path / "graphs").iterdir()] == ["digests"]
