"""``python -m tests.model_backend.inference.full_size FOLDER``: engines against each other at the full size.

FOLDER holds a checkpoint of the published shapes, also one with random weights. It takes minutes and
gigabytes: so it is no part of the tests. Ends with 1 where something differs that must not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from model_backend.inference.answering import Answerer
from model_backend.inference.exact import engine as exact
from model_backend.inference.fast import engine as fast
from model_backend.inference.prompts import build_prompts
from model_backend.request import ModelChoice

Check = tuple[str, int, int]
"""What was compared, tokens that agree, and tokens in all."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.model_backend.inference.full_size")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokens", type=int, default=24, help="length of an answer")
    options = parser.parse_args()
    differing = 0
    for words, agreeing, total in checks(options.folder, options.tokens):
        differing += agreeing < total
        print(f"{words}: {agreeing} of {total} tokens agree", flush=True)
    sys.exit(1 if differing else 0)


def checks(folder: Path, tokens: int) -> Iterator[Check]:
    """Each comparison as it is done; engines are loaded one after the other."""
    reference = load(exact.load_engine, folder, "float32")
    expected = answers(reference, tokens)
    del reference
    engine = load(fast.load_engine, folder, "float32")
    yield "fast float32 as exact float32", *agreement(answers(engine, tokens), expected)
    yield "float32, kept picture as read anew", *agreement(again(engine, tokens), expected)
    del engine
    engine = load(fast.load_engine, folder, "q8")
    alone = answers(engine, tokens)
    yield "q8, kept picture as read anew", *agreement(again(engine, tokens), alone)
    forget(engine)
    yield "q8, together as one by one", *agreement(together(engine, tokens), alone)


def load(load_engine: Callable[..., Answerer], folder: Path, precision: str) -> Answerer:
    choice = ModelChoice(str(folder), device="cpu", precision=precision, cache_dir=str(folder.parent))
    return load_engine(choice, lambda *_: None)


def questions(engine: Answerer, tokens: int) -> list[tuple]:
    """A caption and two searches on a small chip and on a large one, without and with the form kept."""
    names = [target.name for target in engine.contract.targets[:2]]
    prompts = build_prompts(engine.contract, "caption", (), tokens)
    prompts += build_prompts(engine.contract, "detect", names, tokens, keep_form=True)
    chips = [[noise(side)] for side in (224, 512)]
    return [(prompt, chip) for chip in chips for prompt in prompts]


def noise(side_px: int) -> Image.Image:
    levels = np.random.default_rng(side_px).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)
    return Image.fromarray(levels)


def answers(engine: Answerer, tokens: int) -> list[list[str]]:
    """One by one, each picture read anew."""
    found = []
    for question in questions(engine, tokens):
        forget(engine)
        found.append(written(engine, [question])[0])
    return found


def again(engine: Answerer, tokens: int) -> list[list[str]]:
    """One by one, after the picture was read for another question."""
    found = []
    for prompt, chip in questions(engine, tokens):
        forget(engine)
        written(engine, [(build_prompts(engine.contract, "caption", (), 1)[0], chip)])
        found.append(written(engine, [(prompt, chip)])[0])
    return found


def together(engine: Answerer, tokens: int) -> list[list[str]]:
    return written(engine, questions(engine, tokens))


def written(engine: Answerer, asked: list[tuple]) -> list[list[str]]:
    """The tokens of each answer."""
    completions = engine.complete_batch(asked, lambda: False)
    return [[each.text[token.start : token.end] for token in each.tokens] for each in completions]


def forget(engine: Answerer) -> None:
    engine.looker = type(engine.looker)(engine._network)


def agreement(found: list[list[str]], expected: list[list[str]]) -> tuple[int, int]:
    """Tokens up to the first that differs, over all answers, and how many there are."""
    agreeing = total = 0
    for ours, theirs in zip(found, expected, strict=True):
        differing = [
            place for place, pair in enumerate(zip(ours, theirs, strict=False)) if len(set(pair)) > 1
        ]
        total += max(len(ours), len(theirs))
        agreeing += differing[0] if differing else min(len(ours), len(theirs))
    return agreeing, total


if __name__ == "__main__":
    main()
