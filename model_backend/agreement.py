# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the model agrees with itself: the same prompts about mirrored and moved images, boxes compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageOps

from .errors import RequestError
from .georeference.placement import window_of
from .inference.answers import completions_of
from .inference.engine import Engine
from .inference.prompts import Prompt
from .inference.proposals import read_proposals
from .overlap import Edges, iou
from .place import image_of, prompts_of
from .request import AgreementRequest

LEAST_IOU = 0.5
"""From here on a box counts as come again."""
SHIFT_SHARE = 1 / 16
_TOLERANCE = 1e-9

Labelled = tuple[str, Edges]


@dataclass(frozen=True)
class View:
    """The images of a place, mirrored or moved; what is moved in is black."""

    mirrored_x: bool = False
    """Left and right exchanged."""
    mirrored_y: bool = False
    right: float = 0.0
    """How far the picture is moved, as a share of its width."""
    down: float = 0.0

    def of_image(self, image: Image.Image) -> Image.Image:
        """The picture as the view shows it."""
        seen = ImageOps.mirror(image) if self.mirrored_x else image
        seen = ImageOps.flip(seen) if self.mirrored_y else seen
        if not (self.right or self.down):
            return seen
        canvas = Image.new("RGB", image.size)
        canvas.paste(seen, (round(self.right * image.width), round(self.down * image.height)))
        return canvas

    def of_box(self, edges: Edges) -> Edges:
        """Where the view shows a box of the picture."""
        left, top, right, bottom = self._mirrored(edges)
        return left + self.right, top + self.down, right + self.right, bottom + self.down

    def back(self, edges: Edges) -> Edges:
        """Where on the picture a box of the view lies."""
        left, top, right, bottom = edges
        return self._mirrored((left - self.right, top - self.down, right - self.right, bottom - self.down))

    def shows(self, edges: Edges) -> bool:
        """Whether a box is wholly on the picture, and wholly in sight."""
        places = (*edges, *self.of_box(edges))
        return min(places) >= -_TOLERANCE and max(places) <= 1 + _TOLERANCE

    def _mirrored(self, edges: Edges) -> Edges:
        left, top, right, bottom = edges
        if self.mirrored_x:
            left, right = 1 - right, 1 - left
        if self.mirrored_y:
            top, bottom = 1 - bottom, 1 - top
        return left, top, right, bottom


def views_of(width_px: int, height_px: int) -> tuple[View, ...]:
    """Both mirrorings, the half turn, and two shifts by whole pixels in opposite directions."""
    right, down = round(width_px * SHIFT_SHARE) / width_px, round(height_px * SHIFT_SHARE) / height_px
    return (
        View(mirrored_x=True),
        View(mirrored_y=True),
        View(mirrored_x=True, mirrored_y=True),
        View(right=right, down=down),
        View(right=-right, down=-down),
    )


def measure_agreement(
    engine: Engine,
    request: AgreementRequest,
    on_share: Callable[[float], None],
    is_cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """In which share of the views each of the request's boxes comes again.

    Returns ``agreement``, one number 0..1 a box, None for a box that no view shows wholly; ``views``, how
    many there are; and ``seconds``.

    Args:
        on_share: told before each view what share of them is done, 0..1.

    Raises:
        BackendError: as in ``run``; RequestError where the task asks for no boxes.
    """
    started = time.monotonic()
    prompts = [prompt for prompt in prompts_of(engine, request.request) if prompt.answer == "boxes"]
    if not prompts:
        raise RequestError("the task asks for no boxes, so there is nothing to compare")
    images = [image_of(chip) for chip in request.request.chips]
    views = views_of(*images[-1].size)
    wanted = [(engine.contract.words_for_label(label), edges) for label, edges in request.boxes]
    verdicts: list[list[bool]] = [[] for _ in wanted]
    for index, view in enumerate(views):
        on_share(index / len(views))
        found = _find(engine, prompts, view, images, is_cancelled)
        for box, verdict in zip(wanted, verdicts, strict=True):
            if view.shows(box[1]):
                verdict.append(_comes_again(box, found))
    return {
        "agreement": [sum(verdict) / len(verdict) if verdict else None for verdict in verdicts],
        "views": len(views),
        "seconds": time.monotonic() - started,
    }


def _find(
    engine: Engine,
    prompts: Sequence[Prompt],
    view: View,
    images: Sequence[Image.Image],
    is_cancelled: Callable[[], bool],
) -> list[Labelled]:
    """All boxes of a view, in the contract's words, where they lie on the picture itself."""
    seen, found = [view.of_image(image) for image in images], []
    completions = completions_of(engine, [(prompt, seen) for prompt in prompts], is_cancelled)
    for prompt, completion in zip(prompts, completions, strict=True):
        for proposal in read_proposals(completion, prompt.target).proposals:
            edges = view.back(window_of(proposal.box, engine.contract.box, 1, 1))
            found.append((engine.contract.words_for_label(proposal.label), edges))
    return found


def _comes_again(box: Labelled, found: Sequence[Labelled]) -> bool:
    return any(label == box[0] and iou(edges, box[1]) >= LEAST_IOU for label, edges in found)
