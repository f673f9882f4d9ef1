"""What a hand does with the dock."""

from __future__ import annotations

from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QFileDialog, QLineEdit

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NO_KEY = Qt.KeyboardModifier.NoModifier


def click(widget):
    assert widget.isVisible()
    assert widget.isEnabled()
    QTest.mouseClick(widget, LEFT, NO_KEY, QPoint(10, widget.height() // 2))


def drag(canvas, start, end):
    viewport = canvas.viewport()
    QTest.mousePress(viewport, LEFT, NO_KEY, QPoint(*start))
    QTest.mouseMove(viewport, QPoint(*end))
    QTest.mouseRelease(viewport, LEFT, NO_KEY, QPoint(*end))


def click_on_map(canvas, spot, button=LEFT):
    QTest.mouseClick(canvas.viewport(), button, NO_KEY, QPoint(*spot))


def choose_file(qtbot, window, name, path):
    """Types a path into the file dialog of that name and confirms it."""
    qtbot.waitUntil(lambda: any(map(QFileDialog.isVisible, window.findChildren(QFileDialog, name))))
    (dialog,) = [each for each in window.findChildren(QFileDialog, name) if each.isVisible()]
    dialog.findChild(QLineEdit, "fileNameEdit").setText(str(path))
    dialog.accept()
    assert not dialog.isVisible()


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
    qtbot.waitUntil(lambda: len(window.ends) > before, timeout=60000)
    return window.ends[-1]


def tasks_of(dock):
    combo = dock.task_panel.task_combo
    return [combo.itemData(index) for index in range(combo.count())]
