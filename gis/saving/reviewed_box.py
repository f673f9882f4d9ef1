# SPDX-License-Identifier: GPL-2.0-or-later
"""Reviewed proposals, back in the pixels of the chip on which the model saw them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsPointXY, QgsVectorLayer

from ...model_backend.contract import BoxForm, Contract
from ...model_backend.overlap import Edges
from ...model_backend.trained_boxes import PixelBox
from ..errors import CrsUnknown
from ..layers import Status
from ..provenance import ChipRecord, Run
from ..reprojection import in_lonlat
from ..review.proposal_row import plain
from ..runs.chip_box import edges_on
from .box_question import BoxQuestion, question_behind

LEAST_INSIDE = 0.5
"""Share of a box's area that has to lie in the chip, as in the main corpus."""


@dataclass(frozen=True)
class Place:
    """The images of one place; boxes lie on the last."""

    chips: tuple[ChipRecord, ...]
    form: BoxForm
    """How the boxes are to be written."""

    @property
    def chip_ids(self) -> tuple[str, ...]:
        """Of the images, the earlier first."""
        return tuple(chip.chip_id for chip in self.chips)

    @cached_property
    def location(self) -> str:
        """Where it is, to a tenth of a degree, such as ``21.4N-157.9W``.

        That is about two of lspace's chips: chips that overlap share their pixels, and must not be trained on
        and held out at once.

        Raises:
            CrsUnknown: the chip has no place on the ground.
        """
        chip = self.chips[-1]
        middle = QgsPointXY(*chip.grid.to_map(chip.width_px / 2, chip.height_px / 2))
        point = in_lonlat(QgsGeometry.fromPointXY(middle), chip.crs).asPoint()
        north, east = round(point.y(), 1), round(point.x(), 1)
        return f"{abs(north)}{'S' if north < 0 else 'N'}-{abs(east)}{'W' if east < 0 else 'E'}"

    def box_of(self, shape: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> PixelBox | None:
        """The box around a shape; None where it does not lie in the chip, or not for the most part."""
        try:
            return _inside(edges_on(self.chips[-1], shape, crs), self.form)
        except CrsUnknown:
            return None


@dataclass(frozen=True)
class ReviewedBox:
    """A proposal as the reviewer left it."""

    place: Place
    question: BoxQuestion
    """That it answers."""
    words: str
    """For its label, which the reviewer may have changed."""
    is_relabelled: bool
    status: Status
    box: PixelBox | None
    """None where it does not lie in the chip."""
    reviewed: str
    """When it was decided on: ISO 8601, UTC; empty if unknown."""

    @property
    def is_accepted(self) -> bool:
        """Whether the reviewer says that it is right."""
        return self.status is Status.ACCEPTED


def read_reviewed(
    layer: QgsVectorLayer, run: Run, questions: Sequence[BoxQuestion], contract: Contract
) -> Iterator[ReviewedBox | None]:
    """The features of a run's proposal layer as they are seen, uncommitted edits included.

    None stands for a feature that answers none of the questions about a place of the run.
    """
    places: dict[str, Place | None] = {}
    for feature in layer.getFeatures():
        chip_id = _text(feature, "chip_id")
        if chip_id not in places:
            chips = run.chips_of(chip_id)
            places[chip_id] = Place(chips, contract.box) if chips else None
        yield _reviewed(feature, layer.crs(), places[chip_id], questions, contract)


def _reviewed(
    feature: QgsFeature,
    crs: QgsCoordinateReferenceSystem,
    place: Place | None,
    questions: Sequence[BoxQuestion],
    contract: Contract,
) -> ReviewedBox | None:
    label = _text(feature, "label")
    written = _text(feature, "orig_label") or label
    question = question_behind(questions, _text(feature, "prompt"), contract.words_for_label(written))
    if place is None or question is None:
        return None
    return ReviewedBox(
        place=place,
        question=question,
        words=contract.words_for_label(label),
        is_relabelled=label != written,
        status=Status.of(_text(feature, "status")),
        box=place.box_of(feature.geometry(), crs),
        reviewed=_text(feature, "reviewed"),
    )


def _text(feature: QgsFeature, name: str) -> str:
    """The value of a field; empty where it is NULL, or missing in an older file."""
    column = feature.fields().indexOf(name)
    return str(plain(feature[column]) or "") if column >= 0 else ""


def _inside(edges: Edges, form: BoxForm) -> PixelBox | None:
    """The pixels of a box that lie in the chip, each edge at the nearest step of the grid."""
    grid = form.grid_px
    left, top, right, bottom = (edge * grid for edge in edges)
    width, height = min(right, grid) - max(left, 0), min(bottom, grid) - max(top, 0)
    if min(width, height) <= 0 or width * height < LEAST_INSIDE * (right - left) * (bottom - top):
        return None
    beyond = 1 if form.inclusive else 0
    first_x, first_y = (min(max(round(edge), 0), grid - beyond) for edge in (left, top))
    last_x, last_y = (min(round(edge), grid) - beyond for edge in (right, bottom))
    return first_x, first_y, max(first_x, last_x), max(first_y, last_y)
