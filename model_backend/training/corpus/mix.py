# SPDX-License-Identifier: GPL-2.0-or-later
"""One corpus out of many: rows validated, repeated, shuffled, and split by location."""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import RequestError, RowInvalid
from .json_object import Kind, fields_of, read_object
from .row import Row, write_rows
from .validation import read_valid_rows

TRAIN, HELD_OUT = "train.jsonl", "held_out.jsonl"
_MIX = {"sets": list, "seed": int, "hold_out": dict}
_SET = {"rows": str, "repeat": int}
_HOLD_OUT: dict[str, Kind] = {"share": (int, float), "locations": list}


@dataclass(frozen=True)
class RowSet:
    """A row file and how often it counts in training."""

    path: Path
    repeat: int = 1


@dataclass(frozen=True)
class Mix:
    """What to mix. Held out are the named locations, or as many as make up the share."""

    sets: tuple[RowSet, ...]
    seed: int = 0
    share: float = 0.0
    """Of the rows before they are repeated, 0..1."""
    locations: tuple[str, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("mix", type=Path, help="JSON file that names row files and how often each counts")
    parser.add_argument("folder", type=Path, help=f"where to write {TRAIN} and {HELD_OUT}")


def main(options: argparse.Namespace) -> int:
    """Writes the corpus and says how many rows it has; returns the exit status."""
    mix = load_mix(options.mix)
    train, held_out = mix_rows(mix)
    write_rows(train, options.folder / TRAIN)
    write_rows(held_out, options.folder / HELD_OUT)
    for name, rows in ((TRAIN, train), (HELD_OUT, held_out)):
        places = {row.metadata.get("location") for row in rows}
        tasks = Counter(str(row.metadata.get("task")) for row in rows)
        counted = [f"  {task}: {count}" for task, count in sorted(tasks.items())]
        sys.stdout.write("\n".join([f"{name}: {len(rows)} rows, {len(places)} locations", *counted]) + "\n")
    return 0


def load_mix(path: Path) -> Mix:
    """The mix that a JSON file describes, its paths relative to it; RequestError for any other file."""
    fields = fields_of(read_object(path), str(path), _MIX, "sets")
    sets = tuple(_read_set(entry, path.parent) for entry in fields["sets"])
    if not sets:
        raise RequestError(f"{path} names no set of rows", path=str(path))
    hold_out = fields_of(fields.get("hold_out", {}), "hold_out", _HOLD_OUT)
    if len(hold_out) > 1:
        raise RequestError("hold_out is either a share or locations")
    share, locations = float(hold_out.get("share", 0)), hold_out.get("locations", [])
    if not 0 <= share < 1:
        raise RequestError(f"hold_out: a share is 0 or more and less than 1: {share}")
    if not all(isinstance(location, str) for location in locations):
        raise RequestError(f"hold_out: locations are names: {locations}")
    return Mix(sets, fields.get("seed", 0), share, tuple(locations))


def mix_rows(mix: Mix) -> tuple[list[Row], list[Row]]:
    """The rows to train on, repeated and shuffled, and those held out: no location is on both sides.

    Raises:
        RowInvalid: a row is not fit to train on, or has no location to split by.
        RequestError: a location to hold out has no rows, or none would be left to train on.
    """
    splits = bool(mix.share or mix.locations)
    sets = [(_read_rows(one.path, must_have_place=splits), one.repeat) for one in mix.sets]
    every = [row for rows, _ in sets for row in rows]
    chance = random.Random(mix.seed)  # nosec B311  # an order, not a secret
    held_places = _held_out_places(mix, every, chance)
    train = [row for rows, repeat in sets for row in rows * repeat if _place(row) not in held_places]
    held_out = [row for row in every if _place(row) in held_places]
    if not train:
        raise RequestError("no rows are left to train on")
    chance.shuffle(train)
    chance.shuffle(held_out)
    return train, held_out


def _read_set(entry: object, folder: Path) -> RowSet:
    fields = fields_of(entry, "a set", _SET, "rows")
    repeat = fields.get("repeat", 1)
    if repeat < 1:
        raise RequestError(f"a set is repeated once or more: {repeat}")
    return RowSet(folder / fields["rows"], repeat)


def _read_rows(path: Path, must_have_place: bool) -> list[Row]:
    rows = read_valid_rows(path)
    for row in rows if must_have_place else ():
        if not _place(row):
            raise RowInvalid(f"{row.metadata.get('sample_id')!r} has no location to split by", str(path))
    return rows


def _place(row: Row) -> str:
    return str(row.metadata.get("location") or "")


def _held_out_places(mix: Mix, rows: Sequence[Row], chance: random.Random) -> set[str]:
    """The named locations, or those that chance offers first and that fit into the share; one at least."""
    sizes = Counter(_place(row) for row in rows)
    unknown = sorted(set(mix.locations) - set(sizes))
    if unknown:
        raise RequestError(f"no rows of the locations to hold out: {', '.join(unknown)}")
    places = set(mix.locations)
    if not mix.share:
        return places
    offered = sorted(sizes)
    chance.shuffle(offered)
    room = mix.share * len(rows)
    for place in offered:
        if sizes[place] <= room:
            places.add(place)
            room -= sizes[place]
    return places or {min(offered, key=lambda place: sizes[place])}
