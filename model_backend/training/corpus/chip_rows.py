# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of one chip: a contract's questions with the true answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from pathlib import Path

from pyproj import CRS

from ...contract import Contract, Target, Task
from ...inference.prompts import build_prompts
from ...request import DETECT
from ...split import split_of
from ...trained_boxes import PixelBox, choose_objects, written_boxes
from .cutting import LEAST_VALID, Square
from .ground import changed_cells, class_cells, pixel_boxes
from .known import Known
from .row import Message, Row
from .scene import Change, ClassRaster, Scene
from .truth import NO_CLASS, Classes, class_shares, find_regions
from .wording import caption, report

CHIPS = "chips"
"""Folder of the pictures, beside the row file."""
_UNKNOWN_COVER = f"under {LEAST_VALID:.0%} with a known class"
_NO_WATER_SHARE = "no class raster that names water, for a report"
_GOOD_WATER_SHARE = 0.2
"""From here on the trained reports call an observation ``good``."""
_TELLS_LARGEST = "wildfire"
"""Its report gives the pixels of the largest region, other reports those of all changes."""


@dataclass(frozen=True)
class _Cover:
    """Land cover of a chip."""

    cells: Classes
    shares: dict[str, float]
    """By class, 0..1, as a caption counts them."""


@dataclass(frozen=True)
class ChipRows:
    """Makes the rows of one square of a scene."""

    contract: Contract
    scene: Scene
    known: Known
    square: Square
    folder: Path
    empty: bool
    """Whether to ask also for what is not there."""
    skipped: Counter[str]
    """Takes what was left out, by reason."""

    @property
    def stem(self) -> str:
        """The later, or only, picture's name."""
        return f"{self.scene.name}_{self.square.row}_{self.square.column}"

    @property
    def stem_before(self) -> str:
        """The earlier picture's name."""
        return f"{self.stem}_before"

    def of_later(self) -> Iterator[Row]:
        """About the later, or only, picture."""
        classes = self.scene.classes
        cover = self._cover(classes.raster, classes) if classes else None
        if cover:
            yield from self._land_cover(self.stem, cover)
        for target in self.known.object_targets:
            yield from self._objects(target, cover.shares if cover else {})

    def of_earlier(self) -> Iterator[Row]:
        """About the earlier picture alone."""
        classes = self.scene.classes
        cover = self._cover(classes.before, classes) if classes and classes.before else None
        if cover:
            yield from self._land_cover(self.stem_before, cover)

    def of_change(self, change: Change) -> Iterator[Row]:
        """About both pictures, the earlier one first."""
        contract, task = self.contract, self.contract.task(change.task)
        grid_px, stems = contract.box.grid_px, (self.stem_before, self.stem)
        cells = changed_cells(change.file, self.known.changed, self.square, contract.chip, grid_px)
        least = contract.regions.min_cells if task.min_cells is None else task.min_cells
        rule = replace(
            contract.regions, grid_px=grid_px, min_cells=least, max_boxes=contract.objects.max_boxes
        )
        regions = find_regions(cells, rule, contract)
        counted = regions[0].cells if regions and task.name == _TELLS_LARGEST else cells
        if task.report:
            text_task = contract.task(task.report)
            facts = _written_share(float(cells.mean())) | {"pixels": int(counted.sum())}
            text = report(text_task, found=bool(regions), count=len(regions), **facts)
            yield self._row(text_task, stems, text)
        yield from self._boxes(task, stems, task.label or "", [region.box for region in regions])

    def _cover(self, raster: Path, classes: ClassRaster) -> _Cover | None:
        """None where too little of the chip has a known class."""
        contract, names = self.contract, [target.name for target in self.known.classes]
        grid_px = contract.regions.grid_px
        cells = class_cells(raster, classes.names, names, self.square, contract.chip, grid_px)
        if (cells != NO_CLASS).mean() < LEAST_VALID:
            self.skipped[_UNKNOWN_COVER] += 1
            return None
        counted = class_shares(cells, len(names), contract.shares.min_cells).tolist()
        return _Cover(cells, dict(zip(names, counted, strict=True)))

    def _land_cover(self, stem: str, cover: _Cover) -> Iterator[Row]:
        contract, shares = self.contract, cover.shares
        yield self._row(contract.task("caption"), (stem,), caption(contract, shares), shares=shares)
        for index, target in enumerate(self.known.classes):
            regions = find_regions(cover.cells == index, contract.regions, contract)
            boxes = [region.box for region in regions]
            yield from self._boxes(contract.task(target.task), (stem,), target.label, boxes, target, shares)

    def _objects(self, target: Target, shares: Mapping[str, float]) -> Iterator[Row]:
        if self.known.objects is None:
            return
        one_label = self.scene.objects is not None and self.scene.objects.label is not None
        found = pixel_boxes(self.known.objects, self.square, self.contract.box.grid_px)
        boxes = choose_objects(
            [box for label, box in found if one_label or label == target.label], self.contract.objects
        )
        task = self.contract.task(target.task)
        if task.report:
            yield from self._object_report(self.contract.task(task.report), len(boxes), shares)
        yield from self._boxes(task, (self.stem,), target.label, boxes, target, shares)

    def _object_report(self, task: Task, count: int, shares: Mapping[str, float]) -> Iterator[Row]:
        water = self.known.water_share
        if water is None:
            self.skipped[_NO_WATER_SHARE] += 1
            return
        quality = "good" if water >= _GOOD_WATER_SHARE else "limited_water_coverage"
        facts = _written_share(water) | {"quality": quality}
        text = report(task, found=count > 0, count=count, **facts)
        yield self._row(task, (self.stem,), text, shares=shares)

    def _boxes(
        self,
        task: Task,
        stems: tuple[str, ...],
        label: str,
        boxes: Sequence[PixelBox],
        target: Target | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> Iterator[Row]:
        if boxes or self.empty:
            answer = written_boxes([(label, box) for box in boxes], self.contract.box)
            yield self._row(task, stems, answer, target, label, shares or {})

    def _row(
        self,
        task: Task,
        stems: tuple[str, ...],
        answer: str,
        target: Target | None = None,
        label: str = "",
        shares: Mapping[str, float] | None = None,
    ) -> Row:
        images = tuple(f"{CHIPS}/{stem}.png" for stem in stems)
        system, prompt = self._question(task, target)
        messages = [Message("user", prompt, images), Message("assistant", answer)]
        if system:
            messages.insert(0, Message("system", system))
        name = target.name if target else ""
        asked = "_".join([stems[-1], task.name, *name.split()])
        metadata = {
            "sample_id": asked,
            "task": task.name,
            "analysis_profile": "",
            "tile_stem": self.stem,
            "split": split_of(self.scene.location),
            "image_paths": list(images),
            "analysis_image_path": "",
            "contract": self.contract.name,
            "location": self.scene.location,
            "target": name,
            "label": label,
            "shares": [{"name": name, "share": share} for name, share in (shares or {}).items()],
            "crs": _wkt2(self.square.crs),
            "geotransform": list(astuple(self.square.transform(self.contract.chip.model_px))),
        }
        return Row(tuple(messages), metadata, self.folder)

    def _question(self, task: Task, target: Target | None) -> tuple[str | None, str]:
        asked = (DETECT, (target.name,)) if target else (task.name, ())
        dates = (self.scene.date_before, self.scene.date)
        prompt = build_prompts(self.contract, *asked, dates=dates)[-1]  # a report has a row of its own
        return prompt.system, prompt.text


def _written_share(share: float) -> dict[str, object]:
    """A share, 0..1, as the trained reports write it."""
    return {"percent": f"{share * 100:.1f}", "ratio": f"{share:.3f}"}


@lru_cache(maxsize=8)
def _wkt2(crs: str) -> str:
    return str(CRS.from_user_input(crs).to_wkt())
