# SPDX-License-Identifier: GPL-2.0-or-later
"""Checkpoints of N2-Eye's shape with random weights: for tests, and to try out the way without the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from .checkpoint_files import replacing, write_n2_eye_tokenizer
from .exact.n2_eye import N2Eye, N2EyeConfig, write_n2_eye
from .exact.quiet import quiet_transformers
from .n2_eye import n2_eye_settings
from .random_checkpoint import Size, check_replaceable, fill_at_random, tiny_text
from .random_tokenizer import random_tokenizer
from .source import RANDOM_MARK


def write_random_n2_eye(folder: Path, size: Size, seed: int = 0, **choices: Any) -> None:
    """Writes a whole checkpoint, which replaces ``folder`` in one step once it is complete.

    ``full`` has 1,259,240,960 parameters and takes 2.5 GB of disk and as much memory; ``tiny`` has the same
    parts, each as small as it goes. ``choices`` are settings of its config.json.

    Raises:
        RequestError: ``folder`` holds something that is not such a checkpoint.
    """
    quiet_transformers()
    check_replaceable(folder)
    config = N2EyeConfig(n2_eye_settings({**(_tiny() if size == "tiny" else {}), **choices}))
    setattr(config, RANDOM_MARK, True)
    with torch.device("meta"):
        model: Any = N2Eye(config)
    model = model.to(torch.bfloat16).to_empty(device="cpu")
    model.tie_weights()
    fill_at_random(model, seed)
    with replacing(folder) as fresh:
        write_n2_eye(fresh, config, model, torch.bfloat16)
        write_n2_eye_tokenizer(fresh, random_tokenizer(config.text_config.vocab_size))


def _tiny() -> dict[str, Any]:
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return {
        "lfm2_model_name": "LiquidAI/LFM2-1.2B",
        "clip_model_name": "openai/clip-vit-base-patch32",
        "text_config": tiny_text(),
        "vision_config": vision,
        "vision_projection_dim": 48,
    }
