# SPDX-License-Identifier: GPL-2.0-or-later
"""Which proposals are to be shown: by score, label and status."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QGridLayout, QLabel, QSlider, QToolButton, QWidget

from ...gis.layers import Status
from ...gis.review.review_filter import ReviewFilter
from ..parts import narrow_combo
from .review_model import status_words

STEPS = 100
"""Of the slider, from 0 to 1; at 0 there is no condition."""


class ReviewFilterBar(QWidget):
    """Says what the filter is, and tells when the user changes it."""

    filter_changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.score_slider = self._score_slider()
        self.score_label = QLabel()
        self.score_label.setBuddy(self.score_slider)
        self.label_combo = _choice(self.tr("Show one label only"))
        self.label_combo.addItem(self.tr("All labels"), None)
        self.status_combo = _choice(self.tr("Show what is decided so, or not decided yet"))
        self.status_combo.addItem(self.tr("Any status"), None)
        for status in Status:
            self.status_combo.addItem(status_words(status), status.value)
        self.all_button = QToolButton()
        self.all_button.setIcon(QgsApplication.getThemeIcon("/mIconClearText.svg"))
        self.all_button.setAutoRaise(True)
        self.all_button.setAccessibleName(self.tr("Show all"))
        self.all_button.setToolTip(self.tr("Show all proposals again, in the table and on the map"))
        self.all_button.clicked.connect(self._clear)
        for combo in (self.label_combo, self.status_combo):
            combo.currentIndexChanged.connect(self._on_changed)
        self._arrange()
        self._say()

    def filter(self) -> ReviewFilter:
        """What is to be shown."""
        step, status = self.score_slider.value(), self.status_combo.currentData()
        return ReviewFilter(
            least_score=step / STEPS if step else None,
            label=self.label_combo.currentData(),
            status=Status(status) if status else None,
        )

    def show_filter(self, chosen: ReviewFilter) -> None:
        """Takes over a filter without telling."""
        with QSignalBlocker(self):
            self.score_slider.setValue(round(STEPS * (chosen.least_score or 0.0)))
            if chosen.label and self.label_combo.findData(chosen.label) < 0:
                self.label_combo.addItem(chosen.label, chosen.label)
            self.label_combo.setCurrentIndex(self.label_combo.findData(chosen.label))
            status = chosen.status.value if chosen.status else None
            self.status_combo.setCurrentIndex(self.status_combo.findData(status))

    def offer(self, labels: Sequence[str], has_scores: bool) -> None:
        """Offers these labels, and the slider where there is something to compare; the filter stays."""
        chosen = self.filter()
        with QSignalBlocker(self.label_combo):
            while self.label_combo.count() > 1:
                self.label_combo.removeItem(1)
            for label in labels:
                self.label_combo.addItem(label, label)
        self.show_filter(chosen)
        self.score_slider.setEnabled(has_scores or chosen.least_score is not None)

    def _clear(self) -> None:
        self.show_filter(ReviewFilter())
        self._on_changed()

    def _on_changed(self) -> None:
        self._say()
        self.filter_changed.emit()

    def _say(self) -> None:
        chosen = self.filter()
        words = self.tr("Any score") if chosen.least_score is None else self.tr("Score >= {least:.2f}")
        self.score_label.setText(words.format(least=chosen.least_score or 0.0))
        self.all_button.setEnabled(not chosen.shows_all)

    def _score_slider(self) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, STEPS)
        slider.setPageStep(10)
        slider.setToolTip(
            self.tr("Show proposals with at least this score; those without a score are always shown")
        )
        slider.setAccessibleName(self.tr("Least score"))
        slider.valueChanged.connect(self._on_changed)
        return slider

    def _arrange(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        widest = self.tr("Score >= {least:.2f}").format(least=0.0)
        self.score_label.setMinimumWidth(self.score_label.fontMetrics().horizontalAdvance(widest))
        grid.addWidget(self.score_label, 0, 0)
        grid.addWidget(self.score_slider, 0, 1, 1, 2)
        grid.addWidget(self.label_combo, 1, 0)
        grid.addWidget(self.status_combo, 1, 1)
        grid.addWidget(self.all_button, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)


def _choice(tip: str) -> QComboBox:
    combo = narrow_combo()
    combo.setMinimumContentsLength(6)
    combo.setToolTip(tip)
    combo.setAccessibleName(tip)
    return combo
