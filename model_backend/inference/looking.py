# SPDX-License-Identifier: GPL-2.0-or-later
"""What was read of pictures and prompts, kept so that no further question reads it again."""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

import numpy as np
from PIL.Image import Image

from .network import Context, Network
from .patches import Patches
from .writing import stop_if

KEPT_BYTES = 80_000_000
_REMEMBERED = 64
"""Sets of pictures whose questions are remembered, 16 each, to see what they have in common."""
_WORTH_KEEPING = 8
"""Tokens that a common beginning of questions has to add to what is kept already."""

Key = tuple[str, tuple[int, ...]]
"""Digest of the pictures, and all tokens that were read."""


class Looker:
    """Reads pictures and prompts with one network; what two questions begin with is read once.

    Kept are the context after the pictures and those after what questions on the same pictures have in
    common; the one that was used longest ago goes first.
    """

    def __init__(self, network: Network, kept_bytes: int = KEPT_BYTES) -> None:
        self._network = network
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[Key, Context] = OrderedDict()
        self._asked: OrderedDict[str, deque[list[int]]] = OrderedDict()
        self.hits = 0
        """Questions that found their pictures read."""
        self.misses = 0

    def expect(self, digest: str, questions: Sequence[list[int]]) -> None:
        """Tells which questions on the pictures come next, so that what they share is kept at once."""
        asked = self._asked.setdefault(digest, deque(maxlen=16))
        asked.extend(ids for ids in questions if ids not in asked)
        self._asked.move_to_end(digest)
        while len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)

    def read(
        self,
        ids: list[int],
        head: int,
        pictures: Sequence[Patches],
        digest: str,
        is_cancelled: Callable[[], bool],
    ) -> tuple[Context, np.ndarray]:
        """A context of its own after all tokens of a question, and the logits (1, vocabulary) after them.

        Args:
            head: how many of the tokens end with the last picture, at least one; less than all.

        Raises:
            Cancelled: ``is_cancelled`` was true between two readings.
            OutOfMemory: the device has too little memory.
        """
        self.expect(digest, [ids])
        done = self._longest_kept(digest, ids)
        if done >= head:
            self.hits += 1
            context = self._taken((digest, tuple(ids[:done])))
        else:
            self.misses += 1
            done, context = head, self._network.look(ids[:head], pictures)
            self._keep((digest, tuple(ids[:head])), context.copy())
        for cut in self._cuts(digest, ids):
            if cut - done >= _WORTH_KEEPING:
                stop_if(is_cancelled)
                self._network.read(context, np.array([ids[done:cut]], dtype=np.int64))
                self._keep((digest, tuple(ids[:cut])), context.copy())
                done = cut
        stop_if(is_cancelled)
        return context, self._network.read(context, np.array([ids[done:]], dtype=np.int64))

    def _longest_kept(self, digest: str, ids: list[int]) -> int:
        """Of how many first tokens there is a context."""
        known = (tokens for pictures, tokens in self._kept if pictures == digest)
        fitting = (
            len(tokens) for tokens in known if len(tokens) < len(ids) and list(tokens) == ids[: len(tokens)]
        )
        return max(fitting, default=0)

    def _cuts(self, digest: str, ids: list[int]) -> list[int]:
        """Up to where the question is like others, in order; always before its last token."""
        others = (asked for asked in self._asked[digest] if asked != ids)
        return sorted({min(_common(ids, asked), len(ids) - 1) for asked in others})

    def _taken(self, key: Key) -> Context:
        self._kept.move_to_end(key)
        return self._kept[key].copy()

    def _keep(self, key: Key, context: Context) -> None:
        """Keeps a context that is small enough, and lets the oldest go until all together are."""
        if context.size > self._kept_bytes:
            return
        self._kept[key] = context
        size = sum(each.size for each in self._kept.values())
        while size > self._kept_bytes:
            _key, oldest = self._kept.popitem(last=False)
            size -= oldest.size


def digest_of(images: Sequence[Image]) -> str:
    """What tells pictures from all others: their sizes and colours."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(f"{image.size}".encode())
        digest.update(image.convert("RGB").tobytes())
    return digest.hexdigest()


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first tokens are the same."""
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return place
    return min(len(one), len(other))
