"""Habits of the dock: names and tooltips, help, keys, nothing modal, long work that can be given up."""

from __future__ import annotations

import ast
import time

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_task, click, run_to_the_end, tasks_of
from lspace.gis.saving.export import PreparedSave
from lspace.gis.saving.export_format import ExportFormat
from lspace.gis.saving.training_rows import RowBatch
from lspace.ui.tab_order import _fields_of as tab_fields
from options_dialog import every_page, shown_at
from planted import ROOT
from qgis.PyQt.QtCore import QPoint, QRect, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QScrollBar,
    QTabBar,
    QTableView,
    QTextBrowser,
    QWhatsThis,
    QWidget,
)

TO_USE = (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTableView,
)
WAITING = {
    *("exec", "exec_", "processEvents", "waitForFinished", "waitForStarted", "waitForReadyRead"),
    *("information", "question", "warning", "critical", "about", "getText", "getItem", "getInt"),
    *("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"),
}
MENUS_OF_QGIS = "jevlsporwdmch"
"""Alt and one of these opens a menu of QGIS: no field of the dock is to take it away."""


def is_inner(widget):
    """A part of another field, or of Qt's own frame round one."""
    parents, parent = [], widget.parentWidget()
    while parent is not None:
        parents.append(parent)
        parent = parent.parentWidget()
    return isinstance(widget, QScrollBar) or any(isinstance(each, (*TO_USE, QTabBar)) for each in parents)


def fields_in_sight(part):
    """What can be used now, scrolled into view or not."""
    found = [widget for kind in TO_USE for widget in part.findChildren(kind)]
    return [widget for widget in dict.fromkeys(found) if widget.isVisible() and not is_inner(widget)]


def unfold_everything(window):
    window.dock.task_panel.prompts.setCollapsed(False)
    reviewing = window.controller.reviewing
    for part in (reviewing.evidence_panel, reviewing.agreement_panel):
        part.parentWidget().setCollapsed(False)
    for bands in (reviewing.evidence_panel.after_bands, reviewing.evidence_panel.before_bands):
        bands.details.show()


def every_view(window):
    """Shows each task, and each tab."""
    unfold_everything(window)
    for task in tasks_of(window.dock):
        choose_task(window, task)
        yield task
    for panel in panels_with_tabs(window.dock):
        window.dock.show_panel(panel)
        yield type(panel).__name__


def panels_with_tabs(dock):
    return dock.conversation_panel, dock.review_panel, dock.report_panel, dock.scan_panel


def reviewed_window(qtbot, make_window, **options):
    window = make_window(**options)
    choose_task(window, "vessels")
    end = run_to_the_end(qtbot, window)
    assert (end.boxes, end.error) == (3, None)
    return window


# names and help


def test_every_field_has_a_tooltip_and_a_name_that_can_be_read_out(qtbot, make_window):
    window = reviewed_window(qtbot, make_window)
    buddies = {label.buddy() for label in window.dock.findChildren(QLabel)}
    seen = set()
    for view in every_view(window):
        for field in fields_in_sight(window.dock.widget()):
            name = field.accessibleName() or (isinstance(field, QAbstractButton) and field.text())
            assert name or field in buddies, (view, field, field.toolTip())
            assert field.toolTip(), (view, field, name)
            seen.add(field)
    assert len(seen) > 60


def test_every_field_of_the_options_has_a_tooltip_and_a_name_too(qtbot, open_dialog):
    dialog = shown_at(qtbot, open_dialog(), 900, 700)
    buddies = {label.buddy() for label in dialog.findChildren(QLabel)}
    seen = set()
    for content in every_page(qtbot, dialog):
        assert len(content.whatsThis()) > 40
        for field in fields_in_sight(content):
            name = field.accessibleName() or (isinstance(field, QAbstractButton) and field.text())
            assert name or field in buddies, (content, field, field.toolTip())
            assert name != "…", field
            assert field.toolTip(), (content, field, name)
            seen.add(field)
    assert len(seen) > 35


def test_the_texts_have_names_too(make_window):
    dock = make_window().dock
    texts = dock.widget().findChildren(QTextBrowser)
    assert len(texts) == 2
    assert all(text.accessibleName() for text in texts)


