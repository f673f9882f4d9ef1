# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tools over the map may see and use of the dock."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsVectorLayer
from qgis.gui import QgsMapCanvas

from ..gis.aoi import Aoi
from ..gis.errors import ChipError
from ..gis.runs.run_progress import RunEnd
from ..gis.runs.runner import Runner
from .ask_control import AskControl
from .dock import LSpaceDock


class DockDesk:
    """The dock as a ``Desk``."""

    def __init__(self, dock: LSpaceDock, canvas: QgsMapCanvas, asking: AskControl, runner: Runner) -> None:
        self.canvas = canvas
        self._dock = dock
        self._asking = asking
        self._runner = runner

    def aoi(self) -> Aoi | None:
        """The area of interest, where there is one."""
        try:
            return self._dock.aoi_panel.aoi()
        except ChipError:
            return None

    def proposals(self) -> QgsVectorLayer | None:
        """The layer under review."""
        return self._dock.review_panel.layer()

    def detect(self, targets: tuple[str, ...], done: Callable[[RunEnd], None]) -> None:
        """Has the model that draws boxes look for targets in the area; PluginError where it cannot."""
        self._asking.detect(targets, done)

    def cancel_detection(self) -> None:
        """Gives that up; what has arrived stays, and ``done`` is told."""
        self._runner.cancel()
