# SPDX-License-Identifier: GPL-2.0-or-later
"""N2-Eye: what its files say of a language model, CLIP's vision encoder and the projection between them.

Its published configuration names the two models that it is made of and leaves their sizes out, so these
are declared here. What is not known of the published checkpoint is declared as well: which of CLIP's
vectors the language model is shown. What a checkpoint's own files say comes first; tensors that do not fit
are refused where they are loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelInvalid
from .model_files import read_settings

MODEL_TYPE = "multimodal_lfm2"
PATCHES, ALL, POOLED = "patches", "all", "pooled"
"""Which of CLIP's vectors stand for a picture: those of its 49 patches, these and the class token's, or the
class token's alone after the last norm."""
_UNCONFIRMED = PATCHES
"""Of the published checkpoint it is not known; the others can be set as ``vision_features``."""
_CONVOLUTION, _ATTENTION = "conv", "full_attention"

_TEXTS: dict[str, dict[str, Any]] = {
    "LiquidAI/LFM2-1.2B": {
        "model_type": "lfm2",
        "vocab_size": 65536,
        "hidden_size": 2048,
        "intermediate_size": 12288,
        "block_auto_adjust_ff_dim": True,
        "block_ffn_dim_multiplier": 1.0,
        "block_multiple_of": 256,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "layer_types": [_ATTENTION if letter == "a" else _CONVOLUTION for letter in "ccaccaccacacacac"],
        "max_position_embeddings": 128000,
        "norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
        "conv_L_cache": 3,
        "conv_bias": False,
        "bos_token_id": 1,
        "eos_token_id": 7,
        "pad_token_id": 0,
        "tie_word_embeddings": True,
    }
}
_VISIONS: dict[str, dict[str, Any]] = {
    "openai/clip-vit-base-patch32": {
        "model_type": "clip_vision_model",
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "num_channels": 3,
        "image_size": 224,
        "patch_size": 32,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5,
    }
}
_LANGUAGE = re.compile(r"^language_model\.(?=lm_head\.)")
_VISION = re.compile(r"^vision_encoder\.vision_model\.")
_PROJECTION = re.compile(r"^vision_projection\.(\d+)\.(weight|bias)$")
_BUFFER = "vision_encoder.embeddings.position_ids"
"""Counts up from 0; older files have it."""


@dataclass(frozen=True)
class N2EyeSettings:
    """Sizes and choices of one checkpoint."""

    text: dict[str, Any]
    """As ``Lfm2Config`` takes them."""
    vision: dict[str, Any]
    """As ``CLIPVisionConfig`` takes them."""
    projected: int
    """Width between the projection's two layers."""
    features: str
    """``PATCHES``, ``ALL`` or ``POOLED``."""

    @property
    def picture_tokens(self) -> int:
        """Vectors that a picture becomes."""
        patches = int(self.vision["image_size"] // self.vision["patch_size"]) ** 2
        return {PATCHES: patches, ALL: patches + 1, POOLED: 1}[self.features]


def n2_eye_settings(config: Mapping[str, Any]) -> N2EyeSettings:
    """What a checkpoint's config.json says, and for what it leaves out the models that it names.

    Raises:
        ModelInvalid: it names a model whose sizes are not known here, or an unknown choice.
    """
    features = config.get("vision_features", _UNCONFIRMED)
    if features not in (PATCHES, ALL, POOLED):
        raise _unknown("vision_features", features, (PATCHES, ALL, POOLED))
    return N2EyeSettings(
        text=_part(config, "text_config", "lfm2_model_name", _TEXTS),
        vision=_part(config, "vision_config", "clip_model_name", _VISIONS),
        projected=int(config.get("vision_projection_dim", 512)),
        features=str(features),
    )


def known_names(stored: Iterable[str]) -> dict[str, str]:
    """Names of tensors as checkpoints have them, to those that our loaders give them.

    The projection's layers become 0 and 1, whatever lies between them; what is left out says nothing.
    """
    names = list(stored)
    layers = sorted({int(match[1]) for match in map(_PROJECTION.match, names) if match})
    renamed = {}
    for name in names:
        projection = _PROJECTION.match(name)
        if projection:
            renamed[name] = f"vision_projection.{layers.index(int(projection[1]))}.{projection[2]}"
        else:
            renamed[name] = _VISION.sub("vision_encoder.", _LANGUAGE.sub("", name))
    return {name: known for name, known in renamed.items() if known != _BUFFER}


def image_token(folder: Path, vocabulary: int) -> int:
    """Id of the token that stands for a vector of a picture, by a checkpoint's tokenizer.

    Raises:
        ModelInvalid: it has none, or the language model has no vector for it.
    """
    named = read_settings(folder / "tokenizer_config.json").get("image_token", "<image>")
    text = named.get("content") if isinstance(named, dict) else named
    added = read_settings(folder / "tokenizer.json").get("added_tokens", [])
    index = next((token["id"] for token in added if token["content"] == text), None)
    if index is None or index >= vocabulary:
        words = f"no token {text}" if index is None else f"{text} as token {index}, of {vocabulary}"
        raise ModelInvalid(f"the tokenizer of {folder.name} has {words}", reason="tokenizer")
    return int(index)


def _part(
    config: Mapping[str, Any], key: str, named: str, known: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """The settings of one of the two models; what is written counts before what is known by name."""
    written, name = config.get(key), config.get(named)
    if isinstance(written, Mapping):
        return {**known.get(str(name), {}), **written}
    if name is None:
        return dict(next(iter(known.values())))
    if name not in known:
        raise _unknown(named, name, known)
    return dict(known[name])


def _unknown(setting: str, value: Any, known: Iterable[str]) -> ModelInvalid:
    words = f"{setting} {str(value)!r} is not known here; known: {', '.join(known)}"
    return ModelInvalid(words, reason="config", name=setting, value=str(value))
