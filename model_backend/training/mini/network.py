# SPDX-License-Identifier: GPL-2.0-or-later
"""The untrained network: lspace's architecture, small, with positions that cannot be overlooked."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from transformers import Lfm2VlConfig, Lfm2VlForConditionalGeneration

from ...inference.random_tokenizer import BOS, EOS, IMAGE, PAD
from .vocabulary import Vocabulary

PATCHES = 16
"""Patches a side of a picture."""
CELLS = 8
"""Image tokens a side."""
WIDTH = 128
_POSITION = 2.0
_COORDINATE = 0.08
_WORD = 0.02


def mini_config(vocabulary: Vocabulary) -> Any:
    """The configuration (``Lfm2VlConfig``)."""
    vision = {
        "model_type": "siglip2_vision_model",
        "hidden_size": WIDTH,
        "intermediate_size": 3 * WIDTH,
        "num_hidden_layers": 5,
        "num_attention_heads": 4,
        "num_patches": PATCHES**2,
        "patch_size": 16,
        "vision_use_head": False,
    }
    text = {
        "model_type": "lfm2",
        "vocab_size": vocabulary.size,
        "hidden_size": WIDTH,
        "intermediate_size": 3 * WIDTH,
        "block_auto_adjust_ff_dim": False,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "layer_types": ["conv", "full_attention", "full_attention", "full_attention"],
        "max_position_embeddings": 2048,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "pad_token_id": vocabulary.ids[PAD],
        "bos_token_id": vocabulary.ids[BOS],
        "eos_token_id": vocabulary.ids[EOS],
        "tie_word_embeddings": True,
    }
    return Lfm2VlConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=vocabulary.ids[IMAGE],
        downsample_factor=2,
        projector_hidden_size=2 * WIDTH,
        tie_word_embeddings=True,
    )


def untrained_model(vocabulary: Vocabulary, seed: int) -> Any:
    """The network (``Lfm2VlForConditionalGeneration``, float32) before its first lesson."""
    torch.manual_seed(seed)
    model: Any = Lfm2VlForConditionalGeneration(mini_config(vocabulary))
    words = model.model.language_model.embed_tokens.weight
    first, percent = vocabulary.first_coordinate, vocabulary.ids[vocabulary.percentages[0]]
    with torch.no_grad():
        # weak positions die before the projector, and with them every box
        model.model.vision_tower.embeddings.position_embedding.weight.copy_(_position_table() * _POSITION)
        words[first : first + len(vocabulary.coordinates)] = _COORDINATE * _scale(
            len(vocabulary.coordinates), periods=(0.25, 0.5, 1, 2, 4, 8, 16, 28)
        )
        words[percent : percent + len(vocabulary.percentages)] = _WORD * _scale(
            len(vocabulary.percentages), periods=(0.5, 1, 2, 4)
        )
    return model


def _position_table() -> Tensor:
    """(patches, width): sine and cosine of column and row at geometric frequencies."""
    quarter = WIDTH // 4
    exponents = torch.arange(quarter) / (quarter - 1)
    frequencies = math.pi / 16 * 0.5 * 8.0**exponents
    rows, columns = torch.meshgrid(torch.arange(float(PATCHES)), torch.arange(float(PATCHES)), indexing="ij")
    angles = [place.reshape(-1, 1) * frequencies for place in (columns, rows)]
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)


def _scale(count: int, periods: tuple[float, ...]) -> Tensor:
    """(count, width): rows that are the more alike the nearer they are, with a part of their own each."""
    angles = 2 * math.pi * torch.arange(float(count))[:, None] / count * torch.tensor(periods)
    waves = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
    mixed = waves @ torch.randn(waves.shape[1], WIDTH) / waves.shape[1] ** 0.5
    scale: Tensor = 1.3 * mixed + 0.3 * torch.randn(count, WIDTH) + 0.7 * torch.randn(1, WIDTH)
    return scale
