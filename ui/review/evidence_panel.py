# SPDX-License-Identifier: GPL-2.0-or-later
"""Independent evidence: has the support of proposals measured in the user's own bands."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from qgis.core import QgsVectorLayer
from qgis.PyQt import sip
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ...gis.errors import PluginError, RasterUnusable, ValuesRejected
from ...gis.evidence.evidence import MeasuredProposal, gather_evidence, write_evidence
from ...gis.evidence.spectral_index import Gap
from ...gis.task import BackgroundTask
from ..parts import quiet_label, row
from ..words import lasting_words, sentence_for
from .image_bands import ImageBands


class EvidencePanel(QWidget):
    """Which images, the button, and what came of it."""

    told = pyqtSignal(str)
    """What is being done and what became of it, a sentence or two each."""
    measured = pyqtSignal()
    """The layer has new values in its edit buffer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layer: QgsVectorLayer | None = None
        self._measured_layer: QgsVectorLayer | None = None
        self._task: BackgroundTask | None = None
        self._began = 0.0
        self.after_bands = ImageBands(allows_none=False)
        self.before_bands = ImageBands(allows_none=True)
        self.result_label = quiet_label()
        self.result_label.setObjectName("LSpaceEvidenceResult")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(
            quiet_label(
                self.tr(
                    "Counts the pixels under each proposal that support it. The model's score stays as it is."
                )
            )
        )
        self._add_image(column, self.tr("Only image, or the one after"), self.after_bands)
        self._add_image(column, self.tr("Image before, for pairs"), self.before_bands)
        column.addWidget(self._buttons())
        column.addWidget(self.progress_bar)
        column.addWidget(self.result_label)
        self.after_bands.changed.connect(self._refresh)
        self.setWhatsThis(
            self.tr(
                "Water, vegetation, burnt ground and change show in the infrared bands of an image. Here "
                "each proposal is compared with them: its support is the share of its pixels that speak for "
                "it. A vessel candidate is judged by the water around it. Clouds and shadows mislead this "
                "test too, and what it cannot measure stays empty."
            )
        )
        self._refresh()

    def set_layer(self, layer: QgsVectorLayer | None) -> None:
        """The proposals to be measured next; a measurement under way goes on with its own."""
        if layer is self._layer:
            return
        if self._layer is not None and not sip.isdeleted(self._layer):
            self._layer.willBeDeleted.disconnect(self._on_layer_gone)
        self._layer = layer
        if layer is not None:
            layer.willBeDeleted.connect(self._on_layer_gone)
        self.result_label.clear()
        self._refresh()

    def cancel(self) -> None:
        """Gives a measurement up; the layer stays as it is."""
        if self._task is not None:
            self._task.give_up()
            self.cancel_button.setEnabled(False)

    # how it is built

    def _add_image(self, column: QVBoxLayout, title: str, image: ImageBands) -> None:
        label = QLabel(title)
        label.setBuddy(image.layer_combo)
        image.layer_combo.setAccessibleName(title)
        column.addWidget(label)
        column.addWidget(image)

    def _buttons(self) -> QWidget:
        self.measure_button = QPushButton(self.tr("Measure support"))
        self.measure_button.setToolTip(
            self.tr("Fills the column Support of all proposals; one step back (Ctrl+Z) undoes it")
        )
        self.measure_button.clicked.connect(self._measure)
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.cancel_button.setToolTip(self.tr("Stop measuring and change nothing"))
        self.cancel_button.clicked.connect(self.cancel)
        self.progress_bar = QProgressBar()
        self.progress_bar.setTextVisible(False)
        self.progress_bar.setMaximumHeight(self.fontMetrics().height() // 2)
        return row(self.measure_button, self.cancel_button)

    # what happens

    def _refresh(self) -> None:
        running = self._task is not None
        self.progress_bar.setVisible(running)
        self.cancel_button.setEnabled(running)
        has_image = self.after_bands.layer() is not None
        self.measure_button.setEnabled(not running and has_image and self._layer is not None)
        if not has_image:
            self.result_label.setText(self.tr("Add a raster layer with infrared bands, from a file."))
        elif self._layer is None:
            self.result_label.setText(self.tr("There are no proposals to measure yet."))

    def _measure(self) -> None:
        layer = self._layer
        try:
            image, before = self.after_bands.image(), self.before_bands.image()
            if layer is None or image is None:
                return
            self._task = gather_evidence(layer, image, before)
        except (RasterUnusable, ValuesRejected) as error:
            self._on_failed(error)
            return
        self._measured_layer = layer
        self._task.progressChanged.connect(self._show_progress)
        self._task.succeeded.connect(self._on_succeeded)
        self._task.failed.connect(self._on_failed)
        self._task.cancelled.connect(self._on_cancelled)
        self._began = time.monotonic()
        self._tell(self.tr("Measuring ..."))
        self._show_progress(0)
        self._refresh()
        self._task.start()

    def _show_progress(self, percent: float) -> None:
        self.progress_bar.setValue(round(percent))
        seconds = time.monotonic() - self._began
        self.result_label.setText(lasting_words(self.tr("Measuring:"), percent / 100, seconds))

    def _on_succeeded(self, proposals: Sequence[MeasuredProposal]) -> None:
        layer = self._measured_layer
        if layer is None or sip.isdeleted(layer):
            self._end(self.tr("Not kept. The layer of proposals is no longer in the project."))
            return
        try:
            left = write_evidence(layer, proposals)
        except ValuesRejected as error:
            self._on_failed(error)
            return
        self._end(self._result_words(proposals, left))
        self.measured.emit()

    def _on_failed(self, error: PluginError) -> None:
        self._end(self.tr("Not measured. {reason}").format(reason=sentence_for(error)))

    def _on_cancelled(self, _: object) -> None:
        self._end(self.tr("Cancelled. Nothing was changed."))

    def _end(self, words: str) -> None:
        self._task = self._measured_layer = None
        self._refresh()
        self._tell(words)

    def _tell(self, words: str) -> None:
        self.result_label.setText(words)
        self.told.emit(words)

    def _on_layer_gone(self) -> None:
        self._layer = None
        self._refresh()

    def _result_words(self, proposals: Sequence[MeasuredProposal], left: int) -> str:
        count = sum(proposal.support.gap is None for proposal in proposals)
        sentences = [
            self.tr("{count} of {all} proposals measured.").format(count=count, all=len(proposals)),
            *self._gap_sentences(proposals),
        ]
        if left:
            changed = self.tr("{count} changed meanwhile and were left as they are.")
            sentences.append(changed.format(count=left))
        return " ".join(sentences)

    def _gap_sentences(self, proposals: Sequence[MeasuredProposal]) -> list[str]:
        """Why some were not measured, with their labels and how many of each."""
        templates = {
            Gap.NO_RULE: self.tr("There is no rule for {labels}."),
            Gap.NO_BANDS: self.tr("The image lacks a known band for {labels}."),
            Gap.NO_BEFORE: self.tr("An image before with the same bands is needed for {labels}."),
            Gap.NO_PIXELS: self.tr("There are too few pixels with data for {labels}."),
        }
        sentences = []
        for gap, template in templates.items():
            found = Counter(proposal.state.label for proposal in proposals if proposal.support.gap is gap)
            labels = ", ".join(f"{label} ({count})" for label, count in found.items())
            if labels:
                sentences.append(template.format(labels=labels))
        return sentences
