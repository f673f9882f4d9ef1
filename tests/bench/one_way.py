"""``python -m tests.bench.one_way WAY FOLDER CACHE``: times one engine, by turns; prints seconds as JSON.

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
from .turns import take_turns

SLOW_TOKENS = 8
"""For the card's bfloat16 on a CPU, of which a whole answer would take minutes on most."""
TRIES = 6
"""Pictures, at most, until there is one on which a list is as long as it may be."""


def main(arguments: list[str]) -> None:
    bench = _Bench(arguments[0], Path(arguments[1]), Path(arguments[2]))
    take_turns({"start": bench.start, "single": bench.single, "together": bench.together, "load": bench.load})
    print(json.dumps(bench.told()))


class _Bench:
    """One engine and what is timed of it, in the order of its methods."""

    def __init__(self, way: str, folder: Path, cache: Path) -> None:
        who, precision, *on = way.split("-")
        self._make = Ours if who == "ours" else Card
        self._precision, self._device = precision, (on or ["cpu"])[0]
        self._folder, self._cache = folder, cache
        self._timing = _Timing(most=SLOW_TOKENS if way == "card-bfloat16" else BOXES.tokens)
        self._engine: Ours | Card | None = None
        self._facts: dict[str, object] = {}
        self._peaks: dict[str, float] = {}

    def start(self, _repeat: int) -> None:
        self._timing.clock("import", lambda: self._make.do_imports(self._precision))
        self.load(0)
        self._facts["threads"] = self._engine.threads
        self._engine.ask(chip(CAPTIONED.side_px, 0), CAPTION, 2)  # the first pass is nobody's daily life

    def single(self, repeat: int) -> None:
        self._timing.single(self._engine, repeat)
        self._peaks["alone"] = peak_mib()

    def together(self, repeat: int) -> None:
        if isinstance(self._engine, Ours):
            self._timing.together(self._engine, repeat, EIGHT if self._device == "cpu" else MANY)
            self._peaks["together"] = peak_mib()

    def load(self, _repeat: int) -> None:
        """Loads it anew; after the peaks were read, as memory that was freed may stay with the process."""
        self._engine = None
        self._engine = self._timing.clock(
            "load", lambda: self._make(self._folder, self._precision, self._device, self._cache)
        )

    def told(self) -> dict[str, object]:
        if self._make is Card:
            self._timing.extrapolate_ten()
        return {**self._facts, "peak_mib": self._peaks, **self._timing.told()}


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
        chips = [chip(batch.side_px, batch.chips * repeat + place) for place in range(batch.chips)]
        self._seconds["batch"].append(engine.ask_batch(chips, batch.tokens))
        engine.forget()
        self.clock("one_by_one", lambda: [engine.ask_batch([each], batch.tokens) for each in chips])

    def extrapolate_ten(self) -> None:
        """Ten calls, each of which reads the picture again."""
        step = median(self._seconds["step"])
        calls = [10 * (first + (TEN.tokens - 1) * step) for first in self._seconds["caption_first"]]
        self._seconds["ten_first"] = self._seconds["caption_first"]
        self._seconds["ten_last"] = calls
        self._extrapolated.add("ten_last")


if __name__ == "__main__":
    main(sys.argv[1:])
