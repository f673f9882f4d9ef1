# SPDX-License-Identifier: GPL-2.0-or-later
"""What a shapefile's attribute table can hold: short names, short texts."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

from qgis.core import QgsFeature, QgsField, QgsVectorLayer, QgsWkbTypes

from ..errors import WriteFailed
from ..layers import make_field

NAME_BYTES = 10
TEXT_BYTES = 254
# Texts get at least this width, so that a saved "water" can be relabelled "flooded vegetation".
_TEXT_BYTES_MIN = 80


@dataclass(frozen=True)
class FittedLayer:
    """A copy of a layer that a DBF can hold, and what that took."""

    features: QgsVectorLayer
    shortened: dict[str, int] = field(default_factory=dict)
    """Field of the source -> number of values that were cut."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Field of the source -> its name in the copy, where they differ."""


def fit_to_dbf(source: QgsVectorLayer) -> FittedLayer:
    """Copies a layer with names and texts cut to what a DBF can hold.

    Raises:
        WriteFailed: QGIS would not make the copy.
    """
    items = list(source.fields())
    names = dbf_names([item.name() for item in items])
    text_type = make_field("", str).type()
    widths = {index: _TEXT_BYTES_MIN for index, item in enumerate(items) if item.type() == text_type}
    cuts = dict.fromkeys(widths, 0)
    features = [_fit_texts(feature, widths, cuts) for feature in source.getFeatures()]
    copy = QgsVectorLayer(QgsWkbTypes.displayString(source.wkbType()), source.name(), "memory")
    copy.setCrs(source.crs())
    provider = copy.dataProvider()
    fitted = [_dbf_field(item, names[item.name()], widths.get(index)) for index, item in enumerate(items)]
    if not provider.addAttributes(fitted) or not provider.addFeatures(features)[0]:
        raise WriteFailed(provider.lastError(), layer=source.name())
    copy.updateFields()
    shortened = {items[index].name(): count for index, count in cuts.items() if count}
    return FittedLayer(copy, shortened, {old: new for old, new in names.items() if old != new})


def dbf_names(names: list[str]) -> dict[str, str]:
    """Names of at most ten bytes, all different when case is ignored, for each of the given names."""
    short: dict[str, str] = {}
    # Names that fit keep themselves, whatever comes before them.
    for name in sorted(names, key=lambda name: _shorten_name(name) != name):
        short[name] = _make_unique(_shorten_name(name), {taken.lower() for taken in short.values()})
    return {name: short[name] for name in names}


def cut_to_bytes(text: str, limit: int) -> str:
    """The longest beginning of the text that has at most that many bytes in UTF-8."""
    return text.encode()[:limit].decode(errors="ignore")


def is_whole_dbf(path: Path) -> bool:
    """Whether a DBF is as long as its header says."""
    with path.open("rb") as stream:
        header = stream.read(12)
    if len(header) < 12:
        return False
    records, header_bytes, record_bytes = struct.unpack("<4xIHH", header)
    # On a full disk GDAL 3.6 may leave zeros where these two stand.
    whole_bytes = header_bytes + records * record_bytes
    return header_bytes > 0 and record_bytes > 0 and path.stat().st_size >= whole_bytes


def _fit_texts(feature: QgsFeature, widths: dict[int, int], cuts: dict[int, int]) -> QgsFeature:
    """Cuts the feature's texts; ``widths`` and ``cuts`` go by the index of a field."""
    attributes = feature.attributes()
    for index, width in widths.items():
        text = attributes[index]
        if not isinstance(text, str):
            continue
        length = len(text.encode())
        if length > TEXT_BYTES:
            feature[index] = cut_to_bytes(text, TEXT_BYTES)
            cuts[index] += 1
        widths[index] = max(width, min(length, TEXT_BYTES))
    return feature


def _dbf_field(item: QgsField, name: str, width: int | None) -> QgsField:
    if width is not None:
        return make_field(name, str, width)
    renamed = QgsField(item)
    renamed.setName(name)
    return renamed


def _shorten_name(name: str) -> str:
    """Trims the longest words first: ``building_height`` becomes ``buil_heigh``."""
    if len(name.encode()) <= NAME_BYTES and re.fullmatch(r"\w+", name):
        return name
    words = [word for word in re.split(r"[\W_]+", name) if word] or ["field"]
    while len("_".join(words).encode()) > NAME_BYTES:
        longest = max(range(len(words)), key=lambda i: len(words[i]))
        if len(words[longest]) == 1:
            return cut_to_bytes("".join(words), NAME_BYTES)
        words[longest] = words[longest][:-1]
    return "_".join(words)


def _make_unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate.lower() in taken:
        number += 1
        candidate = cut_to_bytes(name, NAME_BYTES - len(str(number))) + str(number)
    return candidate
