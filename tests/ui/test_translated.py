"""Everything that the dock says can be said in another language, and can be collected for translators."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_task, click, run_to_the_end, tasks_of
from lspace.gis.models.published import published_models
from lspace.gis.runtime.runtime_folder import default_folder
from lspace.gis.saving.export_format import ExportFormat
from lspace.gis.settings import LastLoad, Settings
from lspace.model_backend.contract import EMBEDDED_MODEL, load_contracts
from lspace.ui.dock import LSpaceDock
from options_dialog import every_page, shown_at
from planted import WORKER_PYTHON
from qgis.core import Qgis, QgsApplication, QgsProject
from qgis.gui import QgsAuthConfigSelect
from qgis.PyQt.QtCore import QCoreApplication, Qt, QTranslator
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QGroupBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
    QTableWidget,
    QTabWidget,
    QTextBrowser,
    QWidget,
)
from translatable import Texts, as_ts, collected, texts_of_code

OPEN, CLOSE = "\u27e6", "\u27e7"
WORD = re.compile(r"[A-Za-z]{2,}")
TAG = re.compile("<[^>]*>|&nbsp;")
ROLES = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)


class Marking(QTranslator):
    """Puts marks round every text that translators get to see; all else it does not know."""

    def __init__(self):
        super().__init__()
        self._known = collected()

    def isEmpty(self):
        return False

    def translate(self, context, text, disambiguation=None, n=-1):
        return f"{OPEN}{text}{CLOSE}" if (context, text) in self._known else None


@pytest.fixture
def marked():
    translator = Marking()
    assert QCoreApplication.installTranslator(translator)
    yield
    QCoreApplication.removeTranslator(translator)


def unmarked(text):
    """What of a text stands outside of all marks."""
    depth, rest = 0, []
    for letter in text:
        depth += (letter == OPEN) - (letter == CLOSE)
        if not depth:
            rest.append(" " if letter == CLOSE else letter)
    return "".join(rest)


def said_by(widget):
    """What a person reads of a widget, or is read to them."""
    yield from (widget.toolTip(), widget.whatsThis(), widget.accessibleName(), widget.accessibleDescription())
    if isinstance(widget, (QAbstractButton, QLabel)):
        yield widget.text()
    if isinstance(widget, QGroupBox):
        yield widget.title()
    if isinstance(widget, QComboBox):
        yield from (widget.itemText(row) for row in range(widget.count()))
    if isinstance(widget, (QLineEdit, QPlainTextEdit, QTextBrowser)):
        yield widget.placeholderText()
    if isinstance(widget, QTabWidget):
        yield from (widget.tabText(index) for index in range(widget.count()))
        yield from (widget.tabToolTip(index) for index in range(widget.count()))
    if isinstance(widget, QTableWidget):
        heads = (widget.horizontalHeaderItem(column) for column in range(widget.columnCount()))
        yield from (head.text() for head in heads)
    if isinstance(widget, QAbstractSpinBox):
        yield widget.specialValueText()


def untranslated(part, data):
    """What the widgets of a part say outside of all marks and that is none of the data, each with where."""
    found = []
    for widget in [part, *part.findChildren(QWidget)]:
        if not (is_qts_own(widget) or is_qgis_own(widget)):
            rests = (without(data, unmarked(TAG.sub("", text))) for text in said_by(widget))
            found += [(type(widget).__name__, rest) for rest in rests if WORD.search(rest)]
    return found


def is_qts_own(widget):
    """The frame of the dock, and what Qt puts into a bar of tabs."""
    return isinstance(widget.parentWidget(), (LSpaceDock, QTabBar)) and isinstance(widget, QAbstractButton)


def is_qgis_own(widget):
    """The buttons with which QGIS has logins chosen and made."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QgsAuthConfigSelect):
        parent = parent.parentWidget()
    return parent is not None and isinstance(widget, QAbstractButton)


def without(data, text):
    for known in sorted(filter(None, data), key=len, reverse=True):
        text = text.replace(known, "")
    return text


def data_of(window):
    """What is not for translators: names of classes, layers, models and bands, and what a model wrote."""
    contract = window.dock.task_panel.contract
    tasks = list(contract.tasks.values())
    answers = [answer for end in window.ends for answer in end.answers]
    runs = [end.run for end in window.ends if end.run is not None]
    return {
        *(target.name for target in contract.targets),
        *(name for task in tasks for name in (task.name, task.words, task.prompt)),
        *(part for answer in answers for part in (answer.text, answer.prompt, answer.chip_id)),
        *(part for run in runs for part in (run.run_id, run.model, run.revision, run.device, run.precision)),
        *(layer.name() for layer in QgsProject.instance().mapLayers().values()),
        *(
            "harbour",
            "Band 1",
            "Band 2",
            "Band 3",
            *(each.title for each in load_contracts().values()),
            "bright-targets",
            "cpu",
            "float32",
            "It counts pixels.",
        ),
        *(
            "EPSG:3857 - WGS 84 / Pseudo-Mercator",
            QgsApplication.userFullName(),
            Qgis.QGIS_VERSION,
            "vessels",
        ),
    }


def text_of(browser):
    return unmarked(browser.toPlainText())


def test_each_form_of_the_dock_is_in_the_users_language(qtbot, make_window, marked):
    window = make_window()
    for task in tasks_of(window.dock):
        choose_task(window, task)
        qtbot.waitUntil(lambda: not window.dock.images_panel.preview.is_busy, timeout=10_000)
        assert untranslated(window.dock, data_of(window)) == [], task
    assert OPEN in window.dock.windowTitle() or window.dock.windowTitle() == "LSpace"


