# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything of a project that can be an image of a question, and the image behind a choice of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from qgis.core import QgsDateTimeRange, QgsMapSettings, QgsProject, QgsRasterLayer, QgsTemporalController

from ..errors import ImageGone
from .capture import Capture
from .image_source import ImageSource
from .map_frames import frame_key, frame_title, frames_of


class ChoiceKind(Enum):
    """What kind of image it is."""

    MAP = "map"
    CAPTURE = "capture"
    FRAME = "frame"
    THEME = "theme"
    LAYER = "layer"
    RASTER = "raster"
    """Training-grade chips of a layer."""


@dataclass(frozen=True)
class ImageChoice:
    """One entry of the list; equal if it means the same image, however it is called by now."""

    kind: ChoiceKind = ChoiceKind.MAP
    key: str = ""
    """A layer's or capture's id, a theme's name, a frame's times."""
    title: str = field(default="", compare=False)
    """A layer's, theme's or capture's name, a frame's date."""
    frame: QgsDateTimeRange | None = field(default=None, compare=False)


class ImageCatalogue:
    """The choices of one project; it keeps the captures."""

    def __init__(self, project: QgsProject) -> None:
        self._project = project
        self._captures: list[Capture] = []

    def capture(self, view: QgsMapSettings) -> ImageChoice:
        """Keeps what the map shows now."""
        capture = Capture.of_view(view)
        self._captures.append(capture)
        return _choice_of(capture)

    def forget_captures(self) -> None:
        """For another project."""
        self._captures.clear()

    def choices(
        self, view: QgsMapSettings, controller: QgsTemporalController | None = None
    ) -> list[ImageChoice]:
        """The map, then captures, frames, themes, single layers, and layers for training-grade chips."""
        layers = self._raster_layers()
        files = [layer for layer in layers if layer.isValid() and layer.providerType() == "gdal"]
        return [
            ImageChoice(),
            *(_choice_of(capture) for capture in self._captures),
            *(
                ImageChoice(ChoiceKind.FRAME, frame_key(frame), frame_title(frame), frame)
                for frame in frames_of(view.layers(), controller)
            ),
            *(
                ImageChoice(ChoiceKind.THEME, name, name)
                for name in self._project.mapThemeCollection().mapThemes()
            ),
            *(ImageChoice(ChoiceKind.LAYER, layer.id(), layer.name()) for layer in layers),
            *(ImageChoice(ChoiceKind.RASTER, layer.id(), layer.name()) for layer in files),
        ]

    def source(self, choice: ImageChoice, view: QgsMapSettings) -> ImageSource:
        """The image that was chosen, for the rest as the map shows it.

        Raises:
            ImageGone: it, or a layer of it, is no longer in the project.
            SourceUnreadable, CrsUnknown: the layer cannot be read for training-grade chips.
        """
        if choice.kind is ChoiceKind.MAP:
            return ImageSource.of_map(view)
        if choice.kind is ChoiceKind.THEME:
            return ImageSource.of_theme(choice.key, view, self._project)
        if choice.kind is ChoiceKind.FRAME and choice.frame is not None:
            return ImageSource.of_frame(choice.frame, view)
        if choice.kind is ChoiceKind.CAPTURE:
            return ImageSource.of_capture(self._captured(choice))
        make = ImageSource.of_layer if choice.kind is ChoiceKind.LAYER else ImageSource.of_raster
        return make(self._layer(choice), view)

    def _captured(self, choice: ImageChoice) -> Capture:
        for capture in self._captures:
            if capture.capture_id == choice.key:
                return capture
        raise ImageGone("no such capture", name=choice.title)

    def _layer(self, choice: ImageChoice) -> QgsRasterLayer:
        layer = self._project.mapLayer(choice.key)
        if not isinstance(layer, QgsRasterLayer):
            raise ImageGone("no such layer", name=choice.title)
        return layer

    def _raster_layers(self) -> list[QgsRasterLayer]:
        """In the order of the layer tree, then those that are not in it."""
        ordered = {layer.id(): layer for layer in self._project.layerTreeRoot().layerOrder()}
        ordered.update(self._project.mapLayers())
        return [layer for layer in ordered.values() if isinstance(layer, QgsRasterLayer)]


def _choice_of(capture: Capture) -> ImageChoice:
    return ImageChoice(ChoiceKind.CAPTURE, capture.capture_id, capture.title)
