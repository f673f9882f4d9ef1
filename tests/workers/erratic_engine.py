"""The real worker with an engine that does what it is asked to look for.

``chatter`` writes to stdout in every way there is, ``explode`` raises an error of no kind that we know,
``starve`` runs out of memory, ``pry`` has a child read stdin, anything else is found nowhere. A model called
``missing`` cannot be loaded, one called ``slow`` takes its time; ``load_s`` counts the loads.
"""

from __future__ import annotations

import os
import sys
import time
from itertools import zip_longest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from model_backend import worker
from model_backend.contract import load_contracts
from model_backend.errors import ModelNotFound
from model_backend.inference.completion import CompletionChunk, FinishReason
from model_backend.inference.engine import ModelInfo


def chatter():
    print("printed by a library", flush=True)
    print("printed by a library and not flushed")
    sys.__stdout__.write("written to the first stdout\n")
    sys.__stdout__.flush()
    os.write(1, b"written in C\n")
    os.system("echo written by a child")


def explode():
    raise ZeroDivisionError("no kind that we know")


def starve():
    raise MemoryError


def pry():
    os.system("cat")


DEEDS = {"chatter": chatter, "explode": explode, "starve": starve, "pry": pry}


class ErraticEngine:
    contract = load_contracts()["lspace"]

    def __init__(self, loads):
        self.info = ModelInfo("erratic", "none", "cpu", "float32", "It is a fake.", 0.0, loads, 1, True)

    def complete(self, prompt, images, is_cancelled):
        yield CompletionChunk("[", None)
        DEEDS.get(prompt.target, lambda: None)()
        yield CompletionChunk("]", None, FinishReason.STOP)

    def complete_together(self, questions, is_cancelled):
        streams = [self.complete(prompt, images, is_cancelled) for prompt, images in questions]
        yield from map(list, zip_longest(*streams))


SLOW_S = 0.5


class Loader:
    def __init__(self):
        chatter()
        self._loads = 0

    def __call__(self, choice, on_stage, is_cancelled):
        chatter()
        on_stage("weights", 0.5)
        if choice.model == "missing":
            raise ModelNotFound("there is no folder missing", model="missing")
        if choice.model == "slow":
            time.sleep(SLOW_S)
            sys.stderr.write("slow load is over\n")
        self._loads += 1
        return ErraticEngine(self._loads)


if __name__ == "__main__":
    sys.exit(worker.main(Loader))
