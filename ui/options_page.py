# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin's page in QGIS's own options dialog."""

from __future__ import annotations

from collections.abc import Callable

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QLineEdit, QSpinBox, QWidget

from ..gis.settings import Settings
from ..model_backend.contract import EMBEDDED_MODEL
from .words import tr

MOST_THREADS = 256


class OptionsPage(QgsOptionsPageWidget):
    """Shows the settings and saves them when the dialog is accepted."""

    def __init__(self, on_saved: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._on_saved = on_saved
        self.interpreter = QgsFileWidget()
        self.interpreter.setDialogTitle(tr("The Python that runs the model"))
        self.model = QgsFileWidget()
        self.model.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.model.lineEdit().setPlaceholderText(
            tr("empty: the embedded {model}, for demonstration").format(model=EMBEDDED_MODEL.name)
        )
        self.device = _choice("auto", "cpu", "cuda", "mps")
        self.precision = _choice("auto", "float32", "bfloat16")
        self.threads = QSpinBox()
        self.threads.setMaximum(MOST_THREADS)
        self.threads.setSpecialValueText(tr("automatic"))
        self.offline = QCheckBox(tr("Never download"))
        self.endpoint = QLineEdit()
        self.endpoint.setPlaceholderText(tr("the hub's own address"))
        self.model_cache = QgsFileWidget()
        self.model_cache.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self._lay_out()
        self._show(Settings.load())

    def apply(self) -> None:
        """Saves what the page shows; called by QGIS."""
        Settings(
            interpreter=self.interpreter.filePath().strip(),
            model=self.model.filePath().strip(),
            device=self.device.currentText(),
            precision=self.precision.currentText(),
            threads=self.threads.value(),
            offline=self.offline.isChecked(),
            endpoint=self.endpoint.text().strip(),
            model_cache=self.model_cache.filePath().strip(),
        ).save()
        self._on_saved()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.addRow(tr("Python"), self.interpreter)
        form.addRow("", _hint(tr("A Python of its own with the packages of requirements.txt, never QGIS's")))
        form.addRow(tr("Model"), self.model)
        form.addRow("", _hint(tr("A folder, or NuTonic/lspace to download it on the first run (900 MB)")))
        form.addRow(tr("Device"), self.device)
        form.addRow(tr("Precision"), self.precision)
        form.addRow(tr("CPU threads"), self.threads)
        form.addRow(tr("Network"), self.offline)
        form.addRow(tr("Download from"), self.endpoint)
        form.addRow(tr("Keep downloads in"), self.model_cache)

    def _show(self, settings: Settings) -> None:
        self.interpreter.setFilePath(settings.interpreter)
        self.model.setFilePath(settings.model)
        self.device.setCurrentText(settings.device)
        self.precision.setCurrentText(settings.precision)
        self.threads.setValue(settings.threads)
        self.offline.setChecked(settings.offline)
        self.endpoint.setText(settings.endpoint)
        self.model_cache.setFilePath(settings.model_cache)


def _choice(*values: str) -> QComboBox:
    box = QComboBox()
    box.addItems(values)
    return box


def _hint(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    return label
