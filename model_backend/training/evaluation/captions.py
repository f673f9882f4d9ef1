# SPDX-License-Identifier: GPL-2.0-or-later
"""Shares of land cover read out of a caption, and how far they are from the true ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from string import Formatter

from ...contract import Contract, Task
from ..corpus.wording import caption

Points = Mapping[str, float]
"""Share of the chip by class, 0..100."""
_SHARE = re.compile(r"([^(),.;:]*?)\s*\(\s*([~<]?)\s*(\d{1,3}(?:\.\d+)?)\s*%\s*\)")


@dataclass(frozen=True)
class CaptionSample:
    """One caption's shares beside the true ones; both hold the contract's classes only."""

    truth: Points
    written: Points
    """Empty where the caption names no class, readable or not."""


def classes_of(contract: Contract) -> tuple[str, ...]:
    """The classes that a caption may name, in the contract's order."""
    return tuple(target.name for target in contract.targets if target.task == "ground")


def read_shares(text: str, contract: Contract) -> dict[str, float] | None:
    """What a caption says, in the order written; ``<1%`` is half a point, a class named twice counts once.

    A name of several words may be longer than the class it ends with. None where no share of any class can
    be read, unless the text is the trained sentence for none.
    """
    shares: dict[str, float] = {}
    for words, sign, number in _SHARE.findall(text):
        name = _class_at_end(words, classes_of(contract))
        if name and name not in shares:
            shares[name] = min(100.0, float(number) / (2 if sign == "<" else 1))
    return shares if shares or text.strip() == contract.task("caption").none else None


def is_trained_caption(text: str, contract: Contract) -> bool:
    """Whether a caption is to the letter what the trained wording says of its own shares."""
    shares = read_shares(text, contract)
    if shares is None:
        return False
    return text == caption(contract, {name: points / 100 for name, points in shares.items()})


def is_trained_report(text: str, task: Task) -> bool:
    """Whether a text is one of the task's two trained sentences, with any facts in the blanks."""
    return any(_pattern(template).fullmatch(text) for template in (task.found, task.none) if template)


def share_error(samples: Sequence[CaptionSample], classes: Sequence[str]) -> float | None:
    """Mean absolute difference over all classes and samples, in points; None without samples."""
    errors = [
        abs(sample.truth.get(name, 0.0) - sample.written.get(name, 0.0))
        for sample in samples
        for name in classes
    ]
    return fmean(errors) if errors else None


def dominant_right(samples: Sequence[CaptionSample]) -> float | None:
    """Share of samples, 0..1, whose largest written class is the truth's largest; None without samples.

    Of classes written with the same share the first counts; of true ones with the same share each does.
    Where nothing is true, nothing written is right.
    """
    return fmean(map(_is_dominant_right, samples)) if samples else None


def largest_classes(shares: Points) -> list[str]:
    """The classes with the largest share, if any has one, in the order given."""
    most = max(shares.values(), default=0.0)
    return [name for name, points in shares.items() if points == most > 0]


def _is_dominant_right(sample: CaptionSample) -> bool:
    true, written = largest_classes(sample.truth), largest_classes(sample.written)
    return written[0] in true if written else not true


def _class_at_end(words: str, classes: Sequence[str]) -> str | None:
    """The longest class name with which the words end."""
    ending = f" {words.strip().lower()}"
    return max((name for name in classes if ending.endswith(f" {name}")), key=len, default=None)


def _pattern(template: str) -> re.Pattern[str]:
    pieces = (
        re.escape(literal) + ("" if field is None else ".+?")
        for literal, field, _spec, _conversion in Formatter().parse(template)
    )
    return re.compile("".join(pieces))
