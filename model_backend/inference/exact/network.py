# SPDX-License-Identifier: GPL-2.0-or-later
"""The exact network: what transformers computes, by a loop of our own over buffers that stay."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..patches import Patches
from .context import Tail, TorchContext, joined_contexts
from .device import reporting_out_of_memory
from .graph import recorded_step
from .layers import Attention, Layer, ShortConvolution, norm, rotations
from .linear import make_linear, pack_linears
from .n2_eye import N2Eye
from .seeing import Eyes, SquareEyes, TowerEyes


class TorchNetwork:
    """A model's weights; implements ``Network``.

    In float32 the tokens are those of transformers' ``generate``; what differs is the order of sums.

    Args:
        model: ``Lfm2VlForConditionalGeneration`` or ``N2Eye`` on its device. It is taken over: what sees is
            packed in place, and it cannot be used afterwards.
        dtype: in which it computes.
    """

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        is_n2_eye = isinstance(model, N2Eye)
        text = model.language_model.model if is_n2_eye else model.model.language_model
        head_weight = model.get_output_embeddings().weight
        config = model.config.text_config
        self._dtype, self._image_id = dtype, model.config.image_token_id
        self._table: Tensor = text.embed_tokens.weight.detach().clone()  # lets go of the mapped file
        self._last_norm: Tensor = text.embedding_norm.weight.detach().to(dtype)
        self._eps: float = config.norm_eps
        self._frequencies: Tensor = text.rotary_emb.inv_freq.detach().float()
        self._eyes: Eyes = SquareEyes(model) if is_n2_eye else TowerEyes(model)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # packing takes one thread each
            layers = [pool.submit(_layer_of, layer, config, dtype) for layer in text.layers]
            head = pool.submit(make_linear, [head_weight], [None], dtype)
            list(pool.map(lambda part: pack_linears(part, dtype), self._eyes.packable()))
        self._layers, self._head = [each.result() for each in layers], head.result()
        self._eyes.settle(dtype)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._table.device

    @property
    def guesses(self) -> bool:
        """On a CPU alone: a recorded step of one token is what a GPU does fastest."""
        return self.device.type == "cpu"

    @torch.inference_mode()
    def look(self, tokens: Sequence[int], pictures: Sequence[Patches]) -> TorchContext:
        """A new context of one row; ``tokens`` hold one image token for each of the pictures' vectors.

        Raises:
            OutOfMemory: the device has too little.
        """
        with reporting_out_of_memory():
            ids = torch.tensor([list(tokens)], device=self.device)
            vectors = self._embedded(ids)
            if pictures:
                seen = torch.cat([self._eyes.see(each) for each in pictures])
                vectors[ids == self._image_id] = seen
            context = self._new_context()
            self._advance(context, vectors)
            return context

    @torch.inference_mode()
    def read(
        self,
        context: TorchContext,
        tokens: np.ndarray,
        among: np.ndarray | None = None,  # noqa: ARG002  all logits come at once
    ) -> np.ndarray:
        """Feeds int64 (rows, new tokens) to the context, in place; float32 logits after the last column.

        Raises:
            OutOfMemory: the device has too little.
        """
        with reporting_out_of_memory():
            ids = torch.from_numpy(tokens).to(self.device)
            context.make_room(ids.shape[1])
            if ids.shape[1] == 1 and self.device.type == "cuda":
                if context.step is None:
                    context.step = recorded_step(self._step_by, context)
                logits: Tensor = context.step(ids, context.used)
                context.used += 1
            else:
                logits = self._logits(self._advance(context, self._embedded(ids)))[:, -1]
            return logits.float().cpu().numpy()

    @torch.inference_mode()
    def read_each(
        self,
        context: TorchContext,
        tokens: np.ndarray,
        last: int,
        among: np.ndarray | None = None,  # noqa: ARG002
    ) -> np.ndarray:
        """As ``read``, for a single row; logits (last, vocabulary), after each of so many last columns."""
        with reporting_out_of_memory():
            ids = torch.from_numpy(tokens).to(self.device)
            state = self._advance(context, self._embedded(ids), last)
            logits: np.ndarray = self._logits(state)[0].float().cpu().numpy()
            return logits

    def joined(self, contexts: Sequence[TorchContext]) -> TorchContext:
        """Several contexts, of any lengths, as the rows of one."""
        with reporting_out_of_memory():
            return joined_contexts(contexts)

    def _embedded(self, ids: Tensor) -> Tensor:
        return torch.nn.functional.embedding(ids, self._table).to(self._dtype)

    def _new_context(self) -> TorchContext:
        made = [layer.operator.new_state(self.device, self._dtype) for layer in self._layers]
        pairs = [each for each in made if isinstance(each, tuple)]
        return TorchContext(
            keys=[keys for keys, _values in pairs],
            values=[values for _keys, values in pairs],
            tails=[each for each in made if isinstance(each, Tail)],
            starts=torch.zeros(1, dtype=torch.int64, device=self.device),
        )

    def _advance(self, context: TorchContext, vectors: Tensor, last: int = 1) -> Tensor:
        """Reads (rows, new tokens, width) into the context; the last columns' states, (rows, last, width)."""
        count = vectors.shape[1]
        context.make_room(count)
        columns = torch.arange(context.used, context.used + count, device=self.device)
        end = context.used + count
        states = self._through(context, vectors, columns, end)
        context.used = end
        return norm(states[:, -last:], self._last_norm, self._eps)

    def _step_by(self, context: TorchContext, ids: Tensor, columns: Tensor) -> Tensor:
        """Logits after one more token a row in a column that may change between calls: what is recorded."""
        state = self._through(context, self._embedded(ids), columns, context.capacity)
        return self._logits(norm(state[:, -1], self._last_norm, self._eps))

    def _through(self, context: TorchContext, vectors: Tensor, columns: Tensor, end: int) -> Tensor:
        """All layers; ``columns`` are those of the new tokens, attention sees the first ``end``."""
        positions = columns - context.starts[:, None]
        turns = rotations(positions, self._frequencies, self._dtype)
        seen = torch.arange(end, device=self.device)
        mask = (seen <= columns[:, None]) & (seen >= context.starts[:, None, None])
        caches = iter(zip(context.keys, context.values, strict=True))
        tails = iter(context.tails)
        for layer in self._layers:
            cache = next(caches) if isinstance(layer.operator, Attention) else next(tails)
            vectors = layer(vectors, cache, columns, turns, mask[:, None])
        return vectors

    def _logits(self, state: Tensor) -> Tensor:
        logits: Tensor = self._head(state)
        return logits


def _layer_of(layer: Any, config: Any, dtype: torch.dtype) -> Layer:
    """Our own layer with the weights of one of the model's."""
    operator = (
        ShortConvolution(layer.conv, dtype) if hasattr(layer, "conv") else Attention(layer.self_attn, dtype)
    )
    return Layer(layer, operator, config.norm_eps, dtype)
