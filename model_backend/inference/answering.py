# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine over any network: a picture is looked at once, and questions are answered side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from PIL.Image import Image

from ..contract import Contract
from .answers import completions_of
from .chat import Chat
from .completion import Completion, CompletionChunk
from .engine import ModelInfo, Question
from .form import FormTokens
from .looking import Looker, digest_of
from .network import Network
from .patches import Cutter, Patches
from .prompts import Prompt
from .spread import NumberTokens
from .writing import Form, stop_if, write


@dataclass(frozen=True)
class _Asked:
    """A question as the network reads it."""

    ids: list[int]
    head: int
    """Tokens up to and with the last picture."""
    patches: list[Patches]
    digest: str


class Answerer:
    """A loaded model; implements ``Engine``."""

    def __init__(
        self, network: Network, chat: Chat, cutter: Cutter, contract: Contract, info: ModelInfo
    ) -> None:
        self.info: ModelInfo = info
        self.contract: Contract = contract
        self.looker = Looker(network)
        self._network = network
        self._chat = chat
        self._cutter = cutter

    def complete(
        self, prompt: Prompt, images: Sequence[Image], is_cancelled: Callable[[], bool]
    ) -> Iterator[CompletionChunk]:
        """Yields the answer token by token, greedily; the last chunk has a finish reason.

        What the model read of the pictures is kept, so that a further question on them, under the same
        system prompt, costs only its own words.

        Raises:
            RequestError: the text asks for pictures that are not there.
            Cancelled: ``is_cancelled`` was true before the pictures were read or between two tokens.
            OutOfMemory: the device has too little memory.
        """
        for (chunk,) in self.complete_together([(prompt, images)], is_cancelled):
            if chunk is not None:
                yield chunk

    def complete_together(
        self, questions: Sequence[Question], is_cancelled: Callable[[], bool]
    ) -> Iterator[list[CompletionChunk | None]]:
        """Yields each step's chunk a question; None where it is answered, or not read yet.

        Of questions on the same pictures the first is written while the others are still read. The same
        answers as one by one.

        Raises:
            RequestError, Cancelled, OutOfMemory: as in ``complete``.
        """
        stop_if(is_cancelled)
        asked = self._encoded(questions)
        for each in asked:
            self.looker.expect(each.digest, [each.ids])
        read = (
            self.looker.read(each.ids, each.head, each.patches, each.digest, is_cancelled) for each in asked
        )
        prompts = [prompt for prompt, _images in questions]
        chats = [self._chat_with_calls if prompt.tools else self._chat for prompt in prompts]
        budgets = [prompt.max_new_tokens for prompt in prompts]
        forms = [self._form(prompt) for prompt in prompts]
        numbers = self._numbers if any(prompt.answer == "boxes" for prompt in prompts) else None
        ids, at_once = [each.ids for each in asked], len({each.digest for each in asked}) > 1
        yield from write(self._network, chats, ids, read, budgets, forms, is_cancelled, numbers, at_once)

    def complete_batch(
        self, questions: Sequence[Question], is_cancelled: Callable[[], bool]
    ) -> list[Completion]:
        """The whole answers to several questions, each with its own pictures.

        Raises:
            RequestError, Cancelled, OutOfMemory: as in ``complete``.
        """
        return completions_of(self, questions, is_cancelled)

    def prompt_tokens(self, prompt: Prompt, images: Sequence[Image]) -> int:
        """How many tokens a question has, those of its pictures among them; RequestError as ``complete``."""
        return len(self._encoded([(prompt, images)])[0].ids)

    @cached_property
    def _chat_with_calls(self) -> Chat:
        return self._chat.for_calls()

    def _form(self, prompt: Prompt) -> Form | None:
        return self._form_tokens.form(prompt, self.contract) if prompt.keep_form else None

    @cached_property
    def _form_tokens(self) -> FormTokens:
        """Made when the first list of boxes is asked for."""
        return FormTokens(self._chat, self.contract)

    @cached_property
    def _numbers(self) -> NumberTokens:
        return NumberTokens(self._form_tokens.texts)

    def _encoded(self, questions: Sequence[Question]) -> list[_Asked]:
        """All questions; pictures that several of them share are cut up once."""
        seen: dict[tuple[int, ...], tuple[list[Patches], str]] = {}
        asked = []
        for prompt, images in questions:
            text = self._chat.text(prompt, len(images))
            key = tuple(map(id, images))
            if key not in seen:
                seen[key] = [self._cutter.cut(image) for image in images], digest_of(images)
            patches, digest = seen[key]
            ids = self._chat.ids(text, [each.tokens for each in patches])
            asked.append(_Asked(ids, self._chat.head(ids), patches, digest))
        return asked
