# SPDX-License-Identifier: GPL-2.0-or-later
"""One step of decoding, recorded once and played back: a GPU waits for no Python in between."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .context import TorchContext

Step = Callable[[TorchContext, Tensor, Tensor], Tensor]
"""Context, tokens (rows, 1) and their column (1,) to logits; reads no tensor on the host."""


def recorded_step(step: Step, context: TorchContext) -> Callable[[Tensor, int], Tensor]:
    """What reads a token a row into the context's own buffers, at the column that it is told.

    Without a GPU it is the step itself, so that the same code can be tried anywhere. A step writes only to
    its column and to the tails of convolutions; these are put back after the passes that make it ready.
    """
    tokens = torch.zeros(context.rows, 1, dtype=torch.int64, device=context.starts.device)
    columns = torch.full((1,), context.used, dtype=torch.int64, device=context.starts.device)
    if context.starts.device.type != "cuda":
        return lambda ids, used: step(context, ids, columns.fill_(used))
    tails = [each.columns.clone() for each in context.tails]
    aside: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        step(context, tokens, columns)  # libraries allocate in a first pass, which cannot be recorded
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        logits = step(context, tokens, columns)
    for each, kept in zip(context.tails, tails, strict=True):
        each.columns.copy_(kept)

    def play(ids: Tensor, used: int) -> Tensor:
        tokens.copy_(ids)
        columns.fill_(used)
        graph.replay()
        return logits

    return play
