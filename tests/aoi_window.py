"""The AOI panel beside a real map."""

from __future__ import annotations

from lspace.ui.area.aoi_panel import AoiPanel
from map_window import MapWindow, windows_of


class PanelWindow(MapWindow):
    """A map with the panel beside it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.panel = self.add(AoiPanel(self.canvas))
        self.panel.setFixedWidth(320)
        self.open()
        self.changes = []
        self.panel.changed.connect(lambda: self.changes.append(True))

    def says(self):
        return self.panel.size_label.text()

    def offered(self):
        combo = self.panel.layer_combo
        return sorted(combo.layer(index).name() for index in range(combo.count()))


def windows_with_a_panel(qtbot):
    """The body of a fixture: yields a function that makes windows, and clears them away."""
    yield from windows_of(PanelWindow, qtbot, lambda each: qtbot.waitUntil(lambda: " x " in each.says()))
