# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the area comes from, as it is kept with the project."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from qgis.core import QgsProject

from .aoi import Aoi
from .errors import RecordInvalid

_SCOPE = "lspace"
_SOURCE, _LAYER, _DRAWN = "aoi/source", "aoi/layer", "aoi/drawn"


class AoiSource(Enum):
    """Where the area comes from; the value is what a project file holds."""

    VIEW = "view"
    DRAWN = "drawn"
    FEATURES = "features"
    EXTENT = "extent"

    @property
    def needs_layer(self) -> bool:
        """Whether a layer has to be named with it."""
        return self in (AoiSource.FEATURES, AoiSource.EXTENT)


@dataclass(frozen=True)
class SavedAoi:
    """What the user chose last."""

    source: AoiSource = AoiSource.VIEW
    drawn: Aoi | None = None
    """The last shape, also while another source is chosen."""
    layer_id: str = ""
    """Of a source that needs a layer."""

    @classmethod
    def read_from(cls, project: QgsProject) -> SavedAoi:
        """What the project keeps; what cannot be read, or is of no use, counts as not chosen."""
        drawn, layer_id = _shape_in(_entry(project, _DRAWN)), _entry(project, _LAYER)
        source = _source_of(_entry(project, _SOURCE))
        if source is AoiSource.DRAWN and drawn is None:
            source = AoiSource.VIEW
        if source.needs_layer and project.mapLayer(layer_id) is None:
            source = AoiSource.VIEW
        return cls(source, drawn, layer_id if source.needs_layer else "")

    def write_to(self, project: QgsProject) -> None:
        """Keeps it with the project, which has changes to be saved only if it was another one before."""
        entries = {
            _SOURCE: "" if self.source is AoiSource.VIEW else self.source.value,
            _LAYER: self.layer_id,
            _DRAWN: "" if self.drawn is None else self.drawn.to_json(),
        }
        for key, text in entries.items():
            if text and text != _entry(project, key):
                project.writeEntry(_SCOPE, key, text)
            elif not text and _entry(project, key):
                project.removeEntry(_SCOPE, key)


def _entry(project: QgsProject, key: str) -> str:
    return str(project.readEntry(_SCOPE, key)[0])


def _source_of(text: str) -> AoiSource:
    try:
        return AoiSource(text)
    except ValueError:
        return AoiSource.VIEW


def _shape_in(text: str) -> Aoi | None:
    try:
        return Aoi.from_json(text)
    except RecordInvalid:
        return None
