# SPDX-License-Identifier: GPL-2.0-or-later
"""One place of a run: its images, what is asked about them, and where the boxes in an answer lie."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from PIL.Image import Image

from .chip import Chip
from .errors import GeoreferenceError
from .georeference.placement import Placement
from .inference.completion import Completion
from .inference.engine import Engine
from .inference.picture import read_picture
from .inference.prompts import Prompt, build_prompts, check_images
from .inference.proposals import Reading
from .proposal import Detection, Proposal
from .request import RunRequest


class Place:
    """What a request says of a place, made ready to be asked; boxes lie on the last of its images.

    Raises:
        RequestError: the request makes no sense to this model, or a chip is no PNG of its size.
        GeoreferenceError: see ``Placement``.
    """

    def __init__(self, engine: Engine, request: RunRequest) -> None:
        self.prompts = prompts_of(engine, request)
        self.images = [image_of(chip) for chip in request.chips]
        self.chip_id = request.chips[-1].chip_id
        self._contract = engine.contract
        self._ask_anyway = request.ask_anyway
        self._together = request.together
        self._placement = Placement(
            request.chips[-1], request.output_crs_wkt, request.clip_wkt, engine.contract.box
        )

    def groups(self) -> list[list[Prompt]]:
        """Prompts that are answered together: boxes wait for the report before them."""
        if not self._together:
            return [[prompt] for prompt in self.prompts]
        return [list(group) for _answer, group in groupby(self.prompts, key=lambda prompt: prompt.answer)]

    def worth_asking(self, group: Sequence[Prompt], answers: Sequence[dict[str, Any]]) -> list[Prompt]:
        """Those that the answers before them, in the form of ``summary``, have not made pointless."""
        return [prompt for prompt in group if not self._is_gated(prompt, answers)]

    def is_gated(self, answers: Sequence[dict[str, Any]]) -> bool:
        """Whether there were boxes not worth asking for."""
        return any(self._is_gated(prompt, answers) for prompt in self.prompts)

    def place(self, proposal: Proposal, unplaced: Counter[str]) -> Detection | None:
        """Where a proposal lies; None where it has no place, which is then counted with the reason."""
        try:
            detection = self._placement.place(proposal)
        except GeoreferenceError as error:
            unplaced[str(error)] += 1
            return None
        if detection is None:
            unplaced["outside the AOI"] += 1
        return detection

    def summary(
        self, prompt: Prompt, completion: Completion, reading: Reading | None, unplaced: Counter[str]
    ) -> dict[str, Any]:
        """What is to be said of an answer in the end."""
        reason = completion.finish_reason
        return {
            **prompt_facts(prompt),
            "text": completion.text,
            "tokens": len(completion.tokens),
            "finish_reason": reason.value if reason else None,
            "outcome": reading.outcome.value if reading else None,
            "negative": self._contract.task(prompt.task).denies(completion.text),
            "dropped": {**(reading.dropped if reading else {}), **unplaced},
            "notes": list(reading.notes) if reading else [],
        }

    def _is_gated(self, prompt: Prompt, answers: Sequence[dict[str, Any]]) -> bool:
        denied = any(answer["negative"] for answer in answers)
        return denied and prompt.answer == "boxes" and not self._ask_anyway


def prompts_of(engine: Engine, request: RunRequest) -> list[Prompt]:
    """The prompts of a request; RequestError where it makes no sense to this model."""
    check_images(engine.contract, request.task, len(request.chips))
    return build_prompts(
        engine.contract,
        request.task,
        request.targets,
        request.max_new_tokens,
        question=request.question,
        dates=[chip.date for chip in request.chips],
        wordings=request.wordings,
        keep_form=request.keep_form,
    )


def image_of(chip: Chip) -> Image:
    """A chip's pixels; RequestError where they are no PNG of its size."""
    size = (chip.width_px, chip.height_px)
    return read_picture(io.BytesIO(chip.png), f"chip {chip.chip_id}", ["PNG"], size)


def prompt_facts(prompt: Prompt) -> dict[str, Any]:
    """What is told of a prompt."""
    return {
        "task": prompt.task,
        "target": prompt.target,
        "prompt": prompt.text,
        "trained": prompt.trained,
        "answer": prompt.answer,
    }
