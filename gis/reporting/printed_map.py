# SPDX-License-Identifier: GPL-2.0-or-later
"""The map of a report in a layout: the drawn picture with its place on the Earth, a scale bar and north."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from osgeo import gdal
from qgis.core import (
    QgsLayout,
    QgsLayoutExporter,
    QgsLayoutItem,
    QgsLayoutItemMap,
    QgsLayoutItemPage,
    QgsLayoutItemPicture,
    QgsLayoutItemScaleBar,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsPrintLayout,
    QgsProject,
    QgsRasterLayer,
    QgsTextFormat,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF, QSize, QSizeF
from qgis.PyQt.QtGui import QImage

from ..aoi import WGS84
from ..errors import RenderFailed
from .map_figure import DPI, MM_PER_INCH, SIZE_MM, MapPicture

FOOT_MM = 11.0
"""Height of the strip with the scale bar below the map."""
_ARROW_MM = 9.0
_ARROW = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20">'
    '<path d="M10 1 15 12 10 9 5 12Z" fill="#222"/>'
    '<path d="M7.6 19v-5.6h1.1l2.6 3.8v-3.8h1v5.6h-1l-2.7-3.9v3.9z" fill="#222"/></svg>'
)


@contextmanager
def layout_beside(project: QgsProject) -> Iterator[QgsPrintLayout]:
    """An empty layout in a project of its own, which is gone afterwards: the user's stays as it is."""
    own = QgsProject()
    own.setTransformContext(project.transformContext())
    own.setEllipsoid(WGS84)
    layout = QgsPrintLayout(own)
    layout.setName("LSpace")
    if not own.layoutManager().addLayout(layout):
        raise RenderFailed("QGIS would not take the layout")
    layout.renderContext().setDpi(DPI)
    try:
        yield layout
    finally:
        own.clear()


@contextmanager
def raster_of(picture: MapPicture) -> Iterator[QgsRasterLayer]:
    """The drawn map as a georeferenced layer, in memory only."""
    folder = f"/vsimem/lspace-{uuid4().hex}"
    across = picture.extent.width() / picture.image.width()
    down = picture.extent.height() / picture.image.height()
    left, top = picture.extent.xMinimum() + across / 2, picture.extent.yMaximum() - down / 2
    world = "\n".join(map(repr, (across, 0.0, 0.0, -down, left, top)))
    gdal.FileFromMemBuffer(f"{folder}/map.png", png_of(picture.image))
    gdal.FileFromMemBuffer(f"{folder}/map.pgw", world.encode("ascii"))
    layer = QgsRasterLayer(f"{folder}/map.png", "map")
    try:
        if not layer.isValid():
            raise RenderFailed("the map's picture cannot be read again")
        layer.setCrs(picture.crs)
        yield layer
    finally:
        sip.delete(layer)  # GDAL writes its statistics beside the file at the latest when that is closed
        gdal.RmdirRecursive(folder)


def place_map(layout: QgsLayout, layer: QgsRasterLayer, page: int, frame: QRectF) -> QgsLayoutItemMap:
    """Puts the map into a frame of a page, millimetres, its foot included."""
    map_item = QgsLayoutItemMap(layout)
    layout.addLayoutItem(map_item)
    _place(map_item, page, QRectF(frame.topLeft(), QSizeF(frame.width(), frame.height() - FOOT_MM)))
    map_item.setLayers([layer])
    map_item.setKeepLayerSet(True)
    map_item.setCrs(layer.crs())
    map_item.setExtent(layer.extent())  # a new item has no extent that could be zoomed
    map_item.setFrameEnabled(True)
    _add_scale_bar(layout, map_item, page, frame)
    _add_arrow(layout, map_item, page, frame)
    return map_item


def map_png(picture: MapPicture, project: QgsProject) -> bytes:
    """The map with its scale bar and arrow as a picture of its own; for the GUI thread."""
    size = QSizeF(SIZE_MM.width(), SIZE_MM.height() + FOOT_MM)
    with raster_of(picture) as layer, layout_beside(project) as layout:
        page = QgsLayoutItemPage(layout)
        page.setPageSize(QgsLayoutSize(size))
        layout.pageCollection().addPage(page)
        place_map(layout, layer, 0, QRectF(QPointF(0, 0), size))
        pixels = [round(side / MM_PER_INCH * DPI) for side in (size.width(), size.height())]
        image = QgsLayoutExporter(layout).renderPageToImage(0, QSize(*pixels), DPI)
    return png_of(image)


def png_of(image: QImage) -> bytes:
    """The image in a file's bytes.

    Raises:
        RenderFailed: there is no image.
    """
    content = QByteArray()
    buffer = QBuffer(content)
    if not buffer.open(QIODevice.OpenModeFlag.WriteOnly) or not image.save(buffer, "PNG"):
        raise RenderFailed("the picture could not be encoded", width=image.width(), height=image.height())
    return bytes(content)


def _place(item: QgsLayoutItem, page: int, frame: QRectF) -> None:
    item.attemptMove(QgsLayoutPoint(frame.topLeft()), page=page)
    item.attemptResize(QgsLayoutSize(frame.size()))


def _add_scale_bar(layout: QgsLayout, map_item: QgsLayoutItemMap, page: int, frame: QRectF) -> None:
    bar = QgsLayoutItemScaleBar(layout)
    layout.addLayoutItem(bar)
    bar.setStyle("Line Ticks Up")
    bar.setLinkedMap(map_item)
    text = QgsTextFormat(bar.textFormat())
    text.setSize(8)
    bar.setTextFormat(text)
    bar.applyDefaultSize(bar.guessUnits())
    bar.setNumberOfSegments(2)
    bar.setNumberOfSegmentsLeft(0)
    bar.attemptMove(QgsLayoutPoint(frame.left(), frame.bottom() - FOOT_MM + 1), page=page)


def _add_arrow(layout: QgsLayout, map_item: QgsLayoutItemMap, page: int, frame: QRectF) -> None:
    """Points to true north in the middle of the map, which need not be straight up."""
    arrow = QgsLayoutItemPicture(layout)
    layout.addLayoutItem(arrow)
    source = "base64:" + b64encode(_ARROW.encode("ascii")).decode("ascii")
    arrow.setPicturePath(source, QgsLayoutItemPicture.Format.FormatSVG)
    corner = QPointF(frame.right() - _ARROW_MM, frame.bottom() - FOOT_MM + 1)
    _place(arrow, page, QRectF(corner, QSizeF(_ARROW_MM, _ARROW_MM)))
    arrow.setLinkedMap(map_item)
    arrow.setNorthMode(QgsLayoutItemPicture.NorthMode.TrueNorth)
