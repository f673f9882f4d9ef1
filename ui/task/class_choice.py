# SPDX-License-Identifier: GPL-2.0-or-later
"""Which classes to look for: a tick each, all or none with one click."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from ..parts import fill_column


class ClassChoice(QWidget):
    """Two columns of boxes; the names are the contract's."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: dict[str, QCheckBox] = {}
        self._grid = QWidget()
        self.all_link = QLabel()
        self.all_link.setText(
            f'<a href="all">{self.tr("All")}</a> &nbsp; <a href="none">{self.tr("None")}</a>'
        )
        links = Qt.TextInteractionFlag
        self.all_link.setTextInteractionFlags(links.LinksAccessibleByMouse | links.LinksAccessibleByKeyboard)
        self.all_link.setToolTip(self.tr("Each class is a question of its own, and takes its time"))
        self.all_link.linkActivated.connect(lambda link: self.choose(self.boxes if link == "all" else ()))
        fill_column(self, self._grid, self.all_link).setSpacing(2)

    def offer(self, names: Sequence[str]) -> None:
        """Offers these classes; what was ticked stays so where it is still offered."""
        if list(names) == list(self.boxes):
            return
        chosen = self.chosen()
        self.boxes = {name: QCheckBox(name) for name in names}
        for name, box in self.boxes.items():
            box.setToolTip(self.tr("Ask about {name}, in a question of its own").format(name=name))
            box.toggled.connect(lambda _: self.changed.emit())
        former, self._grid = self._grid, _two_columns(self.boxes)
        self.layout().replaceWidget(former, self._grid)
        former.hide()
        former.deleteLater()
        self.choose(chosen)

    def chosen(self) -> tuple[str, ...]:
        """The ticked classes, in the contract's order."""
        return tuple(name for name, box in self.boxes.items() if box.isChecked())

    def choose(self, names: Iterable[str]) -> None:
        """Ticks these and no others."""
        wanted = set(names)
        for name, box in self.boxes.items():
            box.setChecked(name in wanted)


def _two_columns(boxes: dict[str, QCheckBox]) -> QWidget:
    """The short names on the left, the long ones on the right: as narrow as two columns can be."""
    part = QWidget()
    grid = QGridLayout(part)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(0)
    grid.setVerticalSpacing(2)
    shortest = sorted(boxes, key=len)[: (len(boxes) + 1) // 2]
    halves = [name for name in boxes if name in shortest], [name for name in boxes if name not in shortest]
    for column, names in enumerate(halves):
        for line, name in enumerate(names):
            grid.addWidget(boxes[name], line, column)
    return part
