# SPDX-License-Identifier: GPL-2.0-or-later
"""The layers of a scan's file on the map: the grid, which says what became of each picture, and proposals."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsMapLayer, QgsProject, QgsProviderRegistry, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication

from ..aoi import Aoi
from ..errors import LayerRejected
from ..layers import RESULT_PROPERTY
from ..runs.run_layers import GROUP
from .scan_package import CELLS, PROPOSALS

_TABLES = (CELLS, PROPOSALS)
"""The lowest first."""


class ScanLayers:
    """Those of one file in the project; for the GUI thread."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def show(self) -> None:
        """Puts on the map what is not there yet, above the other layers.

        Raises:
            LayerRejected: QGIS would not open one, or not take it.
        """
        project = QgsProject.instance()
        root = project.layerTreeRoot()
        for table in _TABLES:
            if self._layer(table) is None:
                title = f"{self.path.stem}: {_titles()[table]}"
                layer = QgsVectorLayer(f"{self.path}|layername={table}", title, "ogr")
                layer.setCustomProperty(RESULT_PROPERTY, table)
                if not layer.isValid() or project.addMapLayer(layer, False) is None:
                    raise LayerRejected("a layer of the scan", layer=table, path=str(self.path))
                group = root.findGroup(GROUP) or root.insertGroup(0, GROUP)
                group.insertLayer(0, layer)

    @property
    def proposals(self) -> QgsVectorLayer | None:
        """To be reviewed when the scan rests."""
        return self._layer(PROPOSALS)

    @property
    def is_edited(self) -> bool:
        """Whether somebody has changes in one of them that are not in the file."""
        return any(layer.isEditable() for layer in self._layers())

    def set_growing(self, is_growing: bool) -> None:
        """While a scan writes into the file, nobody reviews what is in it."""
        for layer in self._layers():
            layer.setReadOnly(is_growing)

    def draw_anew(self) -> None:
        """Shows on the map what is new in the file; what was drawn stays until then."""
        for layer in self._layers():
            layer.triggerRepaint()

    def read_anew(self) -> None:
        """The same for tables, counts and extents as well: all is read again."""
        for layer in self._layers():
            layer.dataProvider().reloadData()
            layer.updateExtents(True)
            layer.triggerRepaint()

    def extent_of(self, cell: int) -> Aoi | None:
        """Where the picture of a cell lies."""
        layer = self._layer(CELLS)
        feature = None if layer is None else layer.getFeature(cell + 1)
        if feature is None or not feature.isValid() or not feature.hasGeometry():
            return None
        return Aoi(feature.geometry(), layer.crs())

    def _layers(self) -> list[QgsVectorLayer]:
        return [layer for layer in map(self._layer, _TABLES) if layer is not None]

    def _layer(self, table: str) -> QgsVectorLayer | None:
        layers = QgsProject.instance().mapLayers().values()
        return next((layer for layer in layers if self._is(layer, table)), None)

    def _is(self, layer: QgsMapLayer, table: str) -> bool:
        if layer.providerType() != "ogr":
            return False
        parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
        return parts.get("layerName") == table and Path(parts["path"]).resolve() == self.path.resolve()


def _titles() -> dict[str, str]:
    return {
        CELLS: QCoreApplication.translate("LSpace", "grid"),
        PROPOSALS: QCoreApplication.translate("LSpace", "proposals"),
    }
