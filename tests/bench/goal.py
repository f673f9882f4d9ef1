"""What the engine must reach, and whether it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import llama_cpp
from .figures import CARD, EXACT, FAST, LLAMA, TITLES, Results
from .job import AGAIN, BOXES, CAPTIONED, EIGHT, LISTED, MANY, TEN

Value = Callable[[Results, str], "float | bool | None"]

_NO_LLAMA = "not measured" if llama_cpp.is_prepared() else "llama.cpp: not prepared"
_NO_GPU = "no NVIDIA GPU at hand"
_GPU = ("ours-bfloat16-cuda",)
COLUMNS = (*FAST, EXACT)


@dataclass(frozen=True)
class Goal:
    """A figure of one job and its limit."""

    job: str
    words: str
    value: Value
    limit: float = 1
    unit: str = "x"
    """``x`` is at least to be reached, others at most; empty for yes or no."""
    ways: tuple[str, ...] = FAST
    missing: str = "not measured"

    def cell(self, results: Results, way: str) -> str:
        """The figure of a way and the verdict; empty where the goal is not about it."""
        if way not in self.ways:
            return ""
        value = self.value(results, way)
        if value is None:
            return self.missing
        if isinstance(value, bool):
            return "yes, met" if value else "no, not met"
        met = value >= self.limit if self.unit == "x" else value <= self.limit
        number = f"{value:.1f}x" if self.unit == "x" else f"{value:.{0 if value > 99 else 2}f} {self.unit}"
        return f"{number}, {'met' if met else 'not met'}"


def times(other: str, name: str, ours: str = "") -> Value:
    """How many times faster than another way, whose tokens cost the same whatever they are."""
    return lambda results, way: results.ratio((other, name), (way, ours or name))


def seconds(*names: str) -> Value:
    """All of them added up."""

    def value(results: Results, way: str) -> float | None:
        parts = [results.median(way, name) for name in names]
        return None if None in parts else sum(parts)

    return value


def same_again(results: Results, way: str) -> bool | None:
    return all(results[way].same_again) if way in results else None


def same_as_transformers(results: Results, way: str) -> bool | None:
    if way not in results or "card-float32" not in results:
        return None
    # theirs end where they wrote a special token, which ours never do
    pairs = zip(results[way].captions, results["card-float32"].captions, strict=True)
    return all(theirs and ours.startswith(theirs) for ours, theirs in pairs)


def faster_together(results: Results, way: str) -> float | None:
    """Chips a minute at once, against the same ones one by one."""
    return results.ratio((way, "one_by_one"), (way, "batch"))


def share_of_reading(results: Results, way: str) -> float | None:
    """How many times as long a chip takes among many as the cutting of it alone."""
    return ratio / MANY.chips if (ratio := results.ratio((way, "batch"), (way, "cut"))) else None


GOALS = (
    Goal(BOXES.words, ">= 12x the model card's quickstart", times(CARD, "boxes_last"), 12),
    Goal(BOXES.words, ">= 7x transformers in float32", times("card-float32", "boxes_last"), 7),
    Goal(BOXES.words, ">= 2x llama.cpp Q4_0", times(LLAMA, "boxes_last"), 2, missing=_NO_LLAMA),
    Goal(LISTED.words, ">= 12x the model card's quickstart", times(CARD, "boxes_last", "listed_last"), 12),
    Goal(
        LISTED.words, ">= 7x transformers in float32", times("card-float32", "boxes_last", "listed_last"), 7
    ),
    Goal(
        LISTED.words,
        ">= 2x llama.cpp Q4_0",
        times(LLAMA, "boxes_last", "listed_last"),
        2,
        missing=_NO_LLAMA,
    ),
    Goal(f"{CAPTIONED.words}, worker's last token", "<= 1.5 s", seconds("worker_last"), 1.5, "s"),
    Goal(f"{CAPTIONED.words}, worker's first token", "<= 0.6 s", seconds("worker_first"), 0.6, "s"),
    Goal(TEN.words, ">= 25x ten quickstart calls", times(CARD, "ten_last"), 25),
    Goal(f"{AGAIN.words}, first token", ">= 60x the quickstart", times(CARD, "again_first"), 60),
    Goal(
        f"{AGAIN.words}, first token",
        ">= 12x re-encoding",
        lambda results, way: results.ratio((way, "anew_first"), (way, "again_first")),
        12,
    ),
    Goal(AGAIN.words, "the same tokens as recomputed", same_again, unit="", ways=COLUMNS),
    Goal("worker's start to a loaded model, files warm", "<= 1.2 s", seconds("ready", "loaded"), 1.2, "s"),
    Goal(
        "peak memory, questions one by one",
        "<= 800 MiB",
        lambda results, way: results.peak(way, "alone"),
        800,
        "MiB",
    ),
    Goal(
        f"peak memory, {EIGHT.chips} chips or nine questions at once",
        "<= 800 MiB",
        lambda results, way: results.peak(way, "together"),
        800,
        "MiB",
    ),
    Goal(EIGHT.words, ">= 1.8x one by one", faster_together, 1.8, ways=COLUMNS),
    Goal("exact engine", "transformers' tokens in float32", same_as_transformers, unit="", ways=(EXACT,)),
    Goal("exact engine", ">= 2x transformers' step", times("card-float32", "step"), 2, ways=(EXACT,)),
    Goal(
        CAPTIONED.words,
        "NVIDIA GPU: >= 8x `generate`",
        times("card-bfloat16-cuda", "caption_last"),
        8,
        ways=_GPU,
        missing=_NO_GPU,
    ),
    Goal(
        MANY.words,
        "NVIDIA GPU: <= 2x reading and cutting",
        share_of_reading,
        2,
        "times",
        ways=_GPU,
        missing=_NO_GPU,
    ),
)


def goal_table(results: Results) -> list[str]:
    """Markdown lines: a row a goal."""
    titles = [TITLES[way] for way in COLUMNS]
    lines = [f"| job | goal | {' | '.join(titles)} |", "|---|---|" + "---|" * len(titles)]
    for goal in GOALS:
        # what needs a GPU has one figure, which stands in the last column
        ways = ("", "", *_GPU) if goal.ways == _GPU else COLUMNS
        cells = " | ".join(goal.cell(results, way) for way in ways)
        lines.append(f"| {goal.job} | {goal.words} | {cells} |")
    return lines
