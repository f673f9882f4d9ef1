# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers what the plugin offers with QGIS, and takes it back."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction

from .ui.icons import icon_path

MENU = "LSpace"


class LSpacePlugin:
    """An action that toggles the dock, a page in the options, and algorithms; the rest comes on first use."""

    def __init__(self, iface):
        self._iface = iface
        self._action = None
        self._options = None
        self._dock = None
        self._controller = self._provider = None

    def initProcessing(self):
        """Called by qgis_process, which has no window."""
        from .gis.processing.provider import LSpaceProvider
        from .ui.algorithm_words import algorithm_wording

        self._provider = LSpaceProvider(algorithm_wording())
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self):
        """Called by QGIS when the plugin is switched on."""
        from .ui.options.options_factory import OptionsFactory

        self.initProcessing()
        self._action = QAction(
            QIcon(icon_path()), QCoreApplication.translate("LSpace", "LSpace"), self._iface.mainWindow()
        )
        self._action.setObjectName("LSpaceAction")
        self._action.setCheckable(True)
        self._action.setToolTip(QCoreApplication.translate("LSpace", "Ask a satellite image a question"))
        self._action.toggled.connect(self._show_dock)
        self._action.triggered.connect(self._on_clicked)
        self._iface.addPluginToRasterMenu(MENU, self._action)
        self._iface.addToolBarIcon(self._action)
        self._options = OptionsFactory(self._on_settings_saved)
        self._iface.registerOptionsWidgetFactory(self._options)

    def unload(self):
        """Called by QGIS when the plugin is switched off; undoes ``initGui`` in reverse."""
        if self._controller is not None:
            self._controller.shut_down()
            self._controller = None
        if self._dock is not None:
            self._iface.removeDockWidget(self._dock)
            self._dock.deleteLater()
            self._dock = None
        self._iface.unregisterOptionsWidgetFactory(self._options)
        self._options.shut_down()
        self._options = None
        QgsApplication.processingRegistry().removeProvider(self._provider)
        self._provider = None
        self._iface.removeToolBarIcon(self._action)
        self._iface.removePluginRasterMenu(MENU, self._action)
        self._action.deleteLater()
        self._action = None

    def _show_dock(self, shown):
        if self._dock is None and shown:
            self._make_dock()
        if self._dock is not None:
            self._dock.setUserVisible(shown)

    def _on_clicked(self, shown):
        """Unlike ``toggled``, not when QGIS brings the dock back at its start."""
        if shown:
            self._controller.prepare()

    def _make_dock(self):
        from .gis.runs.runner import Runner
        from .gis.settings import DockState, Settings
        from .ui.controller import DockController
        from .ui.dock import LSpaceDock
        from .ui.host import Host

        canvas, window = self._iface.mapCanvas(), self._iface.mainWindow()
        self._dock = LSpaceDock(Settings.load().expected_contract, canvas, window)
        host = Host(canvas, self._open_options, self._reshape, self._tell, self._show_demo)
        self._controller = DockController(self._dock, host, Runner(parent=self._dock))
        self._dock.setToggleVisibilityAction(self._action)
        if window.restoreDockWidget(self._dock):  # where it was when QGIS was last closed
            return
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self._dock)
        width = DockState.load().width_px or self._dock.sizeHint().width()
        window.resizeDocks([self._dock], [width], Qt.Orientation.Horizontal)

    def _open_options(self):
        self._iface.showOptionsDialog(self._iface.mainWindow(), "LSpace")

    def _reshape(self, layer, feature_id):
        layer.selectByIds([feature_id])
        self._iface.setActiveLayer(layer)
        self._iface.actionVertexToolActiveLayer().trigger()

    def _tell(self, text, is_warning):
        bar = self._iface.messageBar()
        push = bar.pushWarning if is_warning else bar.pushInfo
        push(MENU, text)

    def _show_demo(self):
        from .ui.demo import show_demo

        show_demo(self._iface, self._tell)

    def _on_settings_saved(self):
        if self._controller is not None:
            self._controller.refresh_state()
