# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the labels that a model's prose names, however it spells them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator


class LabelWords:
    """Labels such as ``burn scar``, found as ``burn_scar``, ``Burn-scar`` and ``burn scars`` too."""

    def __init__(self, labels: Iterable[str] = ()) -> None:
        self.labels = tuple(dict.fromkeys(label for label in labels if _words(label)))
        self._by_words = {_words(label): label for label in reversed(self.labels)}
        longest_first = sorted(self._by_words, key=len, reverse=True)
        either = "|".join(r"[\s_-]+".join(map(re.escape, words.split())) for words in longest_first)
        self._pattern = re.compile(rf"(?<!\w)({either})s?(?!\w)", re.IGNORECASE) if either else None

    def split(self, text: str) -> Iterator[tuple[str, str]]:
        """The text piece by piece, each with the label it names, or with nothing."""
        end = 0
        for match in self._pattern.finditer(text) if self._pattern else ():
            yield text[end : match.start()], ""
            yield match.group(), self._by_words.get(_words(match.group(1)), "")
            end = match.end()
        yield text[end:], ""


def _words(label: str) -> str:
    """A label as it is compared: in the singular, with single blanks."""
    return re.sub(r"[\s_-]+", " ", label.lower()).strip().rstrip("s")