def test_each_part_of_the_dock_says_what_it_is_for(make_window):
    window = make_window()
    dock, reviewing = window.dock, window.controller.reviewing
    parts = (
        *(dock.aoi_panel, dock.images_panel, dock.task_panel, dock.run_panel, dock.conversation_panel.log),
        *(dock.review_panel, dock.report_panel, reviewing.evidence_panel, reviewing.agreement_panel),
        dock.scan_panel,
        dock.state_label.parentWidget(),
    )
    assert [part for part in parts if len(part.whatsThis()) < 40] == []


def test_each_tab_of_the_dock_says_what_it_is_for(make_window):
    tabs = make_window().dock.tabs
    assert all(len(tabs.tabToolTip(index)) > 15 for index in range(tabs.count()))


def test_the_question_mark_explains_what_is_clicked_next_and_nothing_else_after_it(qtbot, make_window):
    window = make_window()
    click(window.dock.help_button)
    assert QWhatsThis.inWhatsThisMode()
    click(window.dock.run_panel.run_button)
    assert not QWhatsThis.inWhatsThisMode()
    assert not window.runner.is_busy
    QWhatsThis.hideText()
    click(window.dock.help_button)
    QTest.keyClick(window.dock, Qt.Key.Key_Escape)
    assert not QWhatsThis.inWhatsThisMode()
    assert QApplication.overrideCursor() is None


# keys


def comes_after(former, field, dock):
    """Lower than the former field, or in its row and further to the right; wherever parts are scrolled to."""
    frames = [frame_of(each, dock) for each in (field, former)]
    if frames[0] is frames[1]:
        base, parts = frames[0].widget() if isinstance(frames[0], QScrollArea) else dock, (field, former)
    else:
        base, parts = dock, frames
    place, other = (QRect(each.mapTo(base, QPoint(0, 0)), each.size()) for each in parts)
    in_one_row = min(place.bottom(), other.bottom()) - max(place.top(), other.top()) > 0
    return place.left() >= other.right() if in_one_row else place.top() >= other.bottom()


def out_of_order(fields, part):
    return [pair for pair in zip(fields, fields[1:]) if not comes_after(*pair, part)]


def frame_of(field, dock):
    """What scrolls it, or itself."""
    part = field
    while part is not dock:
        if isinstance(part, QScrollArea):
            return part
        part = part.parentWidget()
    return field


def tabbed_through(part, first):
    """The fields that the Tab key comes to, from the first until it leaves the part."""
    first.setFocus()
    came_to = []
    while part.isAncestorOf(QApplication.focusWidget()):
        field = QApplication.focusWidget()
        if field not in came_to[-1:]:  # in a text it goes from link to link
            came_to.append(field)
        assert len(came_to) < 150
        QTest.keyClick(field, Qt.Key.Key_Tab)
    return came_to


def reachable(part):
    """What the Tab key has to come to; of several choices, to the one that is taken."""
    return {
        widget
        for widget in part.findChildren(QWidget)
        if widget.isVisible()
        and not (isinstance(widget, QRadioButton) and not widget.isChecked())
        and widget.isEnabled()
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
    }


@pytest.mark.parametrize("task", ["caption", "ground", "words", "flood", "brief", "question"])
def test_the_tab_key_goes_through_the_form_from_the_top_to_the_bottom(qtbot, make_window, task):
    window = reviewed_window(qtbot, make_window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=20_000)
    dock = window.dock
    choose_task(window, task)
    unfold_everything(window)
    qtbot.waitUntil(lambda: not dock.images_panel.preview.is_busy, timeout=10_000)
    for panel in panels_with_tabs(dock):
        dock.show_panel(panel)
        qtbot.wait(50)  # the order follows when the panels know their heights
        came_to = tabbed_through(dock, dock.aoi_panel.source_combo)
        assert len(set(came_to)) == len(came_to)
        assert set(came_to) == reachable(dock.widget())
        came_to = [field for field in came_to if field is not dock.conversation_panel.log]
        qtbot.waitUntil(lambda fields=came_to: out_of_order(fields, dock) == [], timeout=20_000)


