"""``python -m tests.bench.one_way WAY FOLDER CACHE REPEATS``: times one engine; prints seconds as JSON.

A process of its own, so that imports, loading and memory are those of one engine alone. A way is ``ours-q8``,
``ours-q4``, ``ours-float32``, ``card-float32`` or ``card-bfloat16``; with ``-cuda`` at its end, on the GPU.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from time import perf_counter

from PIL import Image

from .card import Card
from .job import AGAIN, BOXES, CAPTION, CAPTIONED, EIGHT, LISTED, MANY, TEN, Answer, Job, chip
from .ours import Ours

SLOW_TOKENS, SLOW_REPEATS = 8, 2
"""For the card's bfloat16 on a CPU, of which a whole answer would take minutes on most."""
TRIES = 6
"""Pictures, at most, until there is one on which a list is as long as it may be."""


def main(arguments: list[str]) -> None:
    way, folder, cache, repeats = arguments[0], Path(arguments[1]), Path(arguments[2]), int(arguments[3])
    who, precision, *on = way.split("-")
    make, device = (Ours if who == "ours" else Card), (on or ["cpu"])[0]
    timing = _Timing(most=SLOW_TOKENS if way == "card-bfloat16" else BOXES.tokens)
    timing.clock("import", lambda: make.do_imports(precision))
    engine = timing.clock("load", lambda: make(folder, precision, device, cache))
    engine.ask(chip(CAPTIONED.side_px, 0), CAPTION, 2)  # the first pass is nobody's daily life
    for repeat in range(1, (min(repeats, SLOW_REPEATS) if way == "card-bfloat16" else repeats) + 1):
        timing.single(engine, repeat)
    peaks = {"alone": peak_mib()}
    if isinstance(engine, Ours):
        for repeat in range(1, repeats + 1):
            timing.together(engine, repeat, EIGHT if device == "cpu" else MANY)
        peaks["together"] = peak_mib()
    else:
        timing.extrapolate_ten()
    told = {"threads": engine.threads, "peak_mib": peaks, **timing.told()}
    del engine  # after the peak was read: memory that was freed may stay with the process
    for _ in range(repeats - 1):
        timing.clock("load", lambda: make(folder, precision, device, cache))
    print(json.dumps(told))


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class _Timing:
    """Seconds of each repeat, by name."""

    def __init__(self, most: int) -> None:
        self._most = most
        """Tokens of an answer that are really written; longer ones are extrapolated."""
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self._extrapolated: set[str] = set()
        self._captions: list[str] = []
        self._tokens: list[int] = []
        self._forced: list[int] = []
        self._passes: list[int] = []
        self._same_again: list[bool] = []

    def told(self) -> dict[str, object]:
        return {
            "seconds": self._seconds,
            "extrapolated": sorted(self._extrapolated),
            "captions": self._captions,
            "tokens": self._tokens,
            "forced": self._forced,
            "passes": self._passes,
            "same_again": self._same_again,
        }

    def clock(self, name: str, work: Callable[[], object]) -> object:
        began = perf_counter()
        made = work()
        self._seconds[name].append(perf_counter() - began)
        return made

    def single(self, engine: Ours | Card, repeat: int) -> None:
        """One question after the other."""
        small, png = chip(CAPTIONED.side_px, repeat), io.BytesIO()
        small.save(png, "PNG")
        self.clock("cut", lambda: engine.cut(Image.open(png)))
        large = self._boxes(engine, repeat)
        if isinstance(engine, Ours):
            kept = self._ask("again", engine, AGAIN, large)
            engine.forget()
            anew = self._ask("anew", engine, AGAIN, large)
            self._same_again.append(kept.pieces == anew.pieces)
        else:  # it keeps nothing
            self._seconds["again_first"] += engine.ask(large, AGAIN.question, 1).times
        caption = self._ask("caption", engine, CAPTIONED, small)
        self._seconds["step"] += caption.steps
        self._captions.append("".join(caption.pieces))
        if isinstance(engine, Ours) and engine.is_fast:
            answer, passes = engine.ask_dictated(large, LISTED.question, LISTED.tokens)
            self._note("listed", LISTED, answer)
            self._passes.append(passes)

    def _boxes(self, engine: Ours | Card, repeat: int) -> Image.Image:
        """Random weights end a list anywhere: the first of a few pictures that gives a long one counts."""
        for place in range(TRIES):
            picture = chip(BOXES.side_px, TRIES * repeat + place)
            answer = engine.ask(picture, BOXES.question, min(BOXES.tokens, self._most))
            if len(answer.times) >= min(BOXES.tokens, self._most):
                break
        self._note("boxes", BOXES, answer)
        self._tokens.append(len(answer.times))
        self._forced.append(answer.forced)
        return picture

    def _ask(self, name: str, engine: Ours | Card, job: Job, image: Image.Image) -> Answer:
        answer = engine.ask(image, job.question, min(job.tokens, self._most))
        self._note(name, job, answer)
        return answer

    def _note(self, name: str, job: Job, answer: Answer) -> None:
        first = answer.times[0]
        self._seconds[f"{name}_first"].append(first)
        self._seconds[f"{name}_last"].append(first + (job.tokens - 1) * mean(answer.steps))
        if len(answer.times) < job.tokens:
            self._extrapolated.add(f"{name}_last")

    def together(self, engine: Ours, repeat: int, batch: Job) -> None:
        """Many questions on a chip, many chips."""
        engine.forget()
        first, last = engine.ask_all(chip(TEN.side_px, repeat), TEN.tokens)
        self._seconds["ten_first"].append(first)
        self._seconds["ten_last"].append(last)
        engine.forget()
        chips = [chip(batch.side_px, repeat + place) for place in range(batch.chips)]
        self._seconds["batch"].append(engine.ask_batch(chips, batch.tokens))

    def extrapolate_ten(self) -> None:
        """Ten calls, each of which reads the picture again."""
        step = median(self._seconds["step"])
        calls = [10 * (first + (TEN.tokens - 1) * step) for first in self._seconds["caption_first"]]
        self._seconds["ten_first"] = self._seconds["caption_first"]
        self._seconds["ten_last"] = calls
        self._extrapolated.add("ten_last")


if __name__ == "__main__":
    main(sys.argv[1:])
