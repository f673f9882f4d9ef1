"""The report by clicks: what is previewed, what is saved where, and what is said about it."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, exchange, picture
from lspace.gis.reporting.report import compose
from lspace.ui.report.report_panel import ReportPanel
from pdf_text import words_in
from planted import crs_of, harbour_layer, view_of
from proposals import files_limited_to
from qgis.core import QgsApplication, QgsProject, QgsSettings
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox
from reports import ACCEPTED, proposal_layer

EVIL = "<script>alert(1)</script><img src='file:///etc/passwd'>"


class Desk:
    """A panel beside a map of the harbour, and what it said."""

    def __init__(self):
        crs = crs_of("EPSG:3857")
        self.layer = harbour_layer()
        assert QgsProject.instance().addMapLayer(self.layer)
        self.canvas = QgsMapCanvas()
        self.canvas.resize(600, 400)
        self.canvas.setDestinationCrs(crs)
        self.canvas.setLayers([self.layer])
        self.canvas.setExtent(view_of([self.layer], crs, 600, 400, 5.0).extent())
        self.panel = ReportPanel(self.canvas)
        self.panel.resize(320, 600)
        self.panel.show()
        self.said = []
        self.panel.told.connect(self.said.append)

    def show(self, *texts, **values):
        one = exchange(*(answer(text) for text in texts or ("Water.",)), chips=[picture()])
        self.proposals = proposal_layer(one.run, (("vessel candidate", 0, 0, 100), {**ACCEPTED, **values}))
        self.panel.show_report(compose([self.proposals], [one]), {one.run.chips[0].chip_id: picture().png})

    def preview(self):
        return self.panel.preview.toPlainText()


@pytest.fixture
def desk(qtbot, qgis_new_project):
    QgsSettings().remove("lspace/report")
    desk = Desk()
    desk.panel.open_box.setChecked(False)
    qtbot.addWidget(desk.panel)
    qtbot.addWidget(desk.canvas)
    yield desk
    desk.panel.shut_down()
    qtbot.waitUntil(lambda: QgsApplication.taskManager().countActiveTasks() == 0, timeout=20_000)
    QgsSettings().remove("lspace/report")


def click(widget):
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def toggle(box):
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=box.rect().center() - box.rect().center() / 1.2)


def save(qtbot, desk, button, path):
    click(button)
    dialog = desk.panel.findChild(QFileDialog, "LSpaceReportDialog")
    dialog.fileSelected.emit(str(path))
    dialog.close()
    qtbot.waitUntil(lambda: desk.panel.findChild(QFileDialog, "LSpaceReportDialog") is None, timeout=20_000)


def until_said(qtbot, desk, words):
    qtbot.waitUntil(lambda: words in (desk.said or [""])[-1], timeout=20_000)


def test_before_anything_was_asked_there_is_nothing_to_save(desk):
    for report in (None, compose([], [])):
        desk.panel.show_report(report)
        assert desk.preview() == ""
        assert "ask a question first" in desk.panel.preview.placeholderText()
        assert not desk.panel.html_button.isEnabled()
        assert not desk.panel.pdf_button.isEnabled()


def test_the_preview_says_what_is_in_the_report_now(desk):
    desk.show("This shows a harbour.")
    assert "This shows a harbour." in desk.preview()
    assert "1.00 ha" in desk.preview()
    desk.panel.show_report(None)
    assert desk.preview() == ""


def test_what_is_ticked_off_leaves_the_preview_and_stays_off_next_time(desk, qtbot):
    desk.show("This shows a harbour.")
    toggle(desk.panel.text_box)
    assert not desk.panel.text_box.isChecked()
    assert "This shows a harbour." not in desk.preview()
    toggle(desk.panel.pending_box)
    assert "Pending proposals" not in desk.preview()
    toggle(desk.panel.map_box)
    assert "The map" not in desk.preview()
    other = ReportPanel(desk.canvas)
    qtbot.addWidget(other)
    assert (other.parts().map, other.parts().pending, other.parts().model_text) == (False, False, False)


def test_the_preview_stays_where_it_is_read(desk):
    desk.show(*["Water. " * 40] * 20)
    bar = desk.panel.preview.verticalScrollBar()
    assert bar.value() == 0
    bar.setValue(300)
    desk.show(*["Water. " * 40] * 20)
    assert bar.value() == 300


def test_whatever_a_model_writes_is_text_in_the_preview(desk):
    desk.show(EVIL)
    assert EVIL in desk.preview()
    assert "\ufffc" not in desk.preview()


def test_refresh_asks_for_a_new_report(desk, qtbot):
    with qtbot.waitSignal(desk.panel.refresh_requested):
        click(desk.panel.refresh_button)


def test_html_is_saved_with_its_map_and_pictures(desk, qtbot, tmp_path):
    desk.show(EVIL)
    save(qtbot, desk, desk.panel.html_button, tmp_path / "report")
    assert desk.said[0].startswith("Drawing the map")
    assert desk.panel.cancel_button.isVisible()
    assert not desk.panel.html_button.isEnabled()
    until_said(qtbot, desk, "The report is saved")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "<script>" not in page
    assert str(tmp_path / "report.html") in desk.said[-1]
    assert not desk.panel.cancel_button.isVisible()
    assert desk.panel.html_button.isEnabled()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_pdf_is_saved_with_the_same_words(desk, qtbot, tmp_path):
    desk.show("This shows a harbour.")
    save(qtbot, desk, desk.panel.pdf_button, tmp_path / "report.pdf")
    until_said(qtbot, desk, "The report is saved")
    words = words_in(tmp_path / "report.pdf")
    assert "Thisshowsaharbour." in words
    assert "1.00ha" in words
    assert [path.name for path in tmp_path.iterdir()] == ["report.pdf"]


def test_without_the_map_nothing_is_drawn(desk, qtbot, tmp_path):
    desk.show()
    desk.panel.map_box.setChecked(False)
    save(qtbot, desk, desk.panel.html_button, tmp_path / "report.html")
    until_said(qtbot, desk, "The report is saved")
    assert not any(words.startswith("Drawing") for words in desk.said)
    assert "The map" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_file_that_is_there_is_asked_about(desk, qtbot, tmp_path):
    desk.show()
    path = tmp_path / "report.pdf"
    for button in (QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes):
        path.write_text("theirs")
        save(qtbot, desk, desk.panel.pdf_button, path)
        (question,) = [box for box in desk.panel.findChildren(QMessageBox) if box.isVisible()]
        assert path.read_text() == "theirs"
        question.button(button).click()
        if button == QMessageBox.StandardButton.Yes:
            until_said(qtbot, desk, "The report is saved")
    assert path.read_bytes().startswith(b"%PDF")


def test_a_folder_that_takes_no_files_is_a_sentence(desk, qtbot, tmp_path):
    desk.show()
    save(qtbot, desk, desk.panel.html_button, tmp_path / "nowhere" / "report.html")
    until_said(qtbot, desk, "The report is not saved.")
    assert desk.panel.html_button.isEnabled()


def test_a_full_disk_is_a_sentence(desk, qtbot, tmp_path):
    desk.show()
    with files_limited_to(1000):
        save(qtbot, desk, desk.panel.html_button, tmp_path / "report.html")
        until_said(qtbot, desk, "no room left")
    assert list(tmp_path.iterdir()) == []


def test_cancel_while_the_map_is_drawn_leaves_nothing(desk, qtbot, tmp_path):
    desk.show()
    save(qtbot, desk, desk.panel.html_button, tmp_path / "report.html")
    click(desk.panel.cancel_button)
    until_said(qtbot, desk, "cancelled")
    QTest.qWait(300)
    assert list(tmp_path.iterdir()) == []
    assert desk.panel.html_button.isEnabled()
    save(qtbot, desk, desk.panel.html_button, tmp_path / "report.html")
    until_said(qtbot, desk, "The report is saved")


def test_the_report_that_was_asked_for_is_saved_though_another_is_shown_meanwhile(desk, qtbot, tmp_path):
    desk.show("The first.")
    save(qtbot, desk, desk.panel.html_button, tmp_path / "report.html")
    desk.show("The second.")
    until_said(qtbot, desk, "The report is saved")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The first." in page
    assert "The second." not in page


def test_a_saved_file_is_opened_if_wanted(desk, qtbot, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(url)))
    desk.show()
    desk.panel.open_box.setChecked(True)
    save(qtbot, desk, desk.panel.html_button, tmp_path / "report.html")
    until_said(qtbot, desk, "no program on this computer opens it")
    assert opened == [QUrl.fromLocalFile(str(tmp_path / "report.html"))]


def test_it_is_usable_in_a_narrow_dock(desk):
    assert desk.panel.minimumSizeHint().width() <= 320


def test_each_button_says_what_it_does(desk):
    panel = desk.panel
    for button in (panel.html_button, panel.pdf_button, panel.refresh_button, panel.cancel_button):
        assert button.toolTip()
    assert panel.whatsThis()
