"""An engine that says what it was told to, with the signature of the real ones."""

from __future__ import annotations

import math
from itertools import zip_longest

from lspace.model_backend.contract import load_contracts
from lspace.model_backend.errors import Cancelled
from lspace.model_backend.inference.completion import CompletionChunk, FinishReason
from lspace.model_backend.inference.engine import ModelInfo


class ScriptedEngine:
    """Answers each prompt with the next list of pieces, one token a piece, and keeps what it was shown."""

    contract = load_contracts()["lspace"]
    info = ModelInfo("scripted", "none", "cpu", "float32", "for a test.", 0.0, 0.0, 1, random_weights=False)

    def __init__(self, *answers, ending=FinishReason.STOP):
        self._answers = list(answers)
        self._ending = ending
        self.prompts = []
        self.images = []

    def complete(self, prompt, images, is_cancelled):
        self.prompts.append(prompt)
        self.images.append(images)
        pieces = self._answers.pop(0)
        for index, piece in enumerate(pieces):
            if is_cancelled():
                raise Cancelled("cancelled between two tokens")
            is_last = index == len(pieces) - 1
            yield CompletionChunk(piece, math.log(0.9), self._ending if is_last else None)

    def complete_together(self, questions, is_cancelled):
        streams = [self.complete(prompt, images, is_cancelled) for prompt, images in questions]
        yield from map(list, zip_longest(*streams))
