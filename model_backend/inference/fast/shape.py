# SPDX-License-Identifier: GPL-2.0-or-later
"""The sizes of an LFM2-VL model, as its config.json gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ModelInvalid


@dataclass(frozen=True)
class LanguageShape:
    """The language model."""

    vocabulary: int
    hidden: int
    inner: int
    """Width of the feed-forward layers."""
    heads: int
    kv_heads: int
    head: int
    """Numbers a head."""
    attends: tuple[bool, ...]
    """For each layer: attention, else a short convolution."""
    taps: int
    """Positions that a convolution sees."""
    conv_bias: bool
    epsilon: float
    theta: float
    """Base of the rotary positions."""
    positions: int
    """The longest text."""
    own_head: bool
    """Whether the output layer has weights of its own, not those of the input words."""


@dataclass(frozen=True)
class VisionShape:
    """The vision tower and the projector."""

    hidden: int
    inner: int
    heads: int
    layers: int
    patch: int
    """Numbers a patch."""
    side: int
    """Rows, and columns, of the learned positions."""
    epsilon: float
    activation: str
    factor: int
    """Rows, and columns, of patches that become one vector."""
    projected: int
    """Width between the projector's two layers."""
    projector_norm: bool
    projector_bias: bool


def language_shape(config: Mapping[str, Any]) -> LanguageShape:
    """Raises ModelInvalid for what is not understood here."""
    text = config["text_config"]
    heads = text["num_attention_heads"]
    rope = text.get("rope_parameters") or {"rope_theta": text.get("rope_theta", 1e6)}
    _check("rope_type", rope.get("rope_type", "default"), "default")
    return LanguageShape(
        vocabulary=text["vocab_size"],
        hidden=text["hidden_size"],
        inner=_inner(text),
        heads=heads,
        kv_heads=text["num_key_value_heads"],
        head=text.get("head_dim") or text["hidden_size"] // heads,
        attends=tuple(kind == "full_attention" for kind in text["layer_types"]),
        taps=text.get("conv_L_cache", 3),
        conv_bias=text.get("conv_bias", False),
        epsilon=text["norm_eps"],
        theta=rope["rope_theta"],
        positions=text["max_position_embeddings"],
        own_head=not config.get("tie_embedding", config.get("tie_word_embeddings", True)),
    )


def vision_shape(config: Mapping[str, Any]) -> VisionShape:
    """Raises ModelInvalid for what is not understood here."""
    vision = config["vision_config"]
    _check("projector_hidden_act", config.get("projector_hidden_act", "gelu"), "gelu")
    _check("hidden_act", vision.get("hidden_act", "gelu_pytorch_tanh"), "gelu_pytorch_tanh", "gelu")
    return VisionShape(
        hidden=vision["hidden_size"],
        inner=vision["intermediate_size"],
        heads=vision["num_attention_heads"],
        layers=vision["num_hidden_layers"],
        patch=vision.get("num_channels", 3) * vision["patch_size"] ** 2,
        side=round(vision["num_patches"] ** 0.5),
        epsilon=vision.get("layer_norm_eps", 1e-6),
        activation=vision.get("hidden_act", "gelu_pytorch_tanh"),
        factor=config["downsample_factor"],
        projected=config["projector_hidden_size"],
        projector_norm=config.get("projector_use_layernorm", True),
        projector_bias=config.get("projector_bias", True),
    )


def _inner(text: Mapping[str, Any]) -> int:
    """As the model's code adjusts it."""
    inner: int = text["intermediate_size"]
    if not text.get("block_auto_adjust_ff_dim", True):
        return inner
    inner = int(2 * inner / 3)
    multiplier = text.get("block_ffn_dim_multiplier", 1.0)
    if multiplier is None:
        return inner
    multiple = text.get("block_multiple_of", 256)
    return int(multiple * -(-int(multiplier * inner) // multiple))


def _check(name: str, value: str, *known: str) -> None:
    if value not in known:
        raise ModelInvalid(f"{name} {value!r} is not known here", reason="config", name=name, value=value)
