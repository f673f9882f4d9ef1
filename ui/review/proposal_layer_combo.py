# SPDX-License-Identifier: GPL-2.0-or-later
"""The proposal layers of the project, to choose one from."""

from __future__ import annotations

from collections.abc import Collection

from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QDateTime, QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QWidget

from ...gis.layers import is_proposal_layer, proposal_layers, time_of_run
from ..parts import make_narrow


class ProposalLayerCombo(QComboBox):
    """Follows the project; the newest run comes first, and is chosen where nothing else is."""

    layers_changed = pyqtSignal()
    """Other layers can be chosen; told before ``layer_changed``."""
    layer_changed = pyqtSignal()
    """Another layer is chosen, or none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        make_narrow(self)
        self._told: str | None = None
        project = QgsProject.instance()
        project.layersAdded.connect(self._on_layers_added)
        project.layersWillBeRemoved["QStringList"].connect(self._fill)
        self.currentIndexChanged.connect(self._tell)
        self._fill()

    def layer(self) -> QgsVectorLayer | None:
        """The chosen layer."""
        return QgsProject.instance().mapLayer(self.currentData() or "")

    def layers(self) -> list[QgsVectorLayer]:
        """All that can be chosen, the newest first."""
        found = (QgsProject.instance().mapLayer(self.itemData(row)) for row in range(self.count()))
        return [layer for layer in found if layer is not None]

    def choose(self, layer: QgsVectorLayer) -> None:
        """Selects the layer, if the project has it."""
        row = self.findData(layer.id())
        if row >= 0:
            self.setCurrentIndex(row)

    def _on_layers_added(self, layers: list) -> None:
        for layer in filter(is_proposal_layer, layers):
            layer.nameChanged.connect(self._fill)
        self._fill()

    def _fill(self, leaving: Collection[str] = ()) -> None:
        layers = [layer for layer in proposal_layers(QgsProject.instance()) if layer.id() not in leaving]
        chosen = self.currentData()
        with QSignalBlocker(self):
            self.clear()
            for row, layer in enumerate(layers):
                self.addItem(_title(layer), layer.id())
                self.setItemData(row, _title(layer), Qt.ItemDataRole.ToolTipRole)
            self.setCurrentIndex(max(self.findData(chosen), 0) if layers else -1)
        self.setEnabled(bool(layers))
        self.layers_changed.emit()
        self._tell()

    def _tell(self) -> None:
        if self._told != self.currentData():
            self._told = self.currentData()
            self.layer_changed.emit()


def _title(layer: QgsVectorLayer) -> str:
    """The name, and when the run was: two runs often have the same name."""
    began = QDateTime.fromString(time_of_run(layer), Qt.DateFormat.ISODate).toLocalTime()
    return f"{layer.name()}  {began.toString('yyyy-MM-dd hh:mm')}" if began.isValid() else layer.name()
