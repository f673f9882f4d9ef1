# SPDX-License-Identifier: GPL-2.0-or-later
"""What the dock needs of the application around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qgis.core import QgsVectorLayer
from qgis.gui import QgsMapCanvas


@dataclass(frozen=True)
class Host:
    """The map, and what only QGIS's main window can do."""

    canvas: QgsMapCanvas
    open_options: Callable[[], None]
    reshape: Callable[[QgsVectorLayer, int], None]
    """Lets the user change the shape of a feature of an editable layer."""
    tell: Callable[[str, bool], None]
    """Says a sentence in the message bar; with True, as a warning."""
    show_demo: Callable[[], None]
    """Puts the demo scene on the map."""
