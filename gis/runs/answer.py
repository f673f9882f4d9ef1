# SPDX-License-Identifier: GPL-2.0-or-later
"""What the model wrote to one prompt about the images of one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """A prompt and its completion, whole or as far as it came."""

    chip_id: str
    """Of the chip on whose grid boxes are placed: the last of the images."""
    task: str
    """Name of the prompt's task in the contract."""
    prompt: str
    text: str
    target: str = ""
    """What was looked for, where something was."""
    trained: bool = True
    """Whether the prompt has the trained wording."""
    has_boxes: bool = False
    """Whether the text is a list of boxes rather than prose."""
    negative: bool = False
    """Whether it is a report that says there is nothing clear."""
    finished: bool = True
    """Whether the model came to its own end."""
