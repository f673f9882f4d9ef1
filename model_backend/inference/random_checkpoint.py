# SPDX-License-Identifier: GPL-2.0-or-later
"""Checkpoints of lspace's shape with random weights: for tests, and to try out the way without the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from transformers import Lfm2VlConfig, Lfm2VlForConditionalGeneration

from ..errors import RequestError
from .checkpoint_files import replacing, write_config, write_processor, write_tokenizer, write_weights
from .exact.quiet import quiet_transformers
from .random_tokenizer import random_tokenizer
from .source import RANDOM_MARK

Size = Literal["tiny", "full"]

_EMBEDDING_STD = 0.25
_FULL_LAYERS = (*"ccaccaccacacacac",)  # c short convolution, a attention


def random_config(size: Size) -> Any:
    """The configuration (``Lfm2VlConfig``) of such a checkpoint.

    ``full`` has the published shapes of LFM2.5-VL-450M: 448,718,848 parameters; ``tiny`` the same parts,
    each as small as it goes.
    """
    if size not in ("tiny", "full"):
        raise RequestError(f"no random checkpoint of size {size!r}", size=size)
    text, vision, hidden = (_tiny if size == "tiny" else _full)()
    config = Lfm2VlConfig(
        text_config={**_TEXT, **text},
        vision_config={**_VISION, **vision},
        image_token_id=396,
        downsample_factor=2,
        projector_hidden_size=hidden,
        projector_hidden_act="gelu",
        projector_bias=True,
        projector_use_layernorm=False,
        tie_word_embeddings=True,
    )
    setattr(config, RANDOM_MARK, True)
    return config


def write_random_checkpoint(folder: Path, size: Size, seed: int = 0) -> None:
    """Writes a whole checkpoint, which replaces ``folder`` in one step once it is complete.

    ``full`` takes 900 MB of disk and as much memory. The same seed gives the same weights.

    Raises:
        RequestError: ``folder`` holds something that is not such a checkpoint.
    """
    quiet_transformers()
    check_replaceable(folder)
    with replacing(folder) as fresh:
        config = random_config(size)
        write_config(fresh, config, torch.bfloat16)
        write_weights(fresh, _random_model(config, seed), torch.bfloat16)
        write_tokenizer(fresh, random_tokenizer(config.text_config.vocab_size))
        write_processor(fresh)


_TEXT = {
    "model_type": "lfm2",
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
_VISION = {
    "model_type": "siglip2_vision_model",
    "num_channels": 3,
    "patch_size": 16,
    "num_patches": 256,
    "layer_norm_eps": 1e-6,
    "hidden_act": "gelu_pytorch_tanh",
    "vision_use_head": False,
}


def tiny_text() -> dict[str, Any]:
    """Sizes of the smallest language model."""
    return {
        "vocab_size": 1024,
        "hidden_size": 64,
        "intermediate_size": 128,
        "block_auto_adjust_ff_dim": False,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "layer_types": _layer_types(("c", "c", "a", "c")),
    }


def _tiny() -> tuple[dict[str, Any], dict[str, Any], int]:
    text = tiny_text()
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return text, vision, 64


def _full() -> tuple[dict[str, Any], dict[str, Any], int]:
    text = {
        "vocab_size": 65536,
        "hidden_size": 1024,
        "intermediate_size": 6656,
        "block_auto_adjust_ff_dim": True,
        "block_ffn_dim_multiplier": 1.0,
        "block_multiple_of": 256,
        "num_hidden_layers": len(_FULL_LAYERS),
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "layer_types": _layer_types(_FULL_LAYERS),
    }
    vision = {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
    }
    return text, vision, 2048


def _layer_types(letters: tuple[str, ...]) -> list[str]:
    return ["conv" if letter == "c" else "full_attention" for letter in letters]


def _random_model(config: Any, seed: int) -> Any:
    with torch.device("meta"):
        model: Any = Lfm2VlForConditionalGeneration(config)
    model = model.to(torch.bfloat16).to_empty(device="cpu")
    model.tie_weights()
    fill_at_random(model, seed)
    return model


def fill_at_random(model: Any, seed: int) -> None:
    """Gives all of a model's parameters random numbers, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            _fill(name, weights, generator)


def _fill(name: str, weights: torch.Tensor, generator: torch.Generator) -> None:
    """Wide enough that greedy decoding does not repeat one token for ever, as it does from a usual start."""
    if weights.ndim == 1:
        weights.fill_(0.0 if name.endswith("bias") else 1.0)
    elif "embed" in name and "patch" not in name:
        weights.normal_(0.0, _EMBEDDING_STD, generator=generator)
    else:
        weights.normal_(0.0, weights[0].numel() ** -0.5, generator=generator)


def check_replaceable(folder: Path) -> None:
    """Raises RequestError for a folder that holds something else than a checkpoint with random weights."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    config = folder / "config.json"
    if not config.is_file() or RANDOM_MARK not in config.read_text(encoding="utf-8"):
        raise RequestError(f"{folder} is not empty and not a random checkpoint", folder=str(folder))
