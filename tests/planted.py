"""Bright targets planted on a real harbour: where they are on the map, and where they are in a picture."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsMapSettings,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QImage

ROOT = Path(__file__).resolve().parents[1]
WORKER_PYTHON = str(ROOT / ".venv" / "worker" / "bin" / "python")
HARBOUR = QgsPointXY(-157.9463, 21.3560)
"""Middle of the demo scene, longitude and latitude."""
MAGENTA = (255, 0, 255)

CUSTOM_WKT = (
    'PROJCRS["not in any register",BASEGEOGCRS["WGS 84",DATUM["World Geodetic System 1984",'
    'ELLIPSOID["WGS 84",6378137,298.257223563]]],CONVERSION["laea",METHOD["Lambert Azimuthal Equal Area",'
    'ID["EPSG",9820]],PARAMETER["Latitude of natural origin",20,ANGLEUNIT["degree",0.0174532925199433]],'
    'PARAMETER["Longitude of natural origin",-150,ANGLEUNIT["degree",0.0174532925199433]],'
    'PARAMETER["False easting",1000,LENGTHUNIT["metre",1]],'
    'PARAMETER["False northing",2000,LENGTHUNIT["metre",1]]],'
    'CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
)


def crs_of(name):
    """An EPSG code, or ``custom``."""
    if name == "custom":
        return QgsCoordinateReferenceSystem.fromWkt(CUSTOM_WKT)
    return QgsCoordinateReferenceSystem(name)


def harbour_layer():
    layer = QgsRasterLayer(str(ROOT / "resources" / "demo" / "honolulu.tif"), "harbour")
    assert layer.isValid()
    return layer


def transformed(geometry, source, target):
    moved = QgsGeometry(geometry)
    moved.transform(QgsCoordinateTransform(source, target, QgsProject.instance()))
    return moved


def harbour_in(crs):
    """The harbour's middle in that CRS."""
    lonlat = QgsCoordinateReferenceSystem("EPSG:4326")
    return transformed(QgsGeometry.fromPointXY(HARBOUR), lonlat, crs).asPoint()


def units_per_metre(crs):
    """Map units to a metre at the harbour, the mean of all directions."""
    utm = QgsCoordinateReferenceSystem("EPSG:32604")
    square = QgsGeometry.fromRect(QgsRectangle.fromCenterAndSize(harbour_in(utm), 100, 100))
    return math.sqrt(transformed(square, utm, crs).area()) / 100


def square_at(crs, right_m, up_m, side_m):
    """A square along the map's axes, offset from the harbour's middle."""
    scale, centre = units_per_metre(crs), harbour_in(crs)
    middle = QgsPointXY(centre.x() + right_m * scale, centre.y() + up_m * scale)
    return QgsGeometry.fromRect(QgsRectangle.fromCenterAndSize(middle, side_m * scale, side_m * scale))


def target_layer(geometries, crs, name="targets", colour="255,0,255,255"):
    layer = QgsVectorLayer("MultiPolygon", name, "memory")
    layer.setCrs(crs)
    features = []
    for geometry in geometries:
        feature = QgsFeature()
        feature.setGeometry(geometry)
        features.append(feature)
    assert layer.dataProvider().addFeatures(features)[0]
    symbol = QgsFillSymbol.createSimple({"color": colour, "outline_style": "no"})
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))
    return layer


def view_of(layers, crs, width_px, height_px, m_per_px, rotation=0.0):
    """What a canvas of that size would show around the harbour."""
    scale = m_per_px * units_per_metre(crs)
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.kept = layers  # map settings hold layers weakly
    settings.setDestinationCrs(crs)
    settings.setTransformContext(QgsProject.instance().transformContext())
    settings.setOutputSize(QSize(width_px, height_px))
    settings.setRotation(rotation)
    extent = QgsRectangle.fromCenterAndSize(harbour_in(crs), width_px * scale, height_px * scale)
    settings.setExtent(extent)
    return settings


def pixels_of(png):
    """RGB of a PNG, uint8, shape (height, width, 3)."""
    image = QImage.fromData(png).convertToFormat(QImage.Format.Format_RGB888)
    content = image.constBits().asstring(image.sizeInBytes())
    lines = np.frombuffer(content, np.uint8).reshape(image.height(), image.bytesPerLine())
    return lines[:, : image.width() * 3].reshape(image.height(), image.width(), 3)


def is_target(rgb):
    """Pixels that are mostly magenta."""
    return (rgb[..., 0] > 128) & (rgb[..., 1] < 110) & (rgb[..., 2] > 128)


def coverage(rgb, background):
    """Share of each pixel that targets cover, 0..1, from pictures with and without them."""
    behind = background.astype(float)
    towards = np.array(MAGENTA) - behind
    change = (rgb - behind) * towards
    return np.clip(change.sum(axis=-1) / np.maximum((towards**2).sum(axis=-1), 1), 0, 1)


def blobs(cover, least=0.1):
    """Middles (column, row) of the connected areas where more than ``least`` is covered."""
    todo, found = cover > least, []
    while todo.any():
        start = tuple(int(value) for value in np.argwhere(todo)[0])
        todo[start] = False
        stack, pixels = [start], []
        while stack:
            row, column = stack.pop()
            pixels.append((row, column))
            for r in range(max(row - 1, 0), min(row + 2, cover.shape[0])):
                for c in range(max(column - 1, 0), min(column + 2, cover.shape[1])):
                    if todo[r, c]:
                        todo[r, c] = False
                        stack.append((r, c))
        rows, columns = np.array(pixels).T
        weights = cover[rows, columns]
        middle = (np.average(columns, weights=weights) + 0.5, np.average(rows, weights=weights) + 0.5)
        found.append((float(middle[0]), float(middle[1])))
    return found
