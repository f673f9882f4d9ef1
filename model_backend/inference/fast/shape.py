# SPDX-License-Identifier: GPL-2.0-or-later
"""The sizes of a model, as its config.json gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ModelInvalid
from ..n2_eye import N2EyeSettings


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
class EncoderShape:
    """The layers of a vision transformer."""

    hidden: int
    inner: int
    heads: int
    layers: int
    epsilon: float
    activation: str
    """As configurations name it."""
    projected: int
    """Width between the two layers that follow."""


@dataclass(frozen=True)
class VisionShape(EncoderShape):
    """LFM2-VL's vision tower and projector."""

    patch: int
    """Numbers a patch."""
    side: int
    """Rows, and columns, of the learned positions."""
    factor: int
    """Rows, and columns, of patches that become one vector."""
    projector_norm: bool
    projector_bias: bool


@dataclass(frozen=True)
class ClipShape(EncoderShape):
    """N2-Eye's CLIP and projection."""

    patch_side: int
    """Pixels a side of a patch."""
    patches: int
    """Of a picture."""
    features: str
    """Which of the vectors stand for a picture; see ``N2EyeSettings``."""

    @property
    def patch(self) -> int:
        """Numbers a patch."""
        return 3 * self.patch_side**2


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


def clip_shape(settings: N2EyeSettings) -> ClipShape:
    """Raises ModelInvalid for what is not understood here."""
    vision = settings.vision
    activation = vision.get("hidden_act", "quick_gelu")
    _check("hidden_act", activation, "quick_gelu", "gelu")
    return ClipShape(
        hidden=vision["hidden_size"],
        inner=vision["intermediate_size"],
        heads=vision["num_attention_heads"],
        layers=vision["num_hidden_layers"],
        patch_side=vision["patch_size"],
        patches=(vision["image_size"] // vision["patch_size"]) ** 2,
        epsilon=vision.get("layer_norm_eps", 1e-5),
        activation=activation,
        projected=settings.projected,
        features=settings.features,
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
