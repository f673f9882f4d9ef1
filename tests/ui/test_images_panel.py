"""The images of a question, chosen beside a real map by clicks and keys."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from clicks import click
from lspace.gis.aoi import Aoi
from lspace.gis.errors import ImageGone, MixedImages, SameImages
from lspace.gis.imaging.image_catalogue import ChoiceKind
from lspace.model_backend.chip import ChipKind
from lspace.model_backend.contract import load_contracts
from lspace.ui.images.images_panel import ImagesPanel
from map_window import MapWindow, windows_of
from planted import ROOT, crs_of, is_target, pixels_of, square_at, target_layer
from qgis.core import (
    QgsDateTimeRange,
    QgsMapThemeCollection,
    QgsProject,
    QgsRasterLayer,
    QgsRasterMinMaxOrigin,
)
from qgis.PyQt.QtCore import QDateTime, QRect, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QComboBox, QLineEdit, QToolButton

WEB = crs_of("EPSG:3857")
ONE, PAIR, BRIEF = (1, 1), (2, 2), (1, 4)


class PanelWindow(MapWindow):
    """A map of the harbour with bright targets on it, and the panel beside it."""

    def __init__(self, counts=ONE, model="lspace", side_m=4000):
        super().__init__()
        self.targets = target_layer([square_at(self.crs, 0, 0, 600)], self.crs)
        QgsProject.instance().addMapLayer(self.targets)
        self.canvas.setLayers([self.targets, self.harbour])
        self.panel = self.add(ImagesPanel(self.canvas))
        self.panel.setFixedWidth(320)
        self.open()
        self.previews, self.told, self.advised = [], [], []
        self.panel.preview._maker.made.connect(lambda at, made: self.previews.append((at, made)))
        self.panel.told.connect(self.told.append)
        self.panel.aoi_advised.connect(lambda aoi, zoom: self.advised.append((aoi, zoom)))
        self.panel.set_contract(load_contracts()[model])
        self.panel.set_image_count(*counts)
        self.set_area(side_m)

    def set_area(self, side_m):
        self.panel.set_aoi(Aoi(square_at(self.crs, 0, 0, side_m), self.crs))

    def shown(self, position=0):
        """The pixels of the last preview of an image."""
        return pixels_of([made for at, made in self.previews if at == position][-1].made.chip.png)

    def facts(self):
        return self.panel.preview.facts_label.text()

    def advice(self):
        return self.panel.preview.advice_list.text()

    def remedies(self):
        return self.panel.preview.advice_list.buttons

    def choices(self, slot=0):
        combo = self.panel.slots[slot].combo
        return [choice for choice in map(combo.itemData, range(combo.count())) if choice is not None]

    def choose(self, slot, kind, title=""):
        """By the list, as it is when it is opened."""
        combo = self.panel.slots[slot].combo
        combo.opening.emit()
        (wanted,) = [each for each in self.choices(slot) if (each.kind, each.title) == (kind, title)]
        combo.setCurrentIndex([combo.itemData(row) for row in range(combo.count())].index(wanted))


@pytest.fixture
def make_window(qtbot):
    yield from windows_of(PanelWindow, qtbot, lambda window: settle(qtbot, window))


def settle(qtbot, window):
    """Waits until map and preview rest, and still do a moment later."""
    panel = window.panel

    def is_at_rest():
        return not (window.canvas.isDrawing() or panel._rest.isActive() or panel.preview.is_busy)

    for pause_ms in (30, 100):
        qtbot.wait(pause_ms)
        qtbot.waitUntil(is_at_rest, timeout=20_000)
    qtbot.wait(10)  # new lines are shown by the event loop


def write(edit, text):
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, text)
    QTest.keyClick(edit, Qt.Key.Key_Return)


def moment(begin, end):
    return QgsDateTimeRange(*(QDateTime.fromString(day, Qt.DateFormat.ISODate) for day in (begin, end)))


def in_month(window, name, month):
    layer = QgsRasterLayer(str(ROOT / "resources" / "demo" / "honolulu.tif"), name)
    when = moment(f"2023-{month:02}-01T00:00:00", f"2023-{month:02}-28T00:00:00")
    layer.temporalProperties().setFixedTemporalRange(when)
    layer.temporalProperties().setIsActive(True)
    QgsProject.instance().addMapLayer(layer)
    return layer


# one image


def test_the_simple_case_is_one_row_with_what_the_map_shows(make_window):
    window = make_window()
    (source,) = window.panel.sources()
    assert source.kind is ChipKind.AS_SHOWN
    assert source.view.layers() == [window.targets, window.harbour]
    combos = [combo for combo in window.panel.findChildren(QComboBox) if combo.isVisible()]
    assert [combo.currentText() for combo in combos] == ["Map view"]
    assert is_target(window.shown()).any()


def test_the_facts_are_the_chips_with_the_trained_scale_beside_it(make_window):
    window = make_window(side_m=4000)
    chip = window.previews[-1][1].made.chip
    assert window.facts() == (
        f"{chip.gsd_m:.1f} m a pixel (trained at 22.9), {100 * chip.valid_share:.0f} % valid"
    )
    assert chip.gsd_m == pytest.approx(4000 / 512, rel=0.02)
    window.panel.slots[0].write_date("2023-07-01")
    assert window.panel.sources()[0].date == "2023-07-01"


def test_a_training_grade_layer_says_how_many_squares_there_will_be(make_window, qtbot):
    window = make_window(model="lspace-mini", side_m=3000)
    window.choose(0, ChoiceKind.RASTER, "harbour")
    settle(qtbot, window)
    assert window.panel.sources()[0].kind is ChipKind.TRAINING_GRADE
    assert window.facts().startswith("the middle one of 9 squares of 1.28 km, 5.7 m a pixel, as in training")
    assert not is_target(window.shown()).any()
    assert window.shown().shape == (224, 224, 3)


def test_without_an_area_nothing_is_shown_and_nothing_fails(make_window, qtbot):
    window = make_window()
    window.panel.set_aoi(None)
    settle(qtbot, window)
    assert window.facts() == window.advice() == ""
    assert not window.panel.preview.chips.buttons[0].has_chip


def test_an_area_without_imagery_says_so(make_window, qtbot):
    window = make_window()
    window.panel.set_aoi(Aoi(square_at(window.crs, 50_000, 0, 1000), window.crs))
    settle(qtbot, window)
    assert "No layer shows anything here" in window.facts()
    assert not window.panel.preview.chips.buttons[0].has_chip


# when a preview is made


def test_a_change_of_the_map_or_the_area_is_shown(make_window, qtbot):
    window = make_window()
    window.canvas.setLayers([window.harbour])
    settle(qtbot, window)
    assert not is_target(window.shown()).any()
    count = len(window.previews)
    window.harbour.setOpacity(0.4)
    window.harbour.triggerRepaint()
    settle(qtbot, window)
    assert len(window.previews) > count
    window.set_area(1000)
    settle(qtbot, window)
    assert window.previews[-1][1].made.chip.gsd_m == pytest.approx(1000 / 512, rel=0.02)


def test_moving_the_map_alone_draws_no_image_anew(make_window, qtbot):
    window = make_window()
    count = len(window.previews)
    centre = window.canvas.extent().center()
    centre.setX(centre.x() + 500)
    window.canvas.setCenter(centre)
    window.canvas.refresh()
    qtbot.waitSignal(window.canvas.mapCanvasRefreshed, timeout=20_000).wait()
    settle(qtbot, window)
    assert len(window.previews) == count


def test_the_preview_rests_when_nothing_changes_also_of_colours_that_follow_the_map(make_window, qtbot):
    window = make_window()
    layer = QgsRasterLayer(str(ROOT / "tests" / "data" / "honolulu_reflectance.tif"), "reflectance")
    QgsProject.instance().addMapLayer(layer)
    origin = QgsRasterMinMaxOrigin()
    origin.setLimits(QgsRasterMinMaxOrigin.Limits.MinMax)
    origin.setExtent(QgsRasterMinMaxOrigin.Extent.UpdatedCanvas)
    layer.renderer().setMinMaxOrigin(origin)
    window.canvas.setLayers([layer])
    settle(qtbot, window)
    qtbot.wait(700)
    count = len(window.previews)
    qtbot.wait(1500)
    assert len(window.previews) <= count + 1


def test_a_preview_waits_while_the_panel_is_hidden_or_paused(make_window, qtbot):
    window = make_window()
    panel = window.panel
    for stop, go_on in (
        (panel.hide, panel.show),
        (lambda: panel.set_paused(True), lambda: panel.set_paused(False)),
    ):
        stop()
        count = len(window.previews)
        window.set_area(2000)
        window.canvas.refresh()
        qtbot.wait(700)
        assert len(window.previews) == count
        go_on()
        qtbot.waitUntil(lambda before=count: len(window.previews) > before, timeout=10_000)


def test_pausing_in_the_middle_of_a_preview_makes_it_later(make_window, qtbot):
    window = make_window()
    window.set_area(2500)
    qtbot.waitUntil(lambda: window.panel.preview.is_busy, timeout=20_000)
    window.panel.set_paused(True)
    count = len(window.previews)
    qtbot.wait(300)
    assert len(window.previews) == count
    window.panel.set_paused(False)
    settle(qtbot, window)
    assert len(window.previews) == count + 1


def test_after_shutting_down_nothing_is_made(make_window, qtbot):
    window = make_window()
    window.panel.shut_down()
    window.panel.shut_down()
    count = len(window.previews)
    window.set_area(2000)
    window.canvas.setLayers([window.harbour])
    qtbot.wait(700)
    assert len(window.previews) == count


# pairs and sets


def test_a_pair_has_two_rows_and_the_same_image_twice_is_refused(make_window, qtbot):
    window = make_window(counts=PAIR)
    assert [slot.label.text().replace("&", "") for slot in window.panel.slots[:2]] == ["Before", "After"]
    assert [slot.isVisible() for slot in window.panel.slots] == [True, True, False, False]
    with pytest.raises(SameImages):
        window.panel.sources()
    assert "The images to compare are the same" in window.advice()


def test_before_is_captured_and_after_is_what_the_map_shows_then(make_window, qtbot):
    window = make_window(counts=PAIR)
    click(window.panel.slots[0].capture_button)
    window.canvas.setLayers([window.harbour])
    settle(qtbot, window)
    assert window.panel.slots[0].combo.currentText().startswith("Captured")
    assert is_target(window.shown(0)).any()
    assert not is_target(window.shown(1)).any()
    before, after = window.panel.sources()
    assert before.view.layers() == [window.targets, window.harbour]
    assert after.view.layers() == [window.harbour]
    first, second = (made.made.chip for _, made in window.previews[-2:])
    assert first.transform == second.transform


def test_a_captured_layer_that_is_removed_is_named_and_the_other_image_stays(make_window, qtbot):
    window = make_window(counts=PAIR)
    click(window.panel.slots[0].capture_button)
    settle(qtbot, window)
    layer_id, window.targets = window.targets.id(), None
    QgsProject.instance().removeMapLayer(layer_id)
    settle(qtbot, window)
    with pytest.raises(ImageGone):
        window.panel.sources()
    assert "Before: The image needs targets, which is no longer in the project" in window.facts()
    assert not window.panel.preview.chips.buttons[0].has_chip
    assert window.panel.preview.chips.buttons[1].has_chip


def test_a_pair_of_two_layers_has_their_dates(make_window, qtbot):
    window = make_window(counts=PAIR)
    in_month(window, "scene of July", 7)
    in_month(window, "scene of August", 8)
    window.choose(0, ChoiceKind.LAYER, "scene of July")
    window.choose(1, ChoiceKind.LAYER, "scene of August")
    settle(qtbot, window)
    assert [source.date for source in window.panel.sources()] == ["2023-07-01", "2023-08-01"]
    assert [slot.date_edit.text() for slot in window.panel.slots[:2]] == ["2023-07-01", "2023-08-01"]
    assert [made.made.chip.date for _, made in window.previews[-2:]] == ["2023-07-01", "2023-08-01"]


def test_a_pair_of_two_moments_shows_the_layers_of_each(make_window, qtbot):
    window = make_window(counts=PAIR)
    layers = [in_month(window, "scene of July", 7), in_month(window, "scene of August", 8)]
    window.canvas.setLayers(layers)
    window.canvas.setTemporalRange(moment("2023-07-01T00:00:00", "2023-07-28T00:00:00"))
    window.choose(0, ChoiceKind.FRAME, "2023-07-01")
    window.choose(1, ChoiceKind.FRAME, "2023-08-01")
    settle(qtbot, window)
    assert [source.date for source in window.panel.sources()] == ["2023-07-01", "2023-08-01"]
    assert all(made.made.chip.valid_share > 0.5 for _, made in window.previews[-2:])


def test_a_pair_of_two_themes_shows_the_layers_of_each(make_window, qtbot):
    window = make_window(counts=PAIR)
    for name, layers in (("calm", [window.harbour]), ("busy", [window.targets, window.harbour])):
        record = QgsMapThemeCollection.MapThemeRecord()
        for layer in layers:
            record.addLayerRecord(QgsMapThemeCollection.MapThemeLayerRecord(layer))
        QgsProject.instance().mapThemeCollection().insert(name, record)
    window.choose(0, ChoiceKind.THEME, "calm")
    window.choose(1, ChoiceKind.THEME, "busy")
    settle(qtbot, window)
    assert [is_target(window.shown(position)).any() for position in (0, 1)] == [False, True]


def test_one_image_as_shown_and_one_training_grade_are_refused(make_window, qtbot):
    window = make_window(counts=PAIR)
    window.choose(1, ChoiceKind.RASTER, "harbour")
    settle(qtbot, window)
    with pytest.raises(MixedImages):
        window.panel.sources()
    assert "All images of a question have to be of one kind" in window.advice()


def test_a_pair_with_the_later_image_first_is_swapped_by_a_click(make_window, qtbot):
    window = make_window(counts=PAIR)
    in_month(window, "scene of July", 7)
    window.choose(0, ChoiceKind.MAP)
    write(window.panel.slots[0].date_edit, "20230901")
    window.choose(1, ChoiceKind.LAYER, "scene of July")
    settle(qtbot, window)
    (swap,) = [button for button in window.remedies() if button.text() == "Swap"]
    click(swap)
    settle(qtbot, window)
    assert [source.title for source in window.panel.sources()] == ["scene of July", "Map view"]
    assert [source.date for source in window.panel.sources()] == ["2023-07-01", "2023-09-01"]
    assert "Swap" not in [button.text() for button in window.remedies()]


def test_a_brief_takes_one_to_four_images(make_window, qtbot):
    window = make_window(counts=BRIEF)
    panel = window.panel
    assert len(panel.sources()) == 1
    assert not panel.remove_button.isEnabled()
    for count in (2, 3, 4):
        click(panel.add_button)
        click(panel.slots[count - 1].capture_button)
        settle(qtbot, window)
        assert len(panel.sources()) == count
        assert len(panel.preview.chips.buttons) == count
    assert not panel.add_button.isEnabled()
    click(panel.remove_button)
    assert len(panel.sources()) == 3


def test_another_number_of_images_keeps_the_first_choices(make_window):
    window = make_window(counts=PAIR)
    click(window.panel.slots[0].capture_button)
    window.panel.set_image_count(*ONE)
    assert window.panel.sources()[0].title.startswith("Captured")
    window.panel.set_image_count(*PAIR)
    assert len(window.panel.sources()) == 2


# dates


def test_a_date_is_taken_as_written_and_no_date_is_refused(make_window, qtbot):
    window = make_window()
    edit = window.panel.slots[0].date_edit
    write(edit, "S2A_MSIL2A_20230701T211931")
    assert edit.text() == "2023-07-01"
    assert window.panel.sources()[0].date == "2023-07-01"
    write(edit, "soon")
    assert edit.text() == "2023-07-01"
    assert window.told == ["soon is no date. Write it as 2023-07-01."]


def test_a_known_date_can_be_taken_away_and_comes_back_with_another_choice(make_window):
    window = make_window()
    in_month(window, "scene of July", 7)
    window.choose(0, ChoiceKind.LAYER, "scene of July")
    edit = window.panel.slots[0].date_edit
    assert edit.text() == "2023-07-01"
    edit.setFocus()
    edit.selectAll()
    QTest.keyClick(edit, Qt.Key.Key_Delete)
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert window.panel.sources()[0].date is None
    window.choose(0, ChoiceKind.MAP)
    window.choose(0, ChoiceKind.LAYER, "scene of July")
    assert window.panel.sources()[0].date == "2023-07-01"


# advice


def test_too_small_an_area_is_advised_the_trained_size(make_window, qtbot):
    window = make_window(side_m=800)
    assert "The image shows 800 m of ground; the model was trained on 5.1 km" in window.advice()
    (button,) = window.remedies()
    assert button.text() == "Use 5.1 km"
    click(button)
    ((aoi, zoom),) = window.advised
    assert aoi.size_m() == pytest.approx((5120, 5120), rel=1e-3)
    assert zoom == pytest.approx(5120 / 800, rel=0.02)
    window.panel.set_aoi(aoi)
    settle(qtbot, window)
    assert window.remedies() == []


def test_where_the_area_is_the_map_zooming_by_the_advised_factor_is_the_remedy(make_window, qtbot):
    window = make_window(model="lspace-mini")
    panel, canvas = window.panel, window.canvas
    panel.set_aoi(Aoi.from_view(canvas.mapSettings()))
    canvas.setLayers([window.targets])  # nothing that squares could be cut of
    settle(qtbot, window)
    (button,) = [each for each in window.remedies() if each.text() == "Use 1.3 km"]
    click(button)
    canvas.zoomByFactor(window.advised[0][1])
    panel.set_aoi(Aoi.from_view(canvas.mapSettings()))
    canvas.setLayers([window.targets, window.harbour])
    settle(qtbot, window)
    assert window.previews[-1][1].made.chip.gsd_m == pytest.approx(1280 / 224, rel=0.02)
    assert window.remedies() == []


def test_one_click_takes_training_grade_squares_of_the_layer(make_window, qtbot):
    window = make_window(model="lspace-mini", side_m=2500)
    (button,) = window.remedies()
    click(button)
    settle(qtbot, window)
    (source,) = window.panel.sources()
    assert (source.kind, source.title) == (ChipKind.TRAINING_GRADE, "harbour")
    assert window.advice() == ""


def test_what_is_off_of_both_images_is_said_once(make_window, qtbot):
    window = make_window(counts=PAIR, side_m=800)
    window.choose(1, ChoiceKind.LAYER, "harbour")
    settle(qtbot, window)
    assert window.advice().count("The image shows 800 m") == 1
    assert window.facts().count("m a pixel") == 1
    assert [button.text() for button in window.remedies()] == ["Use 5.1 km"]


def test_what_is_off_of_one_image_names_it(make_window, qtbot):
    window = make_window(counts=PAIR)
    layer = QgsRasterLayer(str(ROOT / "tests" / "data" / "honolulu_reflectance.tif"), "reflectance")
    QgsProject.instance().addMapLayer(layer)
    window.choose(1, ChoiceKind.LAYER, "reflectance")
    settle(qtbot, window)
    assert "After: reflectance is not in true colour" in window.advice()


def test_advice_stays_while_a_new_preview_is_made_and_then_leads_to_the_new_area(make_window, qtbot):
    window = make_window(side_m=800)
    (button,) = window.remedies()
    height = window.panel.sizeHint().height()
    moved = Aoi(square_at(window.crs, 300, 0, 800), window.crs)
    window.panel.set_aoi(moved)
    qtbot.waitUntil(lambda: window.panel.preview.is_busy, timeout=20_000)
    assert window.remedies() == [button]
    assert not button.isEnabled()
    assert window.panel.sizeHint().height() == height
    settle(qtbot, window)
    assert window.remedies() == [button]
    click(button)
    assert window.advised[0][0].frame().centre.distance(moved.frame().centre) < 1e-3


def test_other_advice_is_told_so_that_the_dock_can_give_it_room(make_window, qtbot):
    window = make_window()
    with qtbot.waitSignal(window.panel.preview_changed, timeout=20_000):
        window.set_area(800)
    settle(qtbot, window)
    told = []
    window.panel.preview_changed.connect(lambda: told.append(True))
    window.harbour.triggerRepaint()
    settle(qtbot, window)
    assert told == []


# the project


def test_another_project_begins_with_the_map_and_no_captures(make_window):
    window = make_window(counts=PAIR)
    click(window.panel.slots[0].capture_button)
    window.harbour = window.targets = None
    QgsProject.instance().clear()
    assert [slot.combo.currentText() for slot in window.panel.slots[:2]] == ["Map view", "Map view"]
    window.panel.slots[0].combo.opening.emit()
    assert [choice.kind for choice in window.choices()] == [ChoiceKind.MAP]


def test_the_list_is_new_whenever_it_is_opened(make_window, qtbot):
    window = make_window()
    combo = window.panel.slots[0].combo
    window.harbour.setName("renamed")
    combo.showPopup()
    assert "renamed (only this layer)" in [combo.itemText(row) for row in range(combo.count())]
    combo.hidePopup()


# by keyboard, for a screen reader, in a narrow dock


def test_every_part_has_a_name_a_hint_and_its_place_in_a_narrow_dock(make_window, qtbot):
    window = make_window(counts=PAIR, side_m=800)
    panel = window.panel
    for kind in (QToolButton, QLineEdit, QComboBox):
        for part in panel.findChildren(kind):
            if part.isVisible():
                assert part.accessibleName() or part.text(), part
                assert part.toolTip(), part
    room = QRect(0, 0, 320, panel.height())
    for part in [*panel.slots[:2], panel.preview.facts_label, *window.remedies()]:
        corner = part.mapTo(panel, part.rect().topLeft())
        assert room.contains(QRect(corner, part.size())), part
    assert panel.minimumSizeHint().width() <= 298  # what is left of 320 beside margins and a scroll bar
    assert panel.whatsThis()


def test_the_tab_key_goes_through_the_rows_in_order(make_window):
    window = make_window(counts=PAIR)
    first, second = window.panel.slots[:2]
    first.combo.setFocus()
    order = [first.combo]
    for _ in range(5):
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        order.append(window.focusWidget())
    assert order == [
        first.combo,
        first.date_edit,
        first.capture_button,
        second.combo,
        second.date_edit,
        second.capture_button,
    ]
