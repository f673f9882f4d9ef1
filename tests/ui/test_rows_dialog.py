"""Training rows, by clicks: what the dialog says, and what lies in the folder afterwards."""

from __future__ import annotations

import json
import threading

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.saving.row_folder import RowFolder
from lspace.gis.saving.training_rows import RowCounts
from lspace.model_backend.contract import load_contracts
from lspace.ui.review.rows_dialog import RowsDialog, counts_sentences
from proposals import files_limited_to
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QCheckBox, QDialog, QFileDialog, QLabel, QPushButton, QWidget
from reviewed import TREES, chip_at, decide, pictures_of, proposal_layer, propose, run_of

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")


class Desk(QWidget):
    """A window with a reviewed layer: one accepted box of water, one rejected box of trees."""

    def __init__(self):
        super().__init__()
        chip = chip_at()
        run = run_of(chip, targets=("water", TREES))
        self.layer = proposal_layer(run)
        QgsProject.instance().addMapLayer(self.layer)
        self.water = propose(self.layer, run, chip, (10, 10, 60, 40))
        propose(self.layer, run, chip, (70, 70, 90, 90), TREES, status="rejected")
        self.told = []
        self.rows = RowsDialog([self.layer], load_contracts()["lspace"], pictures_of(chip), self)
        self.rows.told.connect(self.told.append)

    def part(self, kind, name):
        return self.findChild(kind, name)

    def counts(self):
        return self.part(QLabel, "LSpaceRowsCounts").text()


@pytest.fixture
def desk(qtbot):
    desk = Desk()
    qtbot.addWidget(desk)
    desk.show()
    yield desk
    qtbot.waitUntil(lambda: QgsApplication.taskManager().countActiveTasks() == 0, timeout=20_000)


def choose_folder(qtbot, desk, folder):
    button = desk.part(QPushButton, "LSpaceRowsChoose")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    chooser = desk.part(QFileDialog, "LSpaceRowsFolder")
    qtbot.waitUntil(chooser.isVisible, timeout=20_000)
    chooser.fileSelected.emit(str(folder))
    chooser.close()


def answers_in(folder):
    lines = (folder / "rows.jsonl").read_text().splitlines()
    return [json.loads(line)["messages"][-1]["content"][0]["text"] for line in lines]


def test_the_dialog_says_what_there_is_and_writes_it(qtbot, desk, tmp_path):
    desk.rows.open()
    assert "Rows: 1. Accepted boxes in them: 1." in desk.counts()
    assert "without an accepted box, left out: 1" in desk.counts()

    choose_folder(qtbot, desk, tmp_path)
    qtbot.waitUntil(lambda: len(desk.told) == 2, timeout=20_000)

    assert desk.told[0] == f"Writing training rows to {tmp_path} ..."
    assert desk.told[1].startswith(f"Training rows written to {tmp_path / 'rows.jsonl'}. Rows: 1. Accepted")
    assert len(answers_in(tmp_path)) == 1
    qtbot.waitUntil(lambda: desk.part(QDialog, "LSpaceRowsDialog") is None, timeout=20_000)
    assert not desk.rows.is_writing


def test_empty_answers_are_written_when_they_are_asked_for(qtbot, desk, tmp_path):
    desk.rows.open()
    box = desk.part(QCheckBox, "LSpaceRowsEmpty")
    assert not box.isChecked()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert "Rows: 2" in desk.counts()

    choose_folder(qtbot, desk, tmp_path)
    qtbot.waitUntil(lambda: len(desk.told) == 2, timeout=20_000)

    assert "[]" in answers_in(tmp_path)


def test_nothing_reviewed_is_a_sentence_and_no_folder_can_be_chosen(desk):
    decide(desk.layer, desk.water, status="pending")
    desk.rows.open()
    assert desk.counts().startswith(
        "There is no row to write yet.\nQuestions with proposals still to review: 1."
    )
    assert not desk.part(QPushButton, "LSpaceRowsChoose").isEnabled()


def test_a_layer_that_goes_while_the_folder_is_chosen_is_told(qtbot, desk, tmp_path):
    desk.rows.open()
    QgsProject.instance().removeMapLayer(desk.layer)
    choose_folder(qtbot, desk, tmp_path)
    assert desk.told == ["There is no row to write yet."]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_sentence(qtbot, desk, tmp_path):
    desk.rows.open()
    with files_limited_to(1_000):
        choose_folder(qtbot, desk, tmp_path)
        qtbot.waitUntil(lambda: len(desk.told) == 2, timeout=20_000)
    assert desk.told[1].startswith("No training rows written. There is no room left")
    assert list(tmp_path.iterdir()) == []


def test_rows_are_written_off_the_gui_thread_and_without_the_dialog(qtbot, desk, tmp_path, monkeypatch):
    arrived, goes_on, threads = threading.Event(), threading.Event(), []
    add = RowFolder.add

    def wait_and_add(*arguments):
        threads.append(threading.get_ident())
        arrived.set()
        assert goes_on.wait(30)
        return add(*arguments)

    monkeypatch.setattr(RowFolder, "add", wait_and_add)
    desk.rows.open()
    choose_folder(qtbot, desk, tmp_path)
    qtbot.waitUntil(arrived.is_set, timeout=20_000)
    assert desk.rows.is_writing
    qtbot.waitUntil(lambda: desk.part(QDialog, "LSpaceRowsDialog") is None, timeout=20_000)
    QgsProject.instance().removeMapLayer(desk.layer)
    goes_on.set()
    qtbot.waitUntil(lambda: len(desk.told) == 2, timeout=20_000)
    assert threads != [threading.get_ident()]
    assert len(answers_in(tmp_path)) == 1


def test_everything_that_was_left_out_has_words():
    left_out = ("pending", "empty", "without_picture", "outside", "unwritten", "strange")
    for number, name in enumerate(left_out, start=11):
        assert counts_sentences(RowCounts(rows=1, **{name: number}))[1].endswith(f": {number}.")