def test_the_tab_key_goes_through_each_page_of_the_options_from_the_top_to_the_bottom(qtbot, open_dialog):
    dialog = shown_at(qtbot, open_dialog(), 900, 700)
    for content in every_page(qtbot, dialog):
        fields = [field for field in tab_fields(content) if field in reachable(content)]
        came_to = tabbed_through(content, fields[0])
        assert len(set(came_to)) == len(came_to)
        assert set(came_to) == reachable(content)
        assert out_of_order(came_to, content) == []


def test_the_line_for_questions_comes_before_the_many_links_of_the_log(qtbot, make_window):
    window = reviewed_window(qtbot, make_window)
    panel = window.dock.conversation_panel
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=20_000)
    came_to = tabbed_through(window.dock, window.dock.aoi_panel.source_combo)
    assert came_to.index(panel.log) == came_to.index(panel.more_button) + 1


def test_no_key_of_a_field_is_that_of_another_or_of_a_menu_of_qgis(qtbot, make_window):
    window = reviewed_window(qtbot, make_window)
    for view in every_view(window):
        parts = [*window.dock.findChildren(QAbstractButton), *window.dock.findChildren(QLabel)]
        texts = [part.text().replace("&&", "") for part in parts if part.isVisible()]
        keys = [text[text.index("&") + 1].lower() for text in texts if "&" in text and "<" not in text]
        assert sorted(keys) == sorted(set(keys)), view
        assert not set(keys) & set(MENUS_OF_QGIS), view


def test_all_classes_can_be_chosen_by_keys(qtbot, make_window):
    window = make_window()
    choose_task(window, "ground")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=20_000)
    classes = window.dock.task_panel.classes
    classes.boxes["built areas"].setFocus()
    qtbot.wait(50)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is classes.all_link
    QTest.keyClick(classes.all_link, Qt.Key.Key_Tab)  # to the first of its links
    QTest.keyClick(classes.all_link, Qt.Key.Key_Return)
    assert len(classes.chosen()) == 9


# nothing modal


OF_OTHER_THREADS = ("waiting_worker.py", "drawn_chip.py")
"""Files for the thread of an algorithm, which may wait."""


def modal_calls(source):
    """Calls that wait for the user: of a dialog's ``exec``, or of the ready-made questions."""
    for node in ast.walk(ast.parse(source)):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in WAITING:
            yield ast.unparse(called)


def test_the_plugin_asks_nothing_that_has_to_be_answered_first():
    paths = [ROOT / "plugin.py", *(ROOT / "ui").rglob("*.py"), *(ROOT / "gis").rglob("*.py")]
    found = {path.name: list(modal_calls(path.read_text(encoding="utf-8"))) for path in paths}
    for name in OF_OTHER_THREADS:
        found.pop(name)
    assert {name: calls for name, calls in found.items() if calls} == {}


def test_the_test_sees_what_is_modal():
    source = "QMessageBox.question(a, b)\ndialog.exec()\nQFileDialog.getSaveFileName(a)\ndialog.open()"
    assert list(modal_calls(source)) == ["QMessageBox.question", "dialog.exec", "QFileDialog.getSaveFileName"]


# what may be missed


def test_a_run_that_ends_while_the_dock_is_closed_is_told_in_the_message_bar(qtbot, make_window):
    window = make_window(token_s="0.02")
    click(window.dock.run_panel.run_button)
    window.dock.close()
    qtbot.waitUntil(lambda: bool(window.ends), timeout=30_000)
    assert window.messages == [("The answer is there.", False)]


def test_a_run_that_ends_in_sight_is_not_told_twice(qtbot, make_window):
    window = make_window()
    run_to_the_end(qtbot, window)
    assert window.messages == []


def test_a_run_that_fails_is_a_warning_wherever_the_user_looks(qtbot, make_window):
    window = make_window()
    window.canvas.setLayers([])
    run_to_the_end(qtbot, window)
    ((sentence, is_warning),) = window.messages
    assert "No layer shows anything here" in sentence
    assert is_warning


def test_a_file_saved_while_the_dock_is_closed_is_told_in_the_message_bar(qtbot, make_window, tmp_path):
    window = reviewed_window(qtbot, make_window)
    save_all(qtbot, window, tmp_path / "boxes.gpkg")
    window.dock.close()
    qtbot.waitUntil(lambda: any("Saved 3 boxes" in text for text, _ in window.messages), timeout=20_000)


