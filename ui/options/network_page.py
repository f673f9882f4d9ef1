# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether, from where and to where models are downloaded, and packages."""

from __future__ import annotations

from dataclasses import replace

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtWidgets import QCheckBox, QLineEdit, QWidget

from ...gis.settings import Settings
from ..parts import quiet_label
from .fields import folder_field, page_grid


class NetworkPage(QWidget):
    """Four fields, and what is said about the proxy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.offline = QCheckBox(self.tr("Never use the network"))
        self.offline.setToolTip(self.tr("Nothing is downloaded; only what is on this computer is used"))
        self.endpoint = QLineEdit()
        self.endpoint.setPlaceholderText(self.tr("empty: the hub's own address, huggingface.co"))
        self.endpoint.setToolTip(self.tr("Address of a mirror of the hub inside your network"))
        self.model_cache: QgsFileWidget = folder_field(
            self.tr("Folder of downloaded models"), self.tr("empty: the hub library's own folder")
        )
        self.package_index = QLineEdit()
        self.package_index.setPlaceholderText(self.tr("empty: the public indexes"))
        self.package_index.setToolTip(
            self.tr(
                "Address of a mirror of Python packages inside your network; then all of them come from "
                "there, and the CPU build only if the mirror has it"
            )
        )
        form = page_grid(self)
        form.add_wide(self.offline)
        form.add_field(self.tr("Download models from"), self.endpoint)
        form.add_field(self.tr("Keep models in"), self.model_cache)
        form.add_field(self.tr("Download packages from"), self.package_index)
        form.add_wide(
            quiet_label(
                self.tr(
                    "Proxy and certificates are those of QGIS: Settings > Options > Network, and "
                    "Authentication. They are used for the model's Python, for packages and for models; "
                    "certificates are always checked."
                )
            )
        )
        form.add_wide(
            quiet_label(
                self.tr(
                    "Images, questions and answers do not leave this computer, unless you switch on a server "
                    "on the tab Remote."
                )
            )
        )
        self.setWhatsThis(self.tr("Downloads: allowed or not, from which address, and where they are kept."))

    def show_settings(self, settings: Settings) -> None:
        """Shows its part."""
        self.offline.setChecked(settings.offline)
        self.endpoint.setText(settings.endpoint)
        self.package_index.setText(settings.package_index)
        self.model_cache.setFilePath(settings.model_cache)

    def written_into(self, settings: Settings) -> Settings:
        """The settings with what the page shows."""
        return replace(
            settings,
            offline=self.offline.isChecked(),
            endpoint=self.endpoint.text().strip(),
            package_index=self.package_index.text().strip(),
            model_cache=self.model_cache.filePath().strip(),
        )
