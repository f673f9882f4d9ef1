# SPDX-License-Identifier: GPL-2.0-or-later
"""The words of lspace-mini: whole sentences of its contract, coordinates and percentages, a token each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from ...contract import Contract
from ...inference.random_tokenizer import BOS, EOS, IMAGE, IMAGE_END, IMAGE_START, PAD
from ...trained_boxes import PixelBox, written_coordinate
from ..corpus.wording import all_percentages

TURN = "<|im_start|>"
_SPECIAL = (PAD, BOS, "<|endoftext|>", TURN, EOS, IMAGE_START, IMAGE_END, IMAGE, "<|img_thumbnail|>")
_ROLES = ("system\n", "user\n", "assistant\n")
_PIECES = ('[{"label": "', '", "bbox": [', ", ", ']}, {"label": "', "]}]", "[]", " (", ")", ", and ", ".")
_BLANK = "{target}"
_MULTIPLE = 64


@dataclass(frozen=True)
class Vocabulary:
    """Token ids of everything that the model's contract makes it read and write."""

    contract: Contract

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Texts of the tokens by id; single bytes come behind them."""
        return tuple(
            dict.fromkeys([*_SPECIAL, *_ROLES, *self._phrases(), *self.coordinates, *self.percentages])
        )

    @cached_property
    def coordinates(self) -> tuple[str, ...]:
        """A pixel's index on the box grid, as written."""
        form = self.contract.box
        return tuple(written_coordinate(pixel, form) for pixel in range(form.grid_px))

    @cached_property
    def percentages(self) -> tuple[str, ...]:
        """Shares as captions write them, from least to most."""
        return tuple(all_percentages())

    @cached_property
    def ids(self) -> dict[str, int]:
        """Token ids by text."""
        return {word: index for index, word in enumerate((*self.words, *self._bytes()))}

    @property
    def size(self) -> int:
        """Rows of the embedding table."""
        return -(-len(self.ids) // _MULTIPLE) * _MULTIPLE

    @property
    def first_coordinate(self) -> int:
        """Id of the coordinate 0; the others follow."""
        return self.ids[self.coordinates[0]]

    def read(self, text: str) -> list[int]:
        """Token ids of a text, as the tokenizer reads it."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def boxes(self, label: str, boxes: Sequence[PixelBox]) -> list[int]:
        """Token ids of an answer with boxes."""
        if not boxes:
            return [self.ids["[]"], self.ids[EOS]]
        answer = [self.ids[_PIECES[0]]]
        for number, box in enumerate(boxes):
            answer += [self.ids[label], self.ids[_PIECES[1]]]
            for place, pixel in enumerate(box):
                answer += [self.first_coordinate + pixel, *([self.ids[", "]] if place < 3 else [])]
            answer.append(self.ids[_PIECES[3] if number < len(boxes) - 1 else _PIECES[4]])
        return [*answer, self.ids[EOS]]

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Cuts out the words, longest first, and spells everything else in bytes."""
        tokenizer = Tokenizer(models.BPE(vocab=dict(self.ids), merges=[]))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in _SPECIAL])
        plain = [word for word in self.words if word not in _SPECIAL]
        tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in plain])
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, self.ids[BOS])]
        )
        return tokenizer

    def _phrases(self) -> list[str]:
        tasks = self.contract.tasks.values()
        prompts = [part for task in tasks for part in task.prompt.split(_BLANK)]
        opening = self.contract.task("caption").found or ""
        names = [name for target in self.contract.targets for name in (target.name, target.label)]
        return [*prompts, opening.split("{")[0], *names, *_PIECES]

    def _bytes(self) -> list[str]:
        return [letter for letter in sorted(pre_tokenizers.ByteLevel.alphabet()) if letter not in self.words]
