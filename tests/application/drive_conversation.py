"""``qgis --code``, started in the repository: a conversation that uses the map, pictures in ``$TOUR_OUT``.

What the model says comes from a script: N2-Eye's weights are not at hand. Tools, map and dock are real.
"""

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from qgis.core import QgsFeature, QgsFillSymbol, QgsGeometry, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.utils import iface

sys.path.insert(0, "tests/application")

from driver import choose, click, dock, drive, grab, plugin, wait_s
from lspace.gis.runs.worker_process import WorkerProcess
from lspace.gis.settings import Settings
from scene import ROOT, open_scene

OUT = Path(os.environ["TOUR_OUT"])
COUNT = "How many berths are drawn, and which area do they take up? Show them."
ACCEPT = "Mark the first proposal as accepted."
ends, talked = [], []


def script():
    open_scene()
    yield lambda: dock() is not None and dock().isVisible() and not iface.mapCanvas().isDrawing()
    controller = plugin()._controller
    controller._runner.ended.connect(ends.append)
    controller.talking.ended.connect(lambda *words: talked.append(words))
    yield from settled()
    choose(dock().task_panel.task_combo, "vessels")
    click(dock().run_panel.run_button)
    yield lambda: bool(ends)
    proposals = ends[0].proposals
    QgsProject.instance().addMapLayer(berths(proposals.crs(), proposals.extent()))
    take_a_model_that_talks(controller, min(feature.id() for feature in proposals.getFeatures()))
    yield from settled()

    ask(COUNT)
    yield lambda: len(talked) == 1
    yield from settled()
    grab(OUT / "11_conversation.jpg")

    ask(ACCEPT)
    bar = dock().conversation_panel.permission_bar
    yield bar.isVisible
    yield from settled()
    grab(OUT / "12_asks_first.jpg")
    click(bar.allow_button)
    yield lambda: len(talked) == 2


def berths(crs, extent):
    """Four rectangles in a row, south of what the model proposed."""
    layer = QgsVectorLayer("Polygon", "berths", "memory")
    layer.setCrs(crs)
    side = extent.width() / 8
    for place in range(4):
        left, top = extent.xMinimum() + 2 * side * place, extent.yMinimum() - side
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(left, top - side, left + side, top)))
        assert layer.dataProvider().addFeatures([feature])[0]
    layer.updateExtents()
    layer.renderer().setSymbol(QgsFillSymbol.createSimple({"color": "255,200,0,90"}))
    return layer


def take_a_model_that_talks(controller, number):
    calls = [("count_features", {"layer": "berths"}), ("measure", {"layer": "berths"})]
    shown = call(*calls, ("zoom_to_layer", {"layer": "berths"}))
    accepted = call(("decide_proposal", {"number": number, "status": "accepted"}))
    said = {
        COUNT: [
            f"I look that up. {shown}",
            "Four berths are drawn. Their area is above, and the map shows them.",
        ],
        ACCEPT: [f"This changes the layer, so you decide. {accepted}", "It is marked as accepted."],
    }
    path = Path(tempfile.mkdtemp()) / "script.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    talker = str(ROOT / "tests" / "workers" / "talker.py")
    controller._runner.shut_down()
    controller._runner._make_worker = lambda program: WorkerProcess(program, [talker, str(path), "0.02"])
    replace(Settings.load(), model="GoofyLM/N2.2-Eye-1.3B").save()
    controller.refresh_state()


def call(*named):
    listed = [{"name": name, "arguments": arguments} for name, arguments in named]
    return f"<|tool_call_start|>{json.dumps(listed)}<|tool_call_end|>"


def ask(question):
    edit = dock().conversation_panel.question_edit
    edit.setFocus()
    QTest.keyClicks(edit, question)
    QTest.keyClick(edit, Qt.Key.Key_Return)


def settled():
    yield wait_s(1.5)
    yield lambda: not iface.mapCanvas().isDrawing()


drive(script())
