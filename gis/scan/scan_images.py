# SPDX-License-Identifier: GPL-2.0-or-later
"""The images of a scan that goes on: its file knows their names, the project has the layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256

from qgis.core import QgsMapLayer, QgsMapSettings, QgsProject, QgsRasterLayer

from ..errors import ChipError, ImageGone
from ..imaging.image_source import ImageSource
from ..layers import is_result_layer


def name_of(source: ImageSource) -> str:
    """What tells an image from others, today and after a restart; without the keys of its servers."""
    if source.raster is not None:
        return f"{source.raster.uri} {' '.join(map(str, source.raster.bands))}"
    shown = [layer for layer in source.view.layers() if not is_result_layer(layer)]
    layers = [_name_of_layer(layer) for layer in shown]
    moment = [source.date] if source.view.isTemporal() and source.date else []
    return " | ".join([*layers, *moment])


def find_images(
    names: Sequence[str], chosen: Sequence[ImageSource], view: QgsMapSettings, project: QgsProject
) -> list[ImageSource]:
    """The images of these names: chosen ones, else layers of the project, else the map.

    Raises:
        ImageGone: one is not to be found.
    """
    found: dict[str, ImageSource] = {}
    for source in (*chosen, *_on_offer(view, project)):
        found.setdefault(name_of(source), source)
    for name in names:
        if name not in found:
            raise ImageGone("an image of the scan", name=name)
    return [found[name] for name in names]


def _name_of_layer(layer: QgsMapLayer) -> str:
    if layer.providerType() == "memory":  # another source after each start
        return layer.name()
    return f"{layer.name()} {sha256(layer.source().encode()).hexdigest()[:12]}"


def _on_offer(view: QgsMapSettings, project: QgsProject) -> Iterator[ImageSource]:
    for layer in project.mapLayers().values():
        if isinstance(layer, QgsRasterLayer):
            yield from _sources_of(layer, view)
    yield ImageSource.of_map(view)


def _sources_of(layer: QgsRasterLayer, view: QgsMapSettings) -> Iterator[ImageSource]:
    with suppress(ChipError):  # it can still be drawn
        yield ImageSource.of_raster(layer, view)
    yield ImageSource.of_layer(layer, view)
