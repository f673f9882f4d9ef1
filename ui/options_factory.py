# SPDX-License-Identifier: GPL-2.0-or-later
"""Tells QGIS of the options page; the page itself is loaded when the dialog opens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qgis.gui import QgsOptionsWidgetFactory
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QWidget

from .icons import icon_path

if TYPE_CHECKING:
    from .options_page import OptionsPage


class OptionsFactory(QgsOptionsWidgetFactory):
    """Makes the page when the options dialog opens."""

    def __init__(self, on_saved: Callable[[], None]) -> None:
        super().__init__("LSpace", QIcon(icon_path()))
        self._on_saved = on_saved

    def createWidget(self, parent: QWidget) -> OptionsPage:
        """Called by QGIS."""
        from .options_page import OptionsPage

        return OptionsPage(self._on_saved, parent)
