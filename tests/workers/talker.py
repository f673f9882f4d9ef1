"""The real worker with an engine that talks: it says what a script has for the user's last words.

Usage: ``talker.py SCRIPT [SECONDS_A_TOKEN]``. The script is a JSON file: questions, each with the answers
that follow one another while tools are called. An answer may hold calls as a model writes them. A question
that is not in it is answered with how many turns and images there were. Tasks are answered as by
``bright_targets.py``.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bright_targets import TargetEngine

from model_backend import worker
from model_backend.contract import expected_contract
from model_backend.errors import Cancelled
from model_backend.inference.completion import CompletionChunk, FinishReason
from model_backend.turn import Role

SCRIPT = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
PAUSE_S = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
PIECE = 5


class Talker(TargetEngine):
    """Has the contract of the model that it is asked to load."""

    def __init__(self, contract):
        self.contract = contract

    def complete(self, prompt, images, is_cancelled):
        if not prompt.turns:
            yield from super().complete(prompt, images, is_cancelled)
            return
        text = self._told(prompt, images)
        pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)] or [""]
        for index, piece in enumerate(pieces):
            if is_cancelled():
                raise Cancelled("cancelled between two tokens")
            time.sleep(PAUSE_S)
            last = index == len(pieces) - 1
            yield CompletionChunk(piece, math.log(0.9), FinishReason.STOP if last else None)

    def _told(self, prompt, images):
        roles = [turn.role for turn in prompt.turns]
        asked = len(roles) - 1 - roles[::-1].index(Role.USER)
        answers = SCRIPT.get(prompt.turns[asked].text)
        if answers is None:
            return f"{len(prompt.turns)} turns, {len(images)} images, {len(prompt.tools)} tools."
        told = [turn.text for turn in prompt.turns[asked + 1 :] if turn.role is Role.TOOL]
        step = roles[asked + 1 :].count(Role.ASSISTANT)
        return answers[min(step, len(answers) - 1)].replace("{told}", " | ".join(told))


def load(choice, *_):
    return Talker(expected_contract(choice.model))


if __name__ == "__main__":
    sys.exit(worker.main(lambda: load))
