"""What somebody does who has nothing but the zip: installs it, chooses a Python, asks a first question."""

from __future__ import annotations

import sys
from pathlib import Path

import pyplugin_installer
import qgis.utils
from driver import click, click_and_go_on, dock, plugin, wait_s, write
from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialog, QDialogButtonBox, QWidget
from qgis.utils import iface

TAGS = ("LSpace", "Plugins", "Python error", "Python warning")


class Complaints:
    """Warnings and errors that plugins leave in QGIS's log from now on."""

    def __init__(self):
        self.lines = []
        QgsApplication.messageLog().messageReceived.connect(self._take)

    def _take(self, text, tag, level):
        if tag in TAGS and level in (Qgis.MessageLevel.Warning, Qgis.MessageLevel.Critical):
            self.lines.append(f"{tag}: {text}")


def install(path):
    """As Plugins > Manage and Install Plugins > Install from ZIP does; over an older one, too."""
    pyplugin_installer.instance().installFromZipFile(str(path))
    assert "lspace" in qgis.utils.active_plugins


def uninstall():
    """As the plugin manager's button does, without its question."""
    pyplugin_installer.instance().uninstallPlugin("lspace", quiet=True)


def installed_folder():
    """Where QGIS puts it."""
    return Path(qgis.utils.home_plugin_path) / "lspace"


def modules():
    """Those of the plugin that are imported."""
    return [module for name, module in sys.modules.items() if f"{name}.".startswith("lspace.")]


def foreign_modules():
    """Those that were not imported from the installed folder."""
    assert modules()
    return [each.__name__ for each in modules() if installed_folder() not in Path(each.__file__).parents]


def open_dock():
    """By the button in the toolbar."""
    action = iface.mainWindow().findChild(object, "LSpaceAction")
    button = iface.pluginToolBar().widgetForAction(action)
    yield button.isVisible
    click(button)
    yield lambda: dock() is not None and dock().isVisible()
    yield wait_s(0.5)


def open_options():
    """By the button of the hint that there is no Python yet."""
    assert "none is chosen yet" in dock().state_label.text()
    click_and_go_on(dock().advice_button)
    yield lambda: options_page() is not None and options_page().isVisible()
    yield wait_s(0.3)


def options_page():
    """The plugin's, in QGIS's own dialog; None while that is closed."""
    pages = [each.findChild(QWidget, "LSpace") for each in _dialogs()]
    return next((page for page in pages if page is not None), None)


def show_tab(title):
    """By a click on it; returns what is in it."""
    tabs = options_page().tabs
    (index,) = [index for index in range(tabs.count()) if tabs.tabText(index) == title]
    place = tabs.tabBar().tabRect(index).center()
    QTest.mouseClick(tabs.tabBar(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    assert tabs.currentIndex() == index
    return getattr(options_page(), title.lower())


def accept_options():
    """OK."""
    (box,) = options_page().window().findChildren(QDialogButtonBox, "buttonBox")
    click(box.button(QDialogButtonBox.StandardButton.Ok))
    yield lambda: options_page() is None


def use_python(interpreter):
    """Types it into the Runtime tab, has it checked, and accepts the options."""
    page = options_page().runtime
    click(page.own_way)
    write(page.interpreter.lineEdit(), interpreter)
    click(page.check_button)
    yield lambda: page.state.text().startswith("Ready")
    yield from accept_options()


def first_caption(ends):
    """The demo scene and Run, each by its button; ``ends`` gets the end of the run."""
    click(dock().first_steps.demo_button)
    yield wait_s(1.0)
    yield lambda: not iface.mapCanvas().isDrawing()
    plugin()._controller._runner.ended.connect(ends.append)
    click(dock().run_panel.run_button)
    yield lambda: bool(ends)
    assert ends[-1].error is None, ends[-1].error
    yield lambda: ends[-1].caption in dock().conversation_panel.log.toPlainText()
    yield wait_s(0.5)


def _dialogs():
    return [each for each in QApplication.topLevelWidgets() if isinstance(each, QDialog) and each.isVisible()]
