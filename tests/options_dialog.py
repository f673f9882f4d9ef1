"""The options page in a dialog, as QGIS shows it."""

from __future__ import annotations

from lspace.gis.recent_log import RecentLog
from lspace.ui.options.options_page import OptionsPage
from lspace.ui.options.work import Work
from qgis.PyQt.QtWidgets import QDialog, QVBoxLayout


class OptionsDialog(QDialog):
    """The page, and what outlives it."""

    def __init__(self, told):
        super().__init__()
        self.work, self.log = Work(told), RecentLog()
        self.page = OptionsPage(self.work, self.log, told, self)
        QVBoxLayout(self).addWidget(self.page)


def shown_at(qtbot, dialog, width, height):
    """On the screen, in that size, with the keyboard."""
    dialog.resize(width, height)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow, timeout=20_000)
    return dialog


def every_page(qtbot, dialog):
    """Each tab, that of the runtime in each of its ways and once at work; gives what is scrolled."""
    page = dialog.page
    for index in range(page.tabs.count()):
        page.tabs.setCurrentIndex(index)
        content = page.tabs.currentWidget().widget()
        if content is page.runtime:
            yield from _ways(qtbot, dialog, content)
        else:
            qtbot.wait(100)
            yield content


def _ways(qtbot, dialog, content):
    runtime, activity = dialog.page.runtime, dialog.work.runtime.activity
    qtbot.waitUntil(lambda: runtime.form.base.count() > 0, timeout=30_000)
    activity.begin("Preparing", lambda: None)
    activity.log("a line")
    activity.progress("Preparing", 0.4)
    for way in (runtime.prepare_way, runtime.wheels_way, runtime.own_way):
        way.setChecked(True)
        qtbot.wait(100)
        yield content
    activity.end("Prepared")
    qtbot.wait(100)
    yield content
