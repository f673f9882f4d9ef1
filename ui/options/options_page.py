# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin's page in QGIS's own options dialog: six tabs, one set of settings."""

from __future__ import annotations

from collections.abc import Callable

from qgis.gui import QgsOptionsPageWidget
from qgis.PyQt.QtGui import QShowEvent
from qgis.PyQt.QtWidgets import QDialog, QTabWidget, QWidget

from ...gis.recent_log import RecentLog
from ...gis.settings import Settings
from ..parts import fill_column, scrolled
from .device_page import DevicePage
from .diagnosis_page import DiagnosisPage
from .models_page import ModelsPage
from .network_page import NetworkPage
from .remote_page import RemotePage
from .runtime_page import RuntimePage
from .work import Work

PAGE_NAME = "LSpace"
"""By which QGIS finds the page when it is to be opened."""


class OptionsPage(QgsOptionsPageWidget):
    """Shows the settings and saves them when the dialog is accepted."""

    def __init__(
        self, work: Work, log: RecentLog, on_saved: Callable[[], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(PAGE_NAME)
        self._on_saved = on_saved
        self._is_followed = False
        self.runtime = RuntimePage(work.runtime, self.shown_settings)
        self.models = ModelsPage(work.models, self.shown_settings)
        self.device = DevicePage(self.shown_settings)
        self.network = NetworkPage()
        self.remote = RemotePage(self.shown_settings)
        self.diagnosis = DiagnosisPage(log, self.shown_settings)
        self.tabs = QTabWidget()
        for page, title, purpose in (
            (self.runtime, self.tr("Runtime"), self.tr("The Python that the model runs in")),
            (self.models, self.tr("Models"), self.tr("Which model answers, and where it comes from")),
            (self.device, self.tr("Device"), self.tr("On what the model computes, and what it may take up")),
            (self.network, self.tr("Network"), self.tr("Whether, and from where, anything is downloaded")),
            (self.remote, self.tr("Remote"), self.tr("A server that answers in place of this computer")),
            (self.diagnosis, self.tr("Diagnosis"), self.tr("A text for a bug report")),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(scrolled(page), title), purpose)
        fill_column(self, self.tabs)
        for page in self._setting_pages():
            page.show_settings(Settings.load())

    def apply(self) -> None:
        """Saves what the pages show; called by QGIS."""
        self.shown_settings().save()
        self._on_saved()

    def shown_settings(self) -> Settings:
        """What the pages show, saved or not."""
        settings = Settings.load()
        for page in self._setting_pages():
            settings = page.written_into(settings)
        return settings

    def showEvent(self, event: QShowEvent) -> None:
        """The dialog is known only now; when it closes, nothing that only looked goes on."""
        super().showEvent(event)
        if not self._is_followed and isinstance(self.window(), QDialog):
            self._is_followed = True
            self.window().finished.connect(self.shut_down)

    def shut_down(self) -> None:
        """Lets go of checks; what prepares or downloads goes on."""
        for page in (self.runtime, self.device, self.remote, self.diagnosis):
            page.shut_down()

    def _setting_pages(self) -> tuple[RuntimePage, DevicePage, NetworkPage, RemotePage]:
        return self.runtime, self.device, self.network, self.remote
