"""A layer of proposals to review, and a map with the panel for it beside it."""

from __future__ import annotations

from lspace.gis.layers import add_detections, create_proposal_layer
from lspace.gis.provenance import Run
from lspace.model_backend.proposal import Detection, Proposal
from lspace.ui.review.review_panel import ReviewPanel
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsRectangle
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QWidget

UTM30 = QgsCoordinateReferenceSystem("EPSG:32630")
CORNER, SIDE, STEP = (400_000, 4_100_000), 50, 400
"""South-west corner of the first square, its side, and the way east to the next one, metres."""
HARBOUR = (("vessel candidate", 0.81), ("vessel candidate", 0.35), ("water", None), ("tree cover", 0.6))
"""Label and score of each proposal, from the west."""


def run_of(created="2026-01-01T10:00:00Z"):
    return Run("ground", "lspace", "0123abc", "cpu", "float32", "", targets=("vessel",), created=created)


def square(place):
    x, y = CORNER[0] + STEP * place, CORNER[1]
    return QgsGeometry.fromRect(QgsRectangle(x, y, x + SIDE, y + SIDE))


def detection_at(place, label="water", score=None):
    shape = square(place)
    shape.convertToMultiType()
    proposal = Proposal(label, (0, 0, 0.1, 0.1), score, (), f'{{"label": "{label}"}}')
    return Detection(proposal, "c1", bytes(shape.asWkb()), float(SIDE * SIDE), 10.0)


def layer_to_review(proposals=HARBOUR, created="2026-01-01T10:00:00Z"):
    """Not in the project; its squares stand in a row from west to east."""
    run = run_of(created)
    layer = create_proposal_layer(run, UTM30)
    found = [detection_at(place, label, score) for place, (label, score) in enumerate(proposals)]
    add_detections(layer, run, found, "detect the vessels")
    return layer


def stream_in(layer, *detections):
    """More boxes of a run that is still going on."""
    return add_detections(layer, run_of(), detections, "detect the vessels")


def ids_of(layer):
    """From the west."""
    return [feature.id() for feature in _from_west(layer)]


def values(layer, name):
    """Of each proposal, from the west."""
    return [feature[name] for feature in _from_west(layer)]


def _from_west(layer):
    return sorted(layer.getFeatures(), key=lambda feature: feature.geometry().boundingBox().xMinimum())


class Desk(QWidget):
    """A map and the panel, side by side, without a dock."""

    def __init__(self, layers=(), width=380):
        super().__init__()
        self.canvas = QgsMapCanvas(self)
        self.canvas.setDestinationCrs(UTM30)
        self.canvas.setLayers(list(layers))
        self.panel = ReviewPanel(self.canvas, self)
        self.panel.setFixedWidth(width)
        row = QHBoxLayout(self)
        row.addWidget(self.canvas, 1)
        row.addWidget(self.panel)
        self.resize(900, 600)
        self.sentences, self.saves, self.labels, self.reshapes = [], [], [], []
        self.panel.told.connect(self.sentences.append)
        self.panel.save_requested.connect(lambda *what: self.saves.append(what))
        self.panel.label_selected.connect(self.labels.append)
        self.panel.reshape_requested.connect(lambda *what: self.reshapes.append(what))

    @property
    def table(self):
        return self.panel.table

    def shown(self):
        """Ids of the proposals in the table, from the top."""
        return [row.fid for row in self.table.rows()]

    def cells(self, column):
        """What stands in a column, from the top."""
        model = self.table.model()
        role = Qt.ItemDataRole.DisplayRole
        return [model.index(place, column).data(role) for place in range(model.rowCount())]
