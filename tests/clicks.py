"""What a hand does with the dock."""

from __future__ import annotations

from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest

LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def click(widget):
    assert widget.isVisible()
    assert widget.isEnabled()
    QTest.mouseClick(widget, LEFT, NO_KEY, QPoint(10, widget.height() // 2))


def drag(canvas, start, end):
    viewport = canvas.viewport()
    QTest.mousePress(viewport, LEFT, NO_KEY, QPoint(*start))
    QTest.mouseMove(viewport, QPoint(*end))
    QTest.mouseRelease(viewport, LEFT, NO_KEY, QPoint(*end))


def choose_task(window, name):
    combo = window.dock.task_panel.task_combo
    index = combo.findData(name)
    assert index >= 0, name
    combo.setCurrentIndex(index)


def run_to_the_end(qtbot, window):
    """Clicks Run; returns what came of it."""
    return ends_after(qtbot, window, lambda: click(window.dock.run_panel.run_button))


def ends_after(qtbot, window, act):
    """Does something that starts a run; returns what came of it."""
    before = len(window.ends)
    act()
    qtbot.waitUntil(lambda: len(window.ends) > before, timeout=30000)
    return window.ends[-1]


def tasks_of(dock):
    combo = dock.task_panel.task_combo
    return [combo.itemData(index) for index in range(combo.count())]
