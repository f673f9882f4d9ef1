# SPDX-License-Identifier: GPL-2.0-or-later
"""What is to be said of an image before the model is asked about it, and the better choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from qgis.core import QgsGeometry, QgsMapToPixel, QgsRasterLayer

from ...model_backend.chip import Chip, ChipKind
from ...model_backend.contract import ChipGeometry
from ..aoi import Aoi
from .chip import MadeChip
from .chip_note import ChipNote, ChipNoteKind
from .image_source import ImageSource
from .imagery import imagery_of, is_blurred, is_true_colour, pixel_m, squares_of

SCALE_TOLERANCE = 1.5
"""A scale so many times finer or coarser than the trained one is pointed out."""


class RemedyKind(Enum):
    """What one click can do."""

    TRAINED_SCALE = "trained scale"
    TRAINING_GRADE = "training grade"
    AGAIN = "again"
    SWAP = "swap"


@dataclass(frozen=True)
class Remedy:
    """A better choice."""

    kind: RemedyKind
    layer_id: str = ""
    """Of the layer for training-grade chips."""
    squares: int = 0
    """How many of them cover the AOI."""
    aoi: Aoi | None = None
    """A square as large as a trained chip around the AOI's middle."""
    zoom: float = 1.0
    """Where the AOI is the map's view: how many times more of the ground is to be in it."""


@dataclass(frozen=True)
class Advice:
    """A note, and what can be done about it."""

    note: ChipNote
    remedy: Remedy | None = None


def advise(
    made: MadeChip, source: ImageSource, aoi: Aoi, geometry: ChipGeometry, *, is_alone: bool = True
) -> tuple[Advice, ...]:
    """Everything that is off what the model was trained on; for the GUI thread.

    Training-grade chips are offered only for an image that ``is_alone``: those of a pair are of one kind.
    """
    layers = imagery_of(source.view, aoi)
    cut = _training_grade(layers, aoi, geometry) if source.raster is None and is_alone else None
    may_be_off = geometry.knows_scale and source.kind is ChipKind.AS_SHOWN
    scale = _scale_note(made.chip, geometry) if may_be_off else None
    advice = [Advice(scale, cut or _trained_scale(aoi, geometry, made.chip))] if scale else []
    advice += [Advice(note, cut) for note in _colour_notes(layers, source)]
    advice += [Advice(note) for note in _blur_notes(layers, geometry) if geometry.knows_scale]
    again = Remedy(RemedyKind.AGAIN)
    failed = ChipNoteKind.LAYER_FAILED
    return (*advice, *(Advice(note, again if note.kind is failed else None) for note in made.notes))


def advise_order(dates: Sequence[str | None]) -> tuple[Advice, ...]:
    """That the first of two images is dated later than the second."""
    if len(dates) != 2 or None in dates or dates[0] <= dates[1]:
        return ()
    return (Advice(ChipNote(ChipNoteKind.LATER_FIRST, *dates), Remedy(RemedyKind.SWAP)),)


def trained_square(aoi: Aoi, geometry: ChipGeometry) -> Aoi:
    """A square of a trained chip's size around the AOI's middle, upright on the same screen.

    Raises:
        CrsUnknown: nothing can be measured there.
    """
    frame, (width_m, height_m) = aoi.frame(), aoi.size_m()
    right = geometry.side_m * frame.width / width_m / 2
    down = geometry.side_m * frame.height / height_m / 2
    screen = QgsMapToPixel(1.0, frame.centre.x(), frame.centre.y(), 2, 2, frame.rotation_deg)
    corners = [(-right, -down), (right, -down), (right, down), (-right, down)]
    points = [screen.toMapCoordinatesF(1 + x, 1 + y) for x, y in corners]
    return Aoi(QgsGeometry.fromPolygonXY([points]), aoi.crs, aoi.rotation_deg)


def _scale_note(chip: Chip, geometry: ChipGeometry) -> ChipNote | None:
    """That both the ground in the chip and that in a pixel are less, or more, than in training.

    One of the two alone is no fault: a chip as shown may have more pixels than a trained one.
    """
    ground_m = max(chip.width_px, chip.height_px) * chip.gsd_m
    ratios = (ground_m / geometry.side_m, chip.gsd_m / geometry.gsd_m)
    lengths = (_kilometres(ground_m), _kilometres(geometry.side_m))
    if max(ratios) < 1 / SCALE_TOLERANCE:
        return ChipNote(ChipNoteKind.TOO_FINE, *lengths)
    if min(ratios) > SCALE_TOLERANCE:
        return ChipNote(ChipNoteKind.TOO_COARSE, *lengths)
    return None


def _trained_scale(aoi: Aoi, geometry: ChipGeometry, chip: Chip) -> Remedy:
    zoom = geometry.side_m / (max(chip.width_px, chip.height_px) * chip.gsd_m)
    return Remedy(RemedyKind.TRAINED_SCALE, aoi=trained_square(aoi, geometry), zoom=zoom)


def _training_grade(layers: Sequence[QgsRasterLayer], aoi: Aoi, geometry: ChipGeometry) -> Remedy | None:
    """Chips of the uppermost layer that suits."""
    for layer in layers:
        count = squares_of(layer, aoi, geometry)
        if count:
            return Remedy(RemedyKind.TRAINING_GRADE, layer_id=layer.id(), squares=count)
    return None


def _colour_notes(layers: Sequence[QgsRasterLayer], source: ImageSource) -> list[ChipNote]:
    """Of the uppermost layer only: what is under it is hidden, mostly."""
    uppermost = layers[:1] if source.raster is None else []
    return [
        ChipNote(ChipNoteKind.FALSE_COLOUR, layer.name())
        for layer in uppermost
        if not is_true_colour(layer, source.view)
    ]


def _blur_notes(layers: Sequence[QgsRasterLayer], geometry: ChipGeometry) -> list[ChipNote]:
    widths = [(layer, pixel_m(layer)) for layer in layers[:1]]
    return [
        ChipNote(ChipNoteKind.BLURRED, layer.name(), f"{width:.0f}")
        for layer, width in widths
        if width is not None and is_blurred(width, geometry)
    ]


def _kilometres(length_m: float) -> str:
    return f"{length_m:.0f} m" if length_m < 1000 else f"{length_m / 1000:.1f} km"
