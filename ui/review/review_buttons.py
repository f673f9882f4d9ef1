# SPDX-License-Identifier: GPL-2.0-or-later
"""The buttons of a review, each with its key."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QGridLayout, QSizePolicy, QToolButton, QWidget

from .key_area import KeyArea

GAP_PX = 4


class ReviewButtons(QWidget):
    """The decisions, beside them ``tools`` and ``edges``; who owns them connects their ``clicked``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.accept = _button(self.tr("Accept A"), self.tr("Accept the selected proposals (A)"))
        self.reject = _button(self.tr("Reject R"), self.tr("Reject the selected proposals (R)"))
        self.next = _button(self.tr("Next N"), self.tr("On to the next proposal to review (N)"))
        self.reset = _button(
            self.tr("Reset U"), self.tr("Take back what was decided on the selected proposals (U)")
        )
        self.reshape = _button(self.tr("Shape E"), self.tr("Change the shape with QGIS's vertex tool (E)"))
        self.previous = _button(self.tr("Back P"), self.tr("Back to the proposal to review before (P)"))
        self.zoom = _tool("mActionZoomToSelected", self.tr("Zoom the map to the proposal (Z or Enter)"))
        tip = self.tr("Show on the map how uncertain the edges of the selected boxes are, or of all (B)")
        self.edges = _tool("mActionOffsetCurve", tip)
        self.edges.setObjectName("LSpaceEdgeBands")
        self.edges.setCheckable(True)
        self.edges.setWhatsThis(
            self.tr(
                "Draws a band around each edge of the model's own boxes, one standard deviation to either "
                "side. It comes from the probabilities of other numbers that the model might have written. "
                "Boxes that were reshaped, cut at the edge of the area, or mended have none."
            )
        )
        self.undo = _tool("mActionUndo", self.tr("Undo the last change of the layer (Ctrl+Z)"))
        self.redo = _tool("mActionRedo", self.tr("Redo what was undone (Ctrl+Shift+Z or Ctrl+Y)"))
        self._arrange()

    def _arrange(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(GAP_PX)
        texts = (self.accept, self.reject, self.next, self.reset, self.reshape, self.previous)
        for place, button in enumerate(texts):
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            grid.addWidget(button, *divmod(place, 3))
        for column in range(3):
            grid.setColumnStretch(column, 1)

    @property
    def tools(self) -> tuple[QToolButton, ...]:
        """Small buttons with an icon, to be put somewhere else; as ``edges``, which stays down."""
        return self.zoom, self.undo, self.redo

    def add_keys_to(self, area: KeyArea) -> None:
        """Has the keys that the buttons name click them."""
        keys = {
            Qt.Key.Key_A: self.accept,
            Qt.Key.Key_R: self.reject,
            Qt.Key.Key_P: self.previous,
            Qt.Key.Key_N: self.next,
            Qt.Key.Key_Z: self.zoom,
            Qt.Key.Key_Return: self.zoom,
            Qt.Key.Key_Enter: self.zoom,
            Qt.Key.Key_E: self.reshape,
            Qt.Key.Key_B: self.edges,
            Qt.Key.Key_U: self.reset,
        }
        for key, button in keys.items():
            area.add_key(key, button.click)
        area.set_undo(self.undo.click, self.redo.click)

    def enable(self, has_rows: bool, can_undo: bool, can_redo: bool) -> None:
        """Offers what can be done."""
        for button in (
            self.accept,
            self.reject,
            self.previous,
            self.next,
            self.zoom,
            self.reshape,
            self.reset,
            self.edges,
        ):
            button.setEnabled(has_rows)
        self.undo.setEnabled(can_undo)
        self.redo.setEnabled(can_redo)


def _button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button


def _tool(icon: str, tip: str) -> QToolButton:
    button = _button("", tip)
    button.setIcon(QgsApplication.getThemeIcon(f"/{icon}.svg"))
    button.setAutoRaise(True)
    return button
