# SPDX-License-Identifier: GPL-2.0-or-later
"""Tells QGIS of the options page; the page itself is loaded when the dialog opens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qgis.gui import QgsOptionsWidgetFactory
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QWidget

from ...gis.recent_log import RecentLog
from ..icons import icon_path

if TYPE_CHECKING:
    from .options_page import OptionsPage
    from .work import Work


class OptionsFactory(QgsOptionsWidgetFactory):
    """Makes the page when the options dialog opens, and keeps what outlives the dialog."""

    def __init__(self, on_saved: Callable[[], None]) -> None:
        super().__init__("LSpace", QIcon(icon_path()))
        self._on_saved = on_saved
        self._log = RecentLog()
        self._work: Work | None = None

    def createWidget(self, parent: QWidget) -> OptionsPage:
        """Called by QGIS."""
        from .options_page import OptionsPage
        from .work import Work

        if self._work is None:
            self._work = Work(self._on_saved)
        return OptionsPage(self._work, self._log, self._on_saved, parent)

    def shut_down(self) -> None:
        """Ends what is under way; the plugin is switched off."""
        if self._work is not None:
            self._work.shut_down()
            self._work = None
        self._log.deleteLater()
