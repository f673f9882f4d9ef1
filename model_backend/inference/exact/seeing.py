# SPDX-License-Identifier: GPL-2.0-or-later
"""How models make vectors of pictures."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..patches import Patches


class Eyes(Protocol):
    """The seeing part of a model, taken over."""

    def packable(self) -> list[nn.Module]:
        """Modules whose linear layers may be packed."""
        ...

    def settle(self, dtype: torch.dtype) -> None:
        """What is not packed computes in that precision from now on."""
        ...

    def see(self, picture: Patches) -> Tensor:
        """(tokens, width): what the model makes of a picture."""
        ...


class TowerEyes:
    """Those of LFM2-VL: a tower for pictures of many shapes, and a projector."""

    def __init__(self, model: Any) -> None:
        self._tower: nn.Module = model.model.vision_tower
        self._projector: nn.Module = model.model.multi_modal_projector

    def packable(self) -> list[nn.Module]:
        """All but what embeds the patches, which asks its weights for their dtype."""
        return [*self._tower.encoder.layers, self._projector]  # type: ignore[misc, union-attr]

    def settle(self, dtype: torch.dtype) -> None:
        """Tower and projector."""
        self._tower.to(dtype)
        self._projector.to(dtype)
        self._dtype = dtype

    def see(self, picture: Patches) -> Tensor:
        """(tokens, width)."""
        device = next(self._tower.parameters()).device
        pixels = torch.from_numpy(picture.pixels).to(device, self._dtype)[None]
        states = self._tower(
            pixel_values=pixels,
            spatial_shapes=torch.tensor([picture.grid], device=device),
            pixel_attention_mask=torch.ones(pixels.shape[:2], dtype=torch.int32, device=device),
        ).last_hidden_state
        vectors: Tensor = self._projector(states.unflatten(1, picture.grid)).flatten(0, 2)
        return vectors


class SquareEyes:
    """Those of N2-Eye: CLIP, and two layers."""

    def __init__(self, model: Any) -> None:
        self._model = model
        model.language_model = None  # lets go of weights that are read elsewhere

    def packable(self) -> list[nn.Module]:
        """CLIP's layers; the projection is small."""
        encoder = getattr(self._model.vision_encoder, "vision_model", self._model.vision_encoder).encoder
        return list(encoder.layers)

    def settle(self, dtype: torch.dtype) -> None:
        """CLIP and the projection."""
        self._model.vision_encoder.to(dtype)
        self._model.vision_projection.to(dtype)

    def see(self, picture: Patches) -> Tensor:
        """(tokens, width)."""
        weight = self._model.vision_projection[0].weight
        pixels = torch.from_numpy(picture.pixels).to(weight.device, weight.dtype)[None]
        vectors: Tensor = self._model.see(pixels)[0]
        return vectors
