# SPDX-License-Identifier: GPL-2.0-or-later
"""Linear layers that read their weights as fast as the processor can, and lose no digit of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

_LARGEST = 32768.0
"""A power of two that float16 holds, with room above it."""
_ROWS = 128
"""Of a weight that are looked at together."""


class PackedLinear(nn.Module):
    """A layer whose weights lie in memory as float16 and whose arithmetic is float32.

    Published weights have 8 to 11 binary digits, which float16 holds too, once they are multiplied by a
    power of two. Half as many bytes are read for each token, by a kernel that reads them in order.
    """

    def __init__(self, packed: Any, shrink: float) -> None:
        super().__init__()
        self._packed = packed
        self._shrink = shrink

    def forward(self, rows: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs)."""
        product: Tensor = torch.ops.quantized.linear_dynamic_fp16(rows * self._shrink, self._packed)
        return product


class PlainLinear(nn.Module):
    """A layer as torch computes it."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self._weight, self._bias = weight, bias

    def forward(self, rows: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs)."""
        return linear(rows, self._weight, self._bias)


def make_linear(weights: Sequence[Tensor], biases: Sequence[Tensor | None], dtype: torch.dtype) -> nn.Module:
    """One layer whose outputs are those of the given ones, side by side; ``dtype`` is that of its rows."""
    weight = torch.cat([each.detach() for each in weights]) if len(weights) > 1 else weights[0].detach()
    given = [each.detach().to(dtype) for each in biases if each is not None]
    bias = torch.cat(given) if given else None
    if dtype == torch.float32 and weight.device.type == "cpu" and has_kernel():
        scale = _scale_of(weight)
        if _is_kept(weight, scale):
            scaled = weight.to(torch.float32, copy=True).mul_(scale)
            return PackedLinear(torch.ops.quantized.linear_prepack_fp16(scaled, bias), 1 / scale)
    return PlainLinear(weight.to(dtype), bias)


def pack_linears(module: nn.Module, dtype: torch.dtype) -> None:
    """Replaces all linear layers inside a module, in place."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, make_linear([child.weight], [child.bias], dtype))
        else:
            pack_linears(child, dtype)


def has_kernel() -> bool:
    """Whether torch can pack weights here."""
    return "fbgemm" in torch.backends.quantized.supported_engines


def _scale_of(weight: Tensor) -> float:
    """The power of two that brings the weights as high as they go."""
    largest = max(abs(float(edge)) for edge in torch.aminmax(weight))
    return 2.0 ** math.floor(math.log2(_LARGEST / largest)) if largest > 0 else 1.0


def _is_kept(weight: Tensor, scale: float) -> bool:
    """Whether float16 holds every weight, times the scale, to its last digit."""
    parts = (weight[start : start + _ROWS] for start in range(0, len(weight), _ROWS))
    scaled = (part * scale for part in parts)  # small enough to stay in the processor's cache
    return all(torch.equal(part.half().to(part.dtype), part) for part in scaled)
