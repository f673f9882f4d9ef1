"""The dock beside the demo scene, with lspace-mini in the plugin's own worker; the map follows the layers."""

from __future__ import annotations

from clicks import choose_task
from dock_window import DockWindow
from lspace.gis.runs.runner import Runner
from lspace.gis.settings import DockState, Settings
from planted import ROOT, WORKER_PYTHON, crs_of
from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgsLayerTreeMapCanvasBridge
from scene import first_view


class DemoWindow(DockWindow):
    """Ships, an island and a pier in view, at about the scale of the model's training."""

    def __init__(self):
        DockState().save()
        super().__init__([], crs_of("EPSG:3857"), Runner())
        self.bridge = QgsLayerTreeMapCanvasBridge(QgsProject.instance().layerTreeRoot(), self.canvas, self)
        self.bridge.setAutoSetupOnFirstLayer(False)
        self.show()
        self.open_scene()

    def open_scene(self):
        """In a new project, the dock as it is at first."""
        Settings(interpreter=WORKER_PYTHON).save()
        self.controller.refresh_state()
        QgsProject.instance().clear()
        self.scene = QgsRasterLayer(str(ROOT / "resources" / "demo" / "honolulu.tif"), "Honolulu, Sentinel-2")
        assert self.scene.isValid()
        QgsProject.instance().setCrs(self.crs)
        QgsProject.instance().addMapLayer(self.scene)
        self.canvas.setRotation(0)
        self.canvas.setDestinationCrs(self.crs)
        self.canvas.setExtent(first_view(self.scene.extent()))
        self.dock.task_panel.classes.choose(())
        self.dock.task_panel.clip_box.setChecked(False)
        choose_task(self, "caption")
        self.dock.show_panel(self.dock.conversation_panel)
        self.ends.clear()

    def leave(self):
        super().leave()
        QgsProject.instance().clear()
        Settings().save()
        DockState().save()
