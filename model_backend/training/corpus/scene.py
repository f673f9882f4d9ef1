# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes to make rows of, as a JSON file describes them: rasters, and what is known about their ground."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ...errors import RequestError
from .json_object import fields_of, read_object

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What a location may be called: it becomes part of file names."""
_SCENE = {
    "location": str,
    "raster": str,
    "before": str,
    "date": str,
    "date_before": str,
    "bands": list,
    "classes": dict,
    "boxes": dict,
    "change": dict,
}
_CLASSES = {"raster": str, "values": dict, "before": str}
_BOXES = {"file": str, "label": str, "label_field": str}
_CHANGE = {"file": str, "task": str}


@dataclass(frozen=True)
class ClassRaster:
    """A land-cover raster, one number a class."""

    raster: Path
    names: Mapping[int, str]
    """Class names by number; a number without a name is no data."""
    before: Path | None
    """The same for the earlier date."""


@dataclass(frozen=True)
class ObjectFile:
    """A vector file of single things."""

    file: Path
    label: str | None
    """Of all features; None where ``label_field`` says it."""
    label_field: str | None


@dataclass(frozen=True)
class Change:
    """What has changed between the two dates."""

    file: Path
    """Raster in which it is not 0, or vector file of polygons."""
    task: str
    """The contract's, such as ``flood``."""


@dataclass(frozen=True)
class Scene:
    """A georeferenced picture and the truth about it."""

    name: str
    """The location; of a second scene there with ``-2``, and so on."""
    location: str
    """The unit of splitting: scenes of one place bear the same."""
    raster: Path
    bands: tuple[int, int, int] = (1, 2, 3)
    """Numbers of the red, green and blue band, from 1."""
    date: str = ""
    """YYYY-MM-DD, or empty."""
    before: Path | None = None
    date_before: str = ""
    classes: ClassRaster | None = None
    objects: ObjectFile | None = None
    change: Change | None = None


def load_scenes(path: Path) -> list[Scene]:
    """The scenes of a JSON file; paths in it are relative to it.

    Raises:
        RequestError: not such a file, or a file that it names is not there.
    """
    entries = fields_of(read_object(path), str(path), {"scenes": list}, "scenes")["scenes"]
    if not entries:
        raise RequestError(f"{path} names no scene", path=str(path))
    scenes: list[Scene] = []
    for number, entry in enumerate(entries, start=1):
        fields = fields_of(entry, f"scene {number}", _SCENE, "location", "raster")
        earlier = sum(scene.location == fields["location"] for scene in scenes)
        scenes.append(_read_scene(fields, path.parent, earlier))
    names = [scene.name for scene in scenes]
    if len(set(names)) < len(names):
        raise RequestError(f"two scenes are called the same among {', '.join(names)}")
    return scenes


def _read_scene(fields: dict[str, Any], folder: Path, earlier: int) -> Scene:
    location = fields["location"]
    if not _SAFE_NAME.fullmatch(location):
        raise RequestError(f"a location is letters, digits, dots and hyphens: {location!r}")
    scene = Scene(
        name=f"{location}-{earlier + 1}" if earlier else location,
        location=location,
        raster=_file(folder, fields["raster"]),
        bands=_bands(fields.get("bands", [1, 2, 3]), location),
        date=_date(fields.get("date"), location),
        before=_optional_file(folder, fields.get("before")),
        date_before=_date(fields.get("date_before"), location),
        classes=_read_classes(fields.get("classes"), folder, location),
        objects=_read_objects(fields.get("boxes"), folder, location),
        change=_read_change(fields.get("change"), folder, location),
    )
    if scene.change and not (scene.before and scene.date and scene.date_before):
        raise RequestError(f"{location}: a change needs before, date and date_before")
    if scene.classes and scene.classes.before and not scene.before:
        raise RequestError(f"{location}: classes before, but no picture before")
    return scene


def _read_classes(entry: object, folder: Path, location: str) -> ClassRaster | None:
    if entry is None:
        return None
    fields = fields_of(entry, f"{location}: classes", _CLASSES, "raster", "values")
    try:
        names = {int(number): str(name) for number, name in fields["values"].items()}
    except ValueError as error:
        raise RequestError(f"{location}: classes are named by whole numbers: {error}") from error
    raster, before = _file(folder, fields["raster"]), _optional_file(folder, fields.get("before"))
    return ClassRaster(raster, names, before)


def _read_objects(entry: object, folder: Path, location: str) -> ObjectFile | None:
    if entry is None:
        return None
    fields = fields_of(entry, f"{location}: boxes", _BOXES, "file")
    label, field = fields.get("label"), fields.get("label_field")
    if (label is None) == (field is None):
        raise RequestError(f"{location}: boxes have either a label or a label_field")
    return ObjectFile(_file(folder, fields["file"]), label, field)


def _read_change(entry: object, folder: Path, location: str) -> Change | None:
    if entry is None:
        return None
    fields = fields_of(entry, f"{location}: change", _CHANGE, "file", "task")
    return Change(_file(folder, fields["file"]), fields["task"])


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise RequestError(f"there is no file {path}", path=str(path))
    return path


def _optional_file(folder: Path, name: str | None) -> Path | None:
    return None if name is None else _file(folder, name)


def _bands(numbers: list[Any], location: str) -> tuple[int, int, int]:
    if len(numbers) != 3 or not all(isinstance(number, int) and number > 0 for number in numbers):
        raise RequestError(f"{location}: bands are three numbers from 1: {numbers}")
    red, green, blue = numbers
    return red, green, blue


def _date(text: str | None, location: str) -> str:
    if text is None:
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise RequestError(f"{location}: a date is YYYY-MM-DD: {text!r}") from error
