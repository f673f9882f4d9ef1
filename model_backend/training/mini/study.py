# SPDX-License-Identifier: GPL-2.0-or-later
"""What is learnt from a batch: the answers, and on the way to them what each image token should know."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.lfm2.modeling_lfm2 import apply_rotary_pos_emb

from .batch import IMAGE_AT, KINDS, NOT_ASKED, TOKENS
from .lesson import CLASS_NAMES, DENSE
from .network import CELLS, PATCHES, WIDTH
from .vocabulary import Vocabulary

_GUIDED = (2, 3)
"""Layers of the language model whose glances are guided ..."""
_GUIDED_HEADS = (0, 2)
"""... by these heads."""
_SPREAD_PX = 2.0
_SPREAD_PERCENTAGES = 0.7
_PERCENTAGE_WEIGHT = 3.0
_NEVER = -1e4


class Study(nn.Module):
    """The model with the heads that training needs and the answer does not."""

    wanted: Tensor
    """(vocabulary, vocabulary): what is to be written where a token is true."""
    weight: Tensor
    """(vocabulary,): how much a token counts among those of the answers."""
    places: Tensor
    """(image tokens, 2): row and column of each cell's centre, 0..1."""

    def __init__(self, model: Any, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.model = model
        self.dense = nn.Linear(WIDTH, (DENSE // PATCHES) ** 2 * len(KINDS))
        self.place = nn.Linear(WIDTH, 2)
        self.present = nn.Linear(WIDTH, len(KINDS))
        self.extent = nn.Linear(WIDTH, len(KINDS) * 4 * WIDTH)
        self._first = vocabulary.first_coordinate
        self._count = len(vocabulary.coordinates)
        self.register_buffer("wanted", _soft_targets(vocabulary), persistent=False)
        self.register_buffer("weight", _token_weights(vocabulary), persistent=False)
        self.register_buffer("places", _cell_centres(), persistent=False)

    def forward(self, writes: bool, **batch: Tensor) -> dict[str, Tensor]:
        """The losses by name, each a mean; ``writes`` False leaves the language model out."""
        seen = self._see(batch["pictures"])
        tokens = self.project(seen)
        losses = {
            **self._dense_losses(seen, batch["cover"], batch["heat"]),
            "place": functional.mse_loss(self.place(tokens), self.places.expand(len(tokens), -1, -1)),
            "present": functional.binary_cross_entropy_with_logits(self.present(tokens), batch["present"]),
            "extent": self._extent_loss(tokens, batch["boxes"]),
        }
        if writes:
            losses.update(self._writing_losses(tokens, batch))
        return losses

    def _see(self, pictures: Tensor) -> Tensor:
        """(pictures, patches, width)."""
        tower = self.model.model.vision_tower
        state = tower.embeddings.patch_embedding(patches(pictures))
        state = state + tower.embeddings.position_embedding.weight
        for layer in tower.encoder.layers:
            state = layer(state, None)
        seen: Tensor = tower.post_layernorm(state)
        return seen

    def project(self, seen: Tensor) -> Tensor:
        """(pictures, image tokens, width)."""
        grid = seen.reshape(len(seen), PATCHES, PATCHES, -1)
        tokens: Tensor = self.model.model.multi_modal_projector(grid).reshape(len(seen), TOKENS, -1)
        return tokens

    def _dense_losses(self, seen: Tensor, cover: Tensor, heat: Tensor) -> dict[str, Tensor]:
        fine = DENSE // PATCHES
        maps = self.dense(seen).reshape(-1, PATCHES, PATCHES, fine, fine, len(KINDS))
        maps = maps.permute(0, 1, 3, 2, 4, 5).reshape(-1, DENSE, DENSE, len(KINDS))
        classes = len(CLASS_NAMES)
        ships = functional.binary_cross_entropy_with_logits(
            maps[..., classes], heat, pos_weight=heat.new_tensor(8.0)
        )
        labels = cover.long()
        return {
            "cover": functional.cross_entropy(
                maps[..., :classes].reshape(-1, classes), labels.reshape(-1), ignore_index=255
            ),
            "heat": ships,
        }

    def _extent_loss(self, tokens: Tensor, boxes: Tensor) -> Tensor:
        """Whether each token can name the box of what lies in it, in the words of the answers."""
        asked = boxes[..., 0] != NOT_ASKED
        named = self.extent(tokens).reshape(len(tokens), TOKENS, len(KINDS), 4, WIDTH)[asked]
        logits = named @ self._coordinate_words().T
        true = boxes[asked]
        own = (self.places * 224)[torch.where(asked)[1]]  # (n, 2): row, column
        near = (true - own.flip(-1).repeat(1, 2)).abs() <= 224 / CELLS
        words = slice(self._first, self._first + self._count)
        loss = _soft_loss(logits, true, self.wanted[words, words])
        weight = 0.3 + 0.7 * near.float()
        return (loss * weight).sum() / weight.sum().clamp(min=1)

    def _writing_losses(self, tokens: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        language = self.model.model.language_model
        state = language.embed_tokens(batch["ids"])
        state = torch.cat([state[:, :IMAGE_AT], tokens, state[:, IMAGE_AT + TOKENS :]], dim=1)
        mask = _visible(batch["segment"])
        rotary = language.rotary_emb(state, position_ids=batch["position"])
        glance = state.new_zeros(())
        for index, layer in enumerate(language.layers):
            if index in _GUIDED and len(batch["looks"]):
                glance = glance + _glance_loss(layer, state, rotary, mask, batch) / len(_GUIDED)
            is_attention = language.config.layer_types[index] == "full_attention"
            state = layer(
                state,
                attention_mask=mask if is_attention else None,
                position_embeddings=rotary,
                position_ids=batch["position"],
            )
        asked = batch["labels"] != NOT_ASKED
        labels = batch["labels"][asked]
        logits = self.model.lm_head(language.embedding_norm(state[asked]))
        loss = _soft_loss(logits, labels, self.wanted)
        weight = self.weight[labels]
        coordinates = (labels >= self._first) & (labels < self._first + self._count)
        answer = (loss * weight).sum() / weight.sum()
        return {"answer": answer, "coordinate": loss[coordinates].mean().detach(), "glance": glance}

    def _coordinate_words(self) -> Tensor:
        words: Tensor = self.model.model.language_model.embed_tokens.weight
        return words[self._first : self._first + self._count]


def _soft_loss(logits: Tensor, labels: Tensor, wanted: Tensor) -> Tensor:
    return -(wanted[labels] * functional.log_softmax(logits, -1)).sum(-1)


def patches(pictures: Tensor) -> Tensor:
    """(pictures, 256, 768), as the image processor cuts pictures (pictures, 256, 256, 3) in grey levels."""
    values = pictures.float() / 127.5 - 1
    cut = values.reshape(-1, PATCHES, 16, PATCHES, 16, 3).permute(0, 1, 3, 2, 4, 5)
    return cut.reshape(len(pictures), PATCHES**2, 768)


def _visible(segment: Tensor) -> Tensor:
    """(rows, 1, tokens, tokens): a question sees the picture and itself, up to the token at hand."""
    length = segment.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=segment.device).tril()
    same = segment[:, None, :] == segment[:, :, None]
    return (causal & (same | (segment[:, None, :] == 0)))[:, None]


def _glance_loss(
    layer: Any, state: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor, batch: dict[str, Tensor]
) -> Tensor:
    """How little attention falls on the image tokens in which the coordinate to come can be seen."""
    attention = layer.self_attn
    normed = layer.operator_norm(state)
    shape = (*state.shape[:2], -1, attention.head_dim)
    queries = attention.q_layernorm(attention.q_proj(normed).view(shape)).transpose(1, 2)
    keys = attention.k_layernorm(attention.k_proj(normed).view(shape)).transpose(1, 2)
    queries, keys = apply_rotary_pos_emb(queries, keys, *rotary)
    rows, places = batch["looks"].T
    groups = queries.shape[1] // keys.shape[1]
    loss = state.new_zeros(())
    for head in _GUIDED_HEADS:
        scores = torch.einsum("rd,rnd->rn", queries[rows, head, places], keys[rows, head // groups])
        scores = (scores / math.sqrt(attention.head_dim)).masked_fill(~mask[rows, 0, places], _NEVER)
        shares = functional.log_softmax(scores, -1)[:, IMAGE_AT : IMAGE_AT + TOKENS]
        found = torch.logsumexp(shares.masked_fill(~batch["looked_at"], _NEVER), -1)
        loss = loss - found.mean() / len(_GUIDED_HEADS)
    return loss


def _soft_targets(vocabulary: Vocabulary) -> Tensor:
    """(vocabulary, vocabulary): neighbours of a coordinate or percentage are nearly right."""
    targets = torch.eye(vocabulary.size)
    scales = ((vocabulary.coordinates, _SPREAD_PX), (vocabulary.percentages, _SPREAD_PERCENTAGES))
    for words, spread in scales:
        first, count = vocabulary.ids[words[0]], len(words)
        steps = torch.arange(float(count))
        nearness = torch.exp(-0.5 * ((steps[:, None] - steps) / spread) ** 2)
        targets[first : first + count, first : first + count] = nearness / nearness.sum(1, keepdim=True)
    return targets


def _token_weights(vocabulary: Vocabulary) -> Tensor:
    """Percentages are few beside coordinates."""
    weights = torch.ones(vocabulary.size)
    first = vocabulary.ids[vocabulary.percentages[0]]
    weights[first : first + len(vocabulary.percentages)] = _PERCENTAGE_WEIGHT
    return weights


def _cell_centres() -> Tensor:
    """(image tokens, 2): row and column of each cell's centre, 0..1."""
    steps = (torch.arange(float(CELLS)) + 0.5) / CELLS
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([rows.ravel(), columns.ravel()], dim=-1)
