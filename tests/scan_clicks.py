"""What a hand does with the tab Scan, and what it waits for."""

from __future__ import annotations

from clicks import click
from lspace.ui.scan.scan_panel import ScanState
from qgis.core import QgsVectorLayer

LONG_MS = 120_000


def open_scan(qtbot, window, path):
    """Shows the tab with that file, and waits until it is known what can be done."""
    panel = window.dock.scan_panel
    window.dock.show_panel(panel)
    panel.path_edit.setText(str(path))
    wait_until_known(qtbot, panel)
    return panel


def wait_until_known(qtbot, panel):
    known = (ScanState.NEW, ScanState.BROKEN_OFF, ScanState.COMPLETE)
    qtbot.waitUntil(lambda: panel.state in known, timeout=LONG_MS)


def wait_for_end(qtbot, window):
    """Until the scan is over, for now or for good, and its file has been read."""
    qtbot.waitUntil(lambda: not window.controller.scanning.is_scanning, timeout=LONG_MS)
    wait_until_known(qtbot, window.dock.scan_panel)


def start_paused(qtbot, window):
    """Starts a scan and has it rest before the first picture; both by clicks."""
    panel, scanning = window.dock.scan_panel, window.controller.scanning
    click(panel.start_button)
    click(panel.pause_button)
    qtbot.waitUntil(lambda: panel.counts_label.isVisible() or not scanning.is_scanning, timeout=LONG_MS)
    assert scanning.is_scanning, window.dock.told_label.text()


def rows_of(path, table):
    """The attributes of a table of a scan's file."""
    layer = QgsVectorLayer(f"{path}|layername={table}", table, "ogr")
    assert layer.isValid()
    names = layer.fields().names()
    return [dict(zip(names, feature.attributes())) for feature in layer.getFeatures()]


def states_in(path):
    return [row["state"] for row in rows_of(path, "lspace_cells")]
