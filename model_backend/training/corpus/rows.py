# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of georeferenced scenes: chips cut as a contract says, with its questions and the true answers."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from ...contract import Contract, load_contracts
from ...errors import RequestError
from .chip_rows import ChipRows
from .cutting import LEAST_VALID, Picture, cut_picture, plan_squares
from .known import look_up
from .row import Row, write_rows
from .scene import Scene, load_scenes

STRIDE_SHARE = 0.25
"""Of the chip's side, as in the main corpus."""
_TOO_EMPTY = f"under {LEAST_VALID:.0%} with data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("scenes", type=Path, help="JSON file that names rasters and what is known of them")
    parser.add_argument("folder", type=Path, help="where to write chips and rows")
    parser.add_argument("--contract", choices=sorted(load_contracts()), default="lspace")
    parser.add_argument("--stride-m", type=float, help="from chip to chip (a quarter of its side)")
    parser.add_argument(
        "--empty", action="store_true", help="ask also for what is not there; the answer is []"
    )
    parser.add_argument("--parquet", action="store_true", help="write rows.parquet too")


def main(options: argparse.Namespace) -> int:
    """Makes the rows and says how many; returns the exit status."""
    skipped: Counter[str] = Counter()
    contract, scenes = load_contracts()[options.contract], load_scenes(options.scenes)
    rows = build_rows(scenes, contract, options.folder, options.stride_m, options.empty, skipped)
    left_out = [f"left out: {count} chips, {reason}" for reason, count in skipped.items()]
    if not rows:
        raise RequestError("; ".join(["no rows could be made", *left_out]))
    write_rows(rows, options.folder / "rows.jsonl")
    if options.parquet:
        write_rows(rows, options.folder / "rows.parquet")
    tasks = Counter(str(row.metadata["task"]) for row in rows)
    counted = [f"  {task}: {count}" for task, count in tasks.items()]
    sys.stdout.write("\n".join([f"{len(rows)} rows", *counted, *left_out]) + "\n")
    return 0


def build_rows(
    scenes: Iterable[Scene],
    contract: Contract,
    folder: Path,
    stride_m: float | None = None,
    empty: bool = False,
    skipped: Counter[str] | None = None,
) -> list[Row]:
    """The rows of scenes; the chips that they show are written below ``folder``.

    Args:
        stride_m: from chip to chip; None for a quarter of the contract's side.
        empty: ask also for what a chip does not hold.
        skipped: takes, by reason, how many chips were left out.

    Raises:
        RequestError: a file cannot be read, or a scene has nothing that the contract speaks of.
    """
    skipped = Counter() if skipped is None else skipped
    side = contract.chip.side_m
    stride = side * STRIDE_SHARE if stride_m is None else stride_m
    rows: list[Row] = []
    for scene in scenes:
        squares = plan_squares(scene.raster, side, stride)
        known = look_up(scene, contract, squares[0].crs)
        for square in squares:
            rows += _rows_of_chip(ChipRows(contract, scene, known, square, folder, empty, skipped))
    return rows


def _rows_of_chip(chip: ChipRows) -> list[Row]:
    scene, pictures = chip.scene, _cut(chip)
    rows: list[Row] = []
    if chip.stem in pictures:
        rows += chip.of_later()
    if chip.stem_before in pictures:
        rows += chip.of_earlier()
    if scene.change and len(pictures) == 2:
        rows += chip.of_change(scene.change)
    for path in sorted({path for row in rows for path in row.images}):
        _save(pictures[path.stem], path)
    return rows


def _cut(chip: ChipRows) -> dict[str, Picture]:
    """The pictures of a chip by name, without those that have too little data."""
    scene, pictures = chip.scene, {}
    for stem, raster in ((chip.stem, scene.raster), (chip.stem_before, scene.before)):
        if raster is None:
            continue
        picture = cut_picture(raster, scene.bands, chip.square, chip.contract.chip)
        if picture is None:
            chip.skipped[_TOO_EMPTY] += 1
        else:
            pictures[stem] = picture
    return pictures


def _save(picture: Picture, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    Image.fromarray(picture).save(unfinished, format="PNG")
    unfinished.replace(path)