# long work


def save_all(qtbot, window, path):
    layer = window.ends[-1].proposals
    window.dock.review_panel.save_requested.emit(layer, ExportFormat.GEOPACKAGE, None)
    dialog = window.dock.findChild(QFileDialog, "LSpaceSaveDialog")
    qtbot.waitUntil(dialog.isVisible, timeout=20_000)
    dialog.fileSelected.emit(str(path))
    dialog.close()


def test_a_run_shows_how_far_it_is_how_long_it_takes_and_how_to_stop_it(qtbot, make_window):
    window = make_window(token_s="0.1")
    panel = window.dock.run_panel
    click(panel.run_button)
    qtbot.waitUntil(lambda: "tokens" in panel.stage_label.text(), timeout=20_000)
    assert panel.progress_bar.isVisible()
    assert panel.stage_label.text().endswith(("left", "so far"))
    click(panel.cancel_button)
    qtbot.waitUntil(lambda: bool(window.ends), timeout=20_000)


def wait_for_cancel(monkeypatch, kind):
    """The writing of that kind goes on until it is given up."""
    write = kind.write

    def write_late(self, *values):
        *_, gives_up = values
        while not gives_up():
            time.sleep(0.01)
        return write(self, *values)

    monkeypatch.setattr(kind, "write", write_late)


def test_saving_can_be_given_up_and_leaves_no_file(qtbot, make_window, tmp_path, monkeypatch):
    wait_for_cancel(monkeypatch, PreparedSave)
    window = reviewed_window(qtbot, make_window)
    part = window.dock.told_part
    assert not part.give_up_button.isVisible()
    save_all(qtbot, window, tmp_path / "boxes.gpkg")
    assert part.progress_bar.isVisible()
    click(part.give_up_button)
    qtbot.waitUntil(lambda: not part.give_up_button.isVisible(), timeout=20_000)
    assert "Not saved. It was cancelled." in part.label.text()
    assert list(tmp_path.iterdir()) == []


def test_writing_training_rows_can_be_given_up(qtbot, make_window, tmp_path, monkeypatch):
    wait_for_cancel(monkeypatch, RowBatch)
    window = reviewed_window(qtbot, make_window)
    window.dock.show_panel(window.dock.review_panel)
    for _ in range(3):
        window.dock.review_panel.table.setFocus()
        QTest.keyClick(window.dock.review_panel.table, Qt.Key.Key_A)
    window.dock.review_panel.save_button.menu().actions()[-1].trigger()
    click(window.dock.findChild(QPushButton, "LSpaceRowsChoose"))
    dialog = window.dock.findChild(QFileDialog, "LSpaceRowsFolder")
    qtbot.waitUntil(dialog.isVisible, timeout=20_000)
    dialog.fileSelected.emit(str(tmp_path))
    dialog.close()
    click(window.dock.told_part.give_up_button)
    qtbot.waitUntil(lambda: "It was cancelled." in window.dock.told_label.text(), timeout=20_000)
    assert not (tmp_path / "rows.jsonl").exists()
    assert not window.dock.told_part.give_up_button.isVisible()


# what comes back


def test_the_height_that_was_given_to_the_question_by_hand_comes_back(qtbot, make_window):
    window = make_window()
    drag_splitter(window.dock, 60)
    shares = share_of(window.dock)
    window.dock.tell("A sentence that wants room.")
    qtbot.wait(50)
    assert share_of(window.dock) == pytest.approx(shares, abs=0.03)
    window.controller.shut_down()
    again = make_window()
    qtbot.wait(50)
    assert share_of(again.dock) == pytest.approx(shares, abs=0.03)


def drag_splitter(dock, by_px):
    handle = dock.splitter.handle(1)
    spot = QPoint(handle.width() // 2, handle.height() // 2)
    QTest.mousePress(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spot)
    QTest.mouseMove(handle, spot + QPoint(0, by_px))
    QTest.mouseRelease(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spot)


def share_of(dock):
    upper, lower = dock.splitter.sizes()
    return upper / (upper + lower)
