# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tools need of the application around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from qgis.core import QgsVectorLayer

from ..aoi import Aoi
from ..runs.run_progress import RunEnd

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas


class Desk(Protocol):
    """The map, the area and the review, as the user has them before them."""

    canvas: QgsMapCanvas

    def aoi(self) -> Aoi | None:
        """The area of interest, where there is one."""

    def proposals(self) -> QgsVectorLayer | None:
        """The layer under review."""

    def detect(self, targets: tuple[str, ...], done: Callable[[RunEnd], None]) -> None:
        """Looks for targets in the area; ``done`` is called once, perhaps before this returns.

        Raises:
            PluginError: it cannot; then ``done`` is not called.
        """

    def cancel_detection(self) -> None:
        """Gives up the search that is under way; ``done`` is called as ever."""
