"""``qgis --code``: what the dock's way finds on one picture, and which providers stay, for ``$REPORT``."""

import json
import os
import sys
from pathlib import Path

from qgis.core import QgsApplication, QgsMapSettings, QgsProject, QgsRectangle
from qgis.PyQt.QtCore import QSize
from qgis.utils import loadPlugin, startPlugin, unloadPlugin

sys.path.insert(0, "tests/application")

from driver import drive

EXTENT = [float(number) for number in os.environ["EXTENT"].split(",")]
"""West, east, south, north, in the CRS of the scene."""
TARGETS = tuple(os.environ["TARGETS"].split(","))
seen = {}


def script():
    from lspace.gis.aoi import Aoi
    from lspace.gis.demo_scene import demo_layer
    from lspace.gis.imaging.image_source import ImageSource
    from lspace.gis.runs.run_order import RunOrder
    from lspace.gis.runs.runner import Runner
    from lspace.gis.settings import Settings

    layer = demo_layer("honolulu")
    QgsProject.instance().addMapLayer(layer)
    west, east, south, north = EXTENT
    view = QgsMapSettings()
    view.setLayers([layer])
    view.setDestinationCrs(layer.crs())
    view.setTransformContext(QgsProject.instance().transformContext())
    view.setOutputSize(QSize(400, 400))
    view.setExtent(QgsRectangle(west, south, east, north))
    aoi = Aoi.from_view(view)
    runner, ends = Runner(), []
    runner.ended.connect(ends.append)
    images = (ImageSource.of_raster(layer, view),)
    runner.start(RunOrder(aoi, view, "detect", TARGETS, images=images), Settings.load())
    yield lambda: bool(ends)
    seen["crs"] = ends[0].proposals.crs().authid()
    seen["fields"] = ends[0].proposals.fields().names()
    seen["proposals"] = [facts_of(feature) for feature in ends[0].proposals.getFeatures()]
    runner.shut_down()
    yield from switch_off_and_on()
    Path(os.environ["REPORT"]).write_text(json.dumps(seen))


def facts_of(feature):
    attributes = {name: feature[name] for name in ("label", "status", "task", "chip_id", "model", "prompt")}
    return {**attributes, "score": feature["score"], "wkt": feature.geometry().asWkt(6)}


def switch_off_and_on():
    seen["providers"] = []
    for switch in (None, unloadPlugin, start, unloadPlugin, start):
        if switch:
            assert switch("lspace")
        yield lambda: True
        seen["providers"].append(
            sum(each.id() == "lspace" for each in QgsApplication.processingRegistry().providers())
        )


def start(name):
    return loadPlugin(name) and startPlugin(name)


drive(script())