def test_what_came_of_a_run_is_in_the_users_language_and_what_the_model_wrote_is_not(
    qtbot, make_window, marked
):
    window = make_window()
    choose_task(window, "vessels")
    (answer, *_) = run_to_the_end(qtbot, window).answers
    assert answer.text.startswith("Detected 3 potential vessel candidate")
    dock, data = window.dock, data_of(window)
    assert untranslated(dock, data) == []
    assert not WORD.search(without(data, text_of(dock.conversation_panel.log)))
    dock.show_panel(dock.report_panel)
    qtbot.waitUntil(lambda: bool(dock.report_panel.preview.toPlainText()), timeout=20_000)
    assert not WORD.search(without(data, text_of(dock.report_panel.preview)))
    table = dock.review_panel.table.model()
    told = [
        table.headerData(column, Qt.Orientation.Horizontal, role) for column in range(6) for role in ROLES
    ]
    told += [table.index(0, column).data(role) for column in range(6) for role in ROLES]
    rests = [without(data, unmarked(TAG.sub("", text))) for text in told if text]
    assert [rest for rest in rests if WORD.search(rest)] == []


def test_what_goes_wrong_is_told_in_the_users_language(qtbot, make_window, marked):
    window = make_window()
    window.canvas.setLayers([])
    run_to_the_end(qtbot, window)
    choose_task(window, "ground")
    click(window.dock.run_panel.run_button)
    assert window.dock.told_label.text().startswith(OPEN)
    data = data_of(window)
    assert untranslated(window.dock, data) == []
    Settings().save()
    window.controller.refresh_state()
    assert untranslated(window.dock, data | data_of(window)) == []
    ((sentence, _),) = window.messages
    assert not WORD.search(unmarked(sentence))


def test_the_dialogs_are_in_the_users_language(qtbot, make_window, marked):
    window = make_window()
    choose_task(window, "vessels")
    end = run_to_the_end(qtbot, window)
    panel = window.dock.review_panel
    panel.save_button.menu().actions()[-1].trigger()
    rows = window.dock.findChild(QDialog, "LSpaceRowsDialog")
    assert not WORD.search(unmarked(rows.windowTitle()))
    assert untranslated(rows, {"Close", "&Close"}) == []
    panel.save_requested.emit(end.proposals, ExportFormat.SHAPEFILE, None)
    save = window.dock.findChild(QDialog, "LSpaceSaveDialog")
    assert not WORD.search(unmarked(save.windowTitle()).replace(ExportFormat.SHAPEFILE.title, ""))
    save.close()
    menus = [
        *panel.save_button.menu().actions(),
        *window.dock.conversation_panel.more_button.menu().actions(),
    ]
    titles = {each.title for each in ExportFormat}
    assert [
        text for text in (without(titles, unmarked(action.text())) for action in menus) if WORD.search(text)
    ] == []


def test_the_options_are_in_the_users_language(qtbot, open_dialog, marked):
    Settings(interpreter=WORKER_PYTHON).save()
    LastLoad("cuda", "bfloat16", "It is fastest.").save()
    dialog = shown_at(qtbot, open_dialog(), 900, 700)
    runtime = dialog.page.runtime
    for _ in every_page(qtbot, dialog):
        pass
    qtbot.waitUntil(lambda: "torch" in runtime.state.text(), timeout=30_000)
    pythons = [runtime.form.base.itemData(row) for row in range(runtime.form.base.count())]
    model = load_contracts()["lspace"]
    data = {
        *(WORKER_PYTHON, *pythons, str(default_folder()), str(EMBEDDED_MODEL), model.hub_id),
        *(words for contract in load_contracts().values() for words in (contract.licence, contract.title)),
        "No Authentication",
        *("MB", " min", "cuda", "bfloat16", "It is fastest.", "Preparing", "Prepared"),
        *(published_models()[0].revision[:8], os.path.basename(WORKER_PYTHON)),
    }
    assert untranslated(dialog.page, data) == []
    LastLoad().save()


# collecting


def test_every_text_can_be_collected():
    assert [fault for texts in texts_of_code() for fault in texts.faults] == []


def test_no_text_is_looked_up_under_the_name_of_another_class():
    """``self.tr`` of a class that others inherit from would be."""
    sources = [ast.parse(texts.path.read_text(encoding="utf-8")) for texts in texts_of_code()]
    classes = [node for source in sources for node in ast.walk(source) if isinstance(node, ast.ClassDef)]
    bases = {ast.unparse(base) for node in classes for base in node.bases}
    names = [node.name for node in classes]
    assert bases & {context for context, _ in collected()} & set(names) == set()


def test_a_text_that_nobody_can_collect_is_found(tmp_path):
    source = tmp_path / "part.py"
    source.write_text(
        'class Part:\n    def say(self):\n        self.tr("a")\n        tr("b")\n        tr(name)\n'
    )
    texts = Texts(source, root=tmp_path)
    assert texts.found == [("Part", "a"), ("LSpace", "b")]
    assert texts.faults == ["part.py:5: name"]


@pytest.mark.skipif(shutil.which("lrelease") is None, reason="Qt's lrelease is not installed")
def test_what_was_collected_and_translated_is_what_the_user_reads(tmp_path):
    source = tmp_path / "lspace_xx.ts"
    empty = '<source>Run</source><translation type="unfinished"></translation>'
    text = as_ts(collected())
    assert empty in text
    text = text.replace(empty, "<source>Run</source><translation>Los</translation>")
    source.write_text(text, encoding="utf-8")
    subprocess.run(["lrelease", "-silent", str(source)], check=True)
    translator = QTranslator()
    assert translator.load(str(source.with_suffix(".qm")))
    assert translator.translate("RunPanel", "Run") == "Los"
