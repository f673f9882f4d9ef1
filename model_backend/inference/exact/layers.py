# SPDX-License-Identifier: GPL-2.0-or-later
"""The layers of LFM2 over buffers that stay; each takes its weights from the layer of transformers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu

from .context import Tail
from .linear import make_linear

Turns = tuple[Tensor, Tensor]
"""Cosines and sines, (rows, 1, tokens, head size)."""


class Attention:
    """Grouped attention with normed and rotated queries and keys."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        parts = [module.q_proj, module.k_proj, module.v_proj]
        self._size: int = module.head_dim
        self._heads = [part.out_features // self._size for part in parts]
        self._in = make_linear([part.weight for part in parts], [part.bias for part in parts], dtype)
        self._out = make_linear([module.out_proj.weight], [module.out_proj.bias], dtype)
        self._norms = [each.weight.detach().to(dtype) for each in (module.q_layernorm, module.k_layernorm)]
        self._eps: float = module.q_layernorm.variance_epsilon

    def new_state(self, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Empty buffers of one row for keys and values."""
        shape = 1, self._heads[1], 0, self._size
        return torch.zeros(shape, device=device, dtype=dtype), torch.zeros(shape, device=device, dtype=dtype)

    def __call__(
        self, vectors: Tensor, cache: tuple[Tensor, Tensor], columns: Tensor, turns: Turns, mask: Tensor
    ) -> Tensor:
        """Writes keys and values of the new tokens to ``columns``; sees the columns that the mask covers."""
        rows, count, _width = vectors.shape
        wide = self._in(vectors).view(rows, count, -1, self._size).transpose(1, 2)
        queries, keys, values = wide.split(self._heads, dim=1)
        queries = _turned(norm(queries, self._norms[0], self._eps), turns)
        all_keys, all_values = cache
        all_keys.index_copy_(2, columns, _turned(norm(keys, self._norms[1], self._eps), turns))
        all_values.index_copy_(2, columns, values)
        end = mask.shape[-1]
        seen = scaled_dot_product_attention(
            queries, all_keys[:, :, :end], all_values[:, :, :end], attn_mask=mask, enable_gqa=True
        )
        attended: Tensor = self._out(seen.transpose(1, 2).reshape(rows, count, -1))
        return attended


class ShortConvolution:
    """A gated convolution over a few tokens, as shifted multiplications."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._in = make_linear([module.in_proj.weight], [module.in_proj.bias], dtype)
        self._out = make_linear([module.out_proj.weight], [module.out_proj.bias], dtype)
        self._taps = module.conv.weight.detach()[:, 0].t().to(dtype).contiguous()
        self._bias = None if module.conv.bias is None else module.conv.bias.detach().to(dtype)

    def new_state(self, device: torch.device, dtype: torch.dtype) -> Tail:
        """What stands before the first token, of one row."""
        return Tail(torch.zeros(1, len(self._taps) - 1, self._taps.shape[1], device=device, dtype=dtype))

    def __call__(self, vectors: Tensor, tail: Tail, *_: Any) -> Tensor:
        """Leaves the last columns in ``tail``, for the next tokens."""
        before, after, inner = self._in(vectors).chunk(3, dim=-1)
        wide, count = torch.cat([tail.columns, before * inner], dim=1), vectors.shape[1]
        mixed = wide[:, :count] * self._taps[0]
        for place, tap in enumerate(self._taps[1:], 1):
            mixed = mixed + wide[:, place : place + count] * tap
        tail.columns.copy_(wide[:, count:])
        tail.trail = wide
        mixed = mixed if self._bias is None else mixed + self._bias
        convolved: Tensor = self._out(after * mixed)
        return convolved


class Layer:
    """Attention or convolution, then the feed-forward network, each added to what came in."""

    def __init__(
        self, module: Any, operator: Attention | ShortConvolution, eps: float, dtype: torch.dtype
    ) -> None:
        self.operator = operator
        forward = module.feed_forward
        self._wide = make_linear([forward.w1.weight, forward.w3.weight], [None], dtype)
        self._narrow = make_linear([forward.w2.weight], [None], dtype)
        self._first = module.operator_norm.weight.detach().to(dtype)
        self._second = module.ffn_norm.weight.detach().to(dtype)
        self._eps = eps

    def __call__(self, vectors: Tensor, cache: Any, columns: Tensor, turns: Turns, mask: Tensor) -> Tensor:
        """(rows, tokens, width) to the same."""
        vectors = vectors + self.operator(norm(vectors, self._first, self._eps), cache, columns, turns, mask)
        gate, inner = self._wide(norm(vectors, self._second, self._eps)).chunk(2, dim=-1)
        mixed: Tensor = vectors + self._narrow(silu(gate) * inner)
        return mixed


def norm(vectors: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Divided by their root mean square, times the weight."""
    return rms_norm(vectors, weight.shape, weight, eps)


def rotations(positions: Tensor, frequencies: Tensor, dtype: torch.dtype) -> Turns:
    """What queries and keys at (rows, tokens) positions are turned by."""
    angles = positions[:, None, :, None].float() * frequencies
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def _turned(vectors: Tensor, turns: Turns) -> Tensor:
    cosines, sines = turns
    left, right = vectors.chunk(2, dim=-1)
    return vectors * cosines + torch.cat([-right, left], dim=-1) * sines
