"""The tab Scan: what it offers in each state, what it says, and how it looks in a narrow dock."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from clicks import click
from lspace.gis.scan.cell_outcome import CellState, FailedCell
from lspace.gis.scan.scan import ScanProgress
from lspace.gis.scan.scan_outlook import ScanOutlook
from lspace.gis.scan.scan_path import default_path, free_path
from lspace.gis.scan.scan_sight import ScanSight, ScanStage
from lspace.ui.scan.scan_panel import ScanPanel, ScanState
from lspace.ui.scan.scan_words import duration_words, plan_words, stage_words
from qgis.core import QgsProject
from qgis.PyQt.QtWidgets import QAbstractButton, QLabel

COUNTS = {CellState.DONE: 1200, CellState.EMPTY: 3, CellState.FAILED: 2, CellState.WAITING: 95}
FAILED = (FailedCell(4, "The raster gives no pixels here.", 1), FailedCell(9, "Too little memory.", 2))


@pytest.fixture
def panel(qtbot):
    panel = ScanPanel()
    qtbot.addWidget(panel)
    panel.resize(320, 500)
    panel.show()
    return panel


def offers(panel):
    """The buttons for starting, pausing and stopping that can be clicked."""
    buttons = (panel.start_button, panel.pause_button, panel.stop_button)
    return [button.text() for button in buttons if button.isEnabled()]


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (ScanState.UNKNOWN, []),
        (ScanState.NEW, ["Start"]),
        (ScanState.BROKEN_OFF, ["Go on"]),
        (ScanState.COMPLETE, ["New scan"]),
        (ScanState.RUNNING, ["Pause", "Stop"]),
        (ScanState.PAUSED, ["Resume", "Stop"]),
        (ScanState.STOPPING, []),
    ],
)
def test_each_state_offers_what_can_be_done_in_it(panel, state, offered):
    panel.set_state(state)
    assert offers(panel) == offered


def test_while_a_scan_is_under_way_its_file_stays_and_how_far_it_is_can_be_seen(panel):
    panel.set_state(ScanState.RUNNING)
    assert not panel.path_edit.isEnabled()
    assert panel.progress_bar.isVisible()
    panel.set_state(ScanState.COMPLETE)
    assert panel.path_edit.isEnabled()
    assert not panel.progress_bar.isVisible()


def test_a_click_on_pause_asks_for_a_rest_and_one_on_resume_for_its_end(panel):
    asked = []
    panel.pause_requested.connect(asked.append)
    panel.set_state(ScanState.RUNNING)
    click(panel.pause_button)
    panel.set_state(ScanState.PAUSED)
    click(panel.pause_button)
    assert asked == [True, False]


def test_failed_pictures_are_listed_with_their_reason_and_a_choice_outlasts_news(panel):
    zoomed = []
    panel.zoom_requested.connect(zoomed.append)
    panel.set_state(ScanState.BROKEN_OFF)
    panel.show_counts(COUNTS, 7)
    panel.show_failed(FAILED)
    assert panel.failed_list.item(0).text() == "Picture 5: The raster gives no pixels here."
    panel.failed_list.setCurrentRow(1)
    panel.show_failed((*FAILED, FailedCell(11, "Too little memory.", 1)))
    click(panel.zoom_button)
    assert zoomed == [9]
    assert panel.retry_button.isEnabled()


def test_without_failed_pictures_there_is_no_list_and_zoom_shows_the_whole(panel):
    zoomed = []
    panel.zoom_requested.connect(zoomed.append)
    panel.set_state(ScanState.COMPLETE)
    panel.show_counts(COUNTS, 7)
    panel.show_failed(())
    assert not panel.failed_list.isVisible()
    assert not panel.retry_button.isVisible()
    click(panel.zoom_button)
    assert zoomed == [None]


def test_a_path_gets_the_extension_of_a_geopackage(panel):
    panel.path_edit.setText("/tmp/harbour")
    assert panel.path().name == "harbour.gpkg"
    panel.path_edit.setText("/tmp/v1.2")
    assert panel.path().name == "v1.2.gpkg"
    panel.path_edit.setText(" ")
    assert panel.path() is None


def test_only_pictures_as_shown_have_a_size_to_choose(panel):
    panel.show_side(True, 5120.0)
    assert panel.side_box.isVisible()
    assert panel.side_m() == 5120.0
    panel.side_box.setValue(2.5)
    panel.show_side(True, 5120.0)
    assert panel.side_m() == 2500.0
    panel.show_side(False, 5120.0)
    assert not panel.side_box.isVisible()


def test_it_is_no_wider_than_a_narrow_dock_and_its_words_wrap(panel):
    panel.set_state(ScanState.RUNNING)
    panel.show_plan("12,345 pictures of 5.12 km. " * 3)
    panel.show_counts(COUNTS, 123_456)
    panel.show_failed(FAILED)
    assert panel.minimumSizeHint().width() <= 320


def test_every_field_says_what_it_is_for(panel):
    panel.show_side(True, 5120.0)
    panel.show_failed(FAILED)
    buddies = {label.buddy() for label in panel.findChildren(QLabel)}
    assert {panel.path_edit, panel.side_box, panel.failed_list} <= buddies
    for button in panel.findChildren(QAbstractButton):
        if button.isVisible():
            assert button.toolTip(), button.text()
            assert button.accessibleName() or button.text()
    assert len(panel.whatsThis()) > 40


# words


def test_how_long_it_takes_is_said_by_the_rate_of_the_last_scan():
    assert "About 10 min" in plan_words(ScanOutlook(None, 100, 5120.0), 10.0)
    assert plan_words(ScanOutlook(None, 100, 5120.0), 0.0).endswith("known once it has begun.")
    assert plan_words(ScanOutlook(None, 3_000_000, 5120.0, False), 0.0).startswith(
        "At most 3,000,000 pictures"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(20, "less than a minute"), (840, "14 min"), (12_600, "3.5 hours"), (200_000, "2.3 days")],
)
def test_a_time_is_said_as_one_would(seconds, words):
    assert duration_words(seconds) == words


def test_a_stage_is_said_with_its_rate_and_the_time_left():
    sight = ScanSight(ScanStage.ASKING, ScanProgress(COUNTS, 9.5))
    assert stage_words(sight, is_paused=False, is_stopping=False) == "9.5 pictures a minute, 10 min left"
    assert stage_words(sight, is_paused=True, is_stopping=False).startswith("Paused")
    assert stage_words(sight, is_paused=True, is_stopping=True).startswith("Stopping")


# where its file goes


def test_the_file_is_proposed_beside_the_project(qgis_new_project, tmp_path):
    project = QgsProject.instance()
    assert default_path(project).name == "lspace_scan.gpkg"
    project.setFileName(str(tmp_path / "coast.qgz"))
    assert default_path(project) == tmp_path / "coast_scan.gpkg"


def test_the_next_free_name_is_one_that_no_file_has(tmp_path):
    (tmp_path / "scan_2.gpkg").touch()
    assert free_path(tmp_path / "scan.gpkg") == tmp_path / "scan_3.gpkg"
