# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs between the kinds of model that can be trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ...errors import RequestError
from ...inference.checkpoint_files import write_config, write_weights
from ...inference.exact.checkpoint import load_model
from ...inference.exact.n2_eye import load_n2_eye, write_n2_eye
from ...inference.n2_eye import MODEL_TYPE
from ...inference.patches import Patches


@dataclass(frozen=True)
class Architecture:
    """One kind of model, beyond what all of them share."""

    vision: str
    """In the name of each of its vision encoder's weights, and of no other."""
    freezes_vision: bool
    """Whether the vision encoder stays as it is where the plan says nothing."""
    whole: tuple[str, ...]
    """Small parts that are trained themselves where all others get adapters."""
    load: Callable[[Path, torch.dtype], Any]
    """A bare model from a folder, on the CPU."""
    join: Callable[[Sequence[Patches]], dict[str, Tensor]]
    """Pictures as its cutter gives them, at least one, to what its model takes beside the tokens."""
    write: Callable[[Path, Any, Any, torch.dtype], None]
    """Configuration and weights of a model, into a folder; the configuration is changed."""


def architecture_of(model_type: str) -> Architecture:
    """The architecture of a ``model_type``; RequestError for one that cannot be trained."""
    if model_type not in _ARCHITECTURES:
        raise RequestError(f"models of type {model_type!r} cannot be trained", model_type=model_type)
    return _ARCHITECTURES[model_type]


def _join_patches(pictures: Sequence[Patches]) -> dict[str, Tensor]:
    """Padded to the longest."""
    patches = [torch.from_numpy(picture.pixels) for picture in pictures]
    masks = [torch.ones(len(each), dtype=torch.int32) for each in patches]
    return {
        "pixel_values": pad_sequence(patches, batch_first=True),
        "pixel_attention_mask": pad_sequence(masks, batch_first=True),
        "spatial_shapes": torch.tensor([picture.grid for picture in pictures]),
    }


def _join_squares(pictures: Sequence[Patches]) -> dict[str, Tensor]:
    return {"pixel_values": torch.stack([torch.from_numpy(picture.pixels) for picture in pictures])}


def _write_lspace(folder: Path, config: Any, model: Any, dtype: torch.dtype) -> None:
    write_config(folder, config, dtype)
    write_weights(folder, model, dtype)


_ARCHITECTURES = {
    "lfm2_vl": Architecture(
        vision="vision_tower.",
        freezes_vision=False,
        whole=(),
        load=load_model,
        join=_join_patches,
        write=_write_lspace,
    ),
    MODEL_TYPE: Architecture(
        vision="vision_encoder.",
        freezes_vision=True,
        whole=("vision_projection",),
        load=load_n2_eye,
        join=_join_squares,
        write=write_n2_eye,
    ),
}
