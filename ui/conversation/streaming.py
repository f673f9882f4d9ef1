# SPDX-License-Identifier: GPL-2.0-or-later
"""The answer that is being written, as plain text under headings."""

from __future__ import annotations


class Streaming:
    """A question, and what has arrived of its answer."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.parts: list[tuple[str, str]] = []
        """A heading and the text under it, as far as it is written."""
        self._key: tuple[str, str] | None = None
        """Chip and target of the last part."""

    def add(self, target: str, piece: str, chip_id: str) -> str:
        """Takes a piece of text; returns the heading to show before it, empty where it goes on."""
        begins = self._key != (chip_id, target)
        if begins:
            self._key = (chip_id, target)
            heading = target.strip().rstrip(".")
            self.parts.append((f"\n{heading}: " if heading else "\n", ""))
        heading, text = self.parts[-1]
        self.parts[-1] = heading, text + piece
        return heading if begins else ""

    def add_step(self, words: str) -> str:
        """Takes a line about something that was done; returns it as it is to be shown."""
        self._key = None
        line = f"\n\u2023 {words}"
        self.parts.append(("", line))
        return line
