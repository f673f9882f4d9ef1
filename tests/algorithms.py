"""Our Processing algorithms as QGIS runs them: their provider, a listener, rasters, a scripted model."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import numpy as np
from osgeo import gdal, osr
from planted import ROOT, WORKER_PYTHON
from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsGeometry,
    QgsProcessingAlgRunnerTask,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterLayer,
    QgsRectangle,
    QgsReferencedRectangle,
    QgsVectorLayer,
)
from rasters import LEFT, TOP, ZONE

PIXEL_M = 10.0
SIDE_PX = 512
"""Of a raster as large as one of lspace's training-grade chips."""


class Listener(QgsProcessingFeedback):
    """Hears what an algorithm says."""

    def __init__(self):
        super().__init__(False)
        self.infos, self.warnings, self.errors, self.progresses = [], [], [], []
        self.progressChanged.connect(self.progresses.append)

    def pushInfo(self, text):
        self.infos.append(text)

    def pushWarning(self, text):
        self.warnings.append(text)

    def reportError(self, text, fatalError=False):  # noqa: N803
        self.errors.append(text)


@contextmanager
def our_provider():
    """The provider in QGIS's registry, as the plugin puts it there."""
    from lspace.gis.processing.provider import LSpaceProvider
    from lspace.ui.algorithm_words import algorithm_wording

    registry, provider = QgsApplication.processingRegistry(), LSpaceProvider(algorithm_wording())
    assert registry.addProvider(provider)
    try:
        yield
    finally:
        registry.removeProvider(provider)


def run(name, parameters, feedback=None, context=None):
    """Runs one of our algorithms as Python code in QGIS does; an error holds what it was heard to say."""
    import processing

    given, feedback = {"OUTPUT": "memory:", **parameters}, feedback or Listener()
    try:
        return processing.run(f"lspace:{name}", given, feedback=feedback, context=context)
    except QgsProcessingException as error:
        raise QgsProcessingException("\n".join([str(error), *feedback.errors])) from error


def run_in_thread(qtbot, name, parameters, context, feedback):
    """Runs one of our algorithms as the toolbox does; whether it did, and its results."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"lspace:{name}")
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    ends = []
    task.executed.connect(lambda ok, results: ends.append((ok, results)))
    QgsApplication.taskManager().addTask(task)
    qtbot.waitUntil(lambda: bool(ends), timeout=60_000)
    return ends[0]


def scripted(folder, script="bright_targets.py", *arguments):
    """A program that is a model's Python in which a worker of tests/workers runs; with lspace's contract."""
    program = Path(folder) / "python"
    words = " ".join([WORKER_PYTHON, str(ROOT / "tests" / "workers" / script), *arguments])
    program.write_text(f"#!/bin/sh\nexec {words}\n")
    program.chmod(0o755)
    return {"INTERPRETER": str(program), "MODEL": "NuTonic/lspace"}


def square_px(left, top, side):
    """A square in pixels of the raster, as a polygon of its zone."""
    x, y = LEFT + left * PIXEL_M, TOP - top * PIXEL_M
    return QgsGeometry.fromRect(QgsRectangle(x, y - side * PIXEL_M, x + side * PIXEL_M, y))


def extent_px(left, top, width, height):
    """The same of a rectangle, as the parameter of an extent."""
    x, y = LEFT + left * PIXEL_M, TOP - top * PIXEL_M
    box = QgsRectangle(x, y - height * PIXEL_M, x + width * PIXEL_M, y)
    return QgsReferencedRectangle(box, raster_crs())


def raster_crs():
    from qgis.core import QgsCoordinateReferenceSystem

    return QgsCoordinateReferenceSystem(ZONE)


def target_raster(path, targets, side_px=SIDE_PX, name=None):
    """Grey ground with magenta squares (left, top, side) in pixels, as a layer."""
    ground = np.random.default_rng(7).integers(40, 160, (side_px, side_px), dtype=np.uint8)
    bands = np.stack([ground] * 3)
    for left, top, side in targets:
        bands[:, top : top + side, left : left + side] = np.array([255, 0, 255], np.uint8)[:, None, None]
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), side_px, side_px, 3, gdal.GDT_Byte)
    dataset.SetGeoTransform((LEFT, PIXEL_M, 0.0, TOP, 0.0, -PIXEL_M))
    reference = osr.SpatialReference()
    reference.SetFromUserInput(ZONE)
    dataset.SetProjection(reference.ExportToWkt())
    for number, band in enumerate(bands, 1):
        dataset.GetRasterBand(number).WriteArray(band)
    dataset.FlushCache()
    del dataset
    layer = QgsRasterLayer(str(path), name or Path(path).stem)
    assert layer.isValid()
    return layer


def polygon_layer(geometries, crs, fields="field=name:string", values=(), name="polygons"):
    """Polygons in memory, with the values of their fields."""
    layer = QgsVectorLayer(f"Polygon?{fields}", name, "memory")
    layer.setCrs(crs)
    features = []
    for index, geometry in enumerate(geometries):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(geometry)
        if values:
            feature.setAttributes(list(values[index]))
        features.append(feature)
    assert layer.dataProvider().addFeatures(features)[0]
    return layer


def iou(one, other):
    common = one.intersection(other).area()
    return common / (one.area() + other.area() - common)
