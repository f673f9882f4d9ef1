# SPDX-License-Identifier: GPL-2.0-or-later
"""Muon for the matrices (K. Jordan et al. 2024), AdamW for the rest, as one optimizer in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

_MOMENTUM = 0.95
_DECAY = 0.03
_BETAS = (0.9, 0.98)
_EPSILON = 1e-8
# coefficients of the quintic iteration, and the scale at which an update is as large as AdamW's
_QUINTIC = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_LIKE_ADAMW = 0.2


class MuonAdamW(torch.optim.Optimizer):
    """torch's own Muon iterates in bfloat16, which processors without it emulate ten times slower."""

    def __init__(self, network: nn.Module, learning_rate: float) -> None:
        matrices, others = _parted(network.named_parameters())
        groups: list[dict[str, Any]] = [
            {"params": matrices, "is_matrix": True},
            {"params": others, "is_matrix": False},
        ]
        super().__init__(groups, {"lr": learning_rate})

    @torch.no_grad()
    def step(self, _closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of all parameters that have a gradient."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            update = self._update_matrices if group["is_matrix"] else self._update_others
            update(parameters, group["lr"])

    def _update_matrices(self, matrices: list[Tensor], rate: float) -> None:
        by_shape: dict[torch.Size, list[Tensor]] = {}
        for matrix in matrices:
            by_shape.setdefault(matrix.shape, []).append(matrix)
        for shape, alike in by_shape.items():
            updates = _orthogonal(torch.stack([self._with_momentum(matrix) for matrix in alike]))
            scale = _LIKE_ADAMW * max(shape) ** 0.5
            for matrix, update in zip(alike, updates, strict=True):
                matrix.mul_(1 - rate * _DECAY).add_(update, alpha=-rate * scale)

    def _with_momentum(self, matrix: Tensor) -> Tensor:
        state, gradient = self.state[matrix], _gradient(matrix)
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
        return gradient.lerp(state["momentum"], _MOMENTUM)

    def _update_others(self, parameters: list[Tensor], rate: float) -> None:
        for parameter in parameters:
            state, gradient = self.state[parameter], _gradient(parameter)
            if not state:
                state.update(
                    step=torch.zeros(()),
                    first=torch.zeros_like(parameter),
                    second=torch.zeros_like(parameter),
                )
            state["step"] += 1
            count = int(state["step"])
            state["first"].lerp_(gradient, 1 - _BETAS[0])
            state["second"].lerp_(gradient.square(), 1 - _BETAS[1])
            first = state["first"] / (1 - _BETAS[0] ** count)
            second = state["second"] / (1 - _BETAS[1] ** count)
            parameter.addcdiv_(first, second.sqrt_().add_(_EPSILON), value=-rate)


def _gradient(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        raise ValueError("a parameter without a gradient cannot be updated")
    return parameter.grad


def _parted(named: Iterable[tuple[str, nn.Parameter]]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The hidden layers' matrices, and everything else: tables of embeddings, heads, biases, norms."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in named:
        is_hidden = name.startswith("model.") and "embed" not in name and "lm_head" not in name
        (matrices if is_hidden and parameter.ndim == 2 else others).append(parameter)
    return matrices, others


def _orthogonal(updates: Tensor) -> Tensor:
    """(n, rows, columns): each with all its singular values brought near one (Newton-Schulz)."""
    flip = updates.shape[-2] > updates.shape[-1]
    state: Tensor = updates.mT if flip else updates
    state = state / (state.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    first, second, third = _QUINTIC
    for _ in range(_ITERATIONS):
        square = state @ state.mT
        state = first * state + (second * square + third * square @ square) @ state
    orthogonal: Tensor = state.mT if flip else state
    return orthogonal
