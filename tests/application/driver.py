"""Drives the real QGIS from ``qgis --code``: steps that wait without blocking, clicks, screenshots.

A script is a generator of conditions: ``yield lambda: dock.isVisible()`` goes on once it is true.
"""

from __future__ import annotations

import os
import sys
import time
import traceback

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QPoint, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDockWidget
from qgis.utils import iface, plugins

STEP_MS = 20
STEP_TIMEOUT_S = 180.0
_DRIVERS = []
"""Keeps the Python half of each driver alive."""


class Driver:
    """Runs a script of steps, then ends QGIS; status 1 after an error or a condition that never came."""

    def __init__(self, script):
        self._script = script
        self._condition = None
        self._deadline = 0.0
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)

    def start(self):
        self._timer.start(STEP_MS)

    def fail(self, kind, error, trace):
        """Any error in QGIS's Python, the plugin's slots included, ends the run."""
        traceback.print_exception(kind, error, trace)
        self._quit(1)

    def _tick(self):
        try:
            self._step()
        except Exception:  # noqa: BLE001 - whatever it is, the run is over
            self.fail(*sys.exc_info())

    def _step(self):
        if self._condition is not None:
            if time.monotonic() > self._deadline:
                raise TimeoutError(f"never came: {self._condition.__code__}")
            if not self._condition():
                return
        try:
            self._condition = next(self._script)
        except StopIteration:
            self._quit(0)
            return
        self._deadline = time.monotonic() + getattr(self._condition, "timeout_s", STEP_TIMEOUT_S)

    def _quit(self, status):
        self._timer.stop()
        if status:
            grab(os.environ.get("FAILURE_PICTURE", "/dev/null"))
            sys.stderr.flush()
            os._exit(status)
        QgsProject.instance().clear()
        QgsProject.instance().setDirty(False)
        iface.actionExit().trigger()


def drive(script):
    """Starts the script as soon as QGIS is up."""
    driver = Driver(script)
    sys.excepthook = driver.fail
    iface.mainWindow().setGeometry(0, 0, 1600, 1000)  # no window manager is there to maximise
    _DRIVERS.append(driver)
    driver.start()


def plugin():
    return plugins["lspace"]


def dock():
    return iface.mainWindow().findChild(QDockWidget, "LSpaceDock")


def click(widget):
    """A real click in the middle of a widget that can be seen."""
    assert widget.isVisible(), widget
    assert widget.isEnabled(), widget
    spot = QPoint(12, widget.height() // 2) if hasattr(widget, "setChecked") else widget.rect().center()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spot)


def click_and_go_on(widget):
    """A click that opens a dialog with an event loop of its own, in which the script goes on."""
    QTimer.singleShot(0, lambda: click(widget))


def write(field, text):
    """Types the text into a field, in place of what stood there."""
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)


def choose(combo, data):
    """Picks an entry of a combo box with the keyboard."""
    combo.setFocus()
    target = combo.findData(data)
    assert target >= 0, data
    while combo.currentIndex() != target:
        key = Qt.Key.Key_Down if combo.currentIndex() < target else Qt.Key.Key_Up
        QTest.keyClick(combo, key)


def drag_on_map(start, end):
    """Presses, moves and releases on the map; the points are shares of its width and height."""
    viewport = iface.mapCanvas().viewport()
    first, last = (QPoint(int(x * viewport.width()), int(y * viewport.height())) for x, y in (start, end))
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, first)
    QTest.mouseMove(viewport, (first + last) / 2)
    QTest.mouseMove(viewport, last)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, last)


def grab(path):
    """A picture of the whole QGIS window."""
    iface.mainWindow().grab().save(str(path))


def wait_s(seconds):
    """A condition that is true after so long."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def within_s(seconds, condition):
    """A condition that may take so long."""

    def patient():
        return condition()

    patient.timeout_s = seconds
    return patient
