"""The evidence panel, by clicks: bands are guessed and put right, proposals measured, and it says how."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("qgis.core")

from bands import field_of, harbour, paint, pixel_polygon, proposals_of
from lspace.gis.evidence.support import SupportMeter
from lspace.gis.imaging.layer_bands import LayerBands
from lspace.ui.review.evidence_panel import EvidencePanel
from osgeo import gdal
from qgis.core import NULL, QgsApplication, QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt
from written import UTM, write_raster

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

NAMES = ("green", "red", "nir", "swir2")


def raster(path, bands, title, names=NAMES):
    """A layer of the project whose bands have these names."""
    write_raster(path, bands)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number, name in enumerate(names, start=1):
        dataset.GetRasterBand(number).SetDescription(name)
    del dataset
    layer = QgsRasterLayer(str(path), title)
    assert QgsProject.instance().addMapLayer(layer) is layer
    return layer


@pytest.fixture
def after(tmp_path):
    return raster(tmp_path / "after.tif", paint(field_of("soil"), "water", 0, 0, 40, 60), "after")


@pytest.fixture
def proposals(after):
    """Water, half of it; built areas; inundation."""
    transform = gdal.Open(after.source()).GetGeoTransform()
    boxes = [pixel_polygon(transform, left, 10, left + 20, 30) for left in (30, 50, 5)]
    layer = proposals_of(list(zip(("water", "built areas", "inundation"), boxes)), UTM)
    QgsProject.instance().addMapLayer(layer)
    return layer


@pytest.fixture
def panel(qtbot, proposals):
    panel = EvidencePanel()
    qtbot.addWidget(panel)
    panel.show()
    panel.set_layer(proposals)
    panel.told_all = []
    panel.told.connect(panel.told_all.append)
    yield panel
    qtbot.waitUntil(lambda: QgsApplication.taskManager().countActiveTasks() == 0, timeout=20_000)


@pytest.fixture
def held(qtbot, monkeypatch):
    """A measurement waits at its first proposal for ``held.goes_on``."""

    class Held:
        arrived, goes_on = threading.Event(), threading.Event()

    measure = SupportMeter.measure

    def wait_and_measure(meter, *args):
        Held.arrived.set()
        assert Held.goes_on.wait(30)
        return measure(meter, *args)

    monkeypatch.setattr(SupportMeter, "measure", wait_and_measure)
    yield Held
    Held.goes_on.set()


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def measure(qtbot, panel):
    with qtbot.waitSignal(panel.measured, timeout=20_000):
        click(qtbot, panel.measure_button)


def supports(layer):
    return [None if feature["support"] == NULL else feature["support"] for feature in layer.getFeatures()]


def choose(combo, text):
    """As the user does it."""
    combo.setCurrentIndex(combo.findText(text))
    combo.activated.emit(combo.currentIndex())


def test_a_click_measures_and_says_what_has_no_rule(qtbot, panel, proposals):
    measure(qtbot, panel)
    assert supports(proposals) == [0.5, None, None]
    words = panel.result_label.text()
    assert words.startswith("1 of 3 proposals measured. There is no rule for built areas (1).")
    assert "An image before with the same bands is needed for inundation (1)." in words
    assert panel.told_all == ["Measuring ...", words]
    assert panel.measure_button.isEnabled()
    assert not panel.progress_bar.isVisible()


def test_with_an_image_before_a_change_is_measured(qtbot, panel, proposals, tmp_path):
    before = raster(tmp_path / "before.tif", field_of("soil"), "before")
    assert panel.before_bands.layer() is None
    panel.before_bands.layer_combo.setLayer(before)
    panel.after_bands.layer_combo.setLayer(QgsProject.instance().mapLayersByName("after")[0])
    measure(qtbot, panel)
    assert supports(proposals) == [0.5, None, 1]
    assert [feature["sup_source"] for feature in proposals.getFeatures()][2] == "before -> after"


def test_the_bands_are_told_and_can_be_put_right(qtbot, panel, proposals, after):
    bands = panel.after_bands
    assert bands.roles_label.text() == "green 1, red 2, nir 3, swir22 4: good for NDWI, NDVI, NBR"
    assert not bands.details.isVisible()
    click(qtbot, bands.bands_button)
    assert bands.details.isVisible()
    choose(bands.role_combos["nir"], "none")
    assert bands.roles_label.text() == "green 1, red 2, swir22 4: not enough for any index"
    measure(qtbot, panel)
    assert "The image lacks a known band for water (1), inundation (1)." in panel.result_label.text()
    assert supports(proposals) == [None] * 3
    assert LayerBands.of(after).roles.nir is None
    choose(bands.sensor_combo, "their names")
    assert LayerBands.of(after).roles.nir == 3


def test_a_correction_is_there_again_in_another_panel(qtbot, panel, after):
    panel.after_bands.offset_spin.setValue(-1000)
    choose(panel.after_bands.role_combos["swir16"], "Band 4: swir2")
    again = EvidencePanel()
    qtbot.addWidget(again)
    assert again.after_bands.image() == panel.after_bands.image()
    assert again.after_bands.image().offset == -1000
    assert again.after_bands.image().roles.swir16 == 4


def test_numbered_bands_wait_for_the_sensor(qtbot, panel, tmp_path):
    names = ("SR_B3", "SR_B4", "SR_B5", "SR_B7")
    landsat = raster(tmp_path / "numbered.tif", field_of("soil"), "numbered", names)
    bands = panel.after_bands
    bands.layer_combo.setLayer(landsat)
    assert "Name them under Bands" in bands.roles_label.text()
    choose(bands.sensor_combo, "Landsat 8 or 9")
    assert bands.roles_label.text() == "green 1, red 2, nir 3, swir22 4: good for NDWI, NDVI, NBR"


def test_cancel_changes_nothing(qtbot, panel, proposals, held):
    click(qtbot, panel.measure_button)
    qtbot.waitUntil(held.arrived.is_set, timeout=20_000)
    assert panel.progress_bar.isVisible()
    assert not panel.measure_button.isEnabled()
    click(qtbot, panel.cancel_button)
    held.goes_on.set()
    qtbot.waitUntil(lambda: "Cancelled" in panel.result_label.text(), timeout=20_000)
    assert supports(proposals) == [None] * 3
    assert not proposals.isEditable()
    assert panel.measure_button.isEnabled()
    assert not panel.cancel_button.isEnabled()


def test_the_values_go_where_they_were_measured(qtbot, panel, proposals, held):
    click(qtbot, panel.measure_button)
    other = proposals.clone()
    QgsProject.instance().addMapLayer(other)
    panel.set_layer(other)
    with qtbot.waitSignal(panel.measured, timeout=20_000):
        held.goes_on.set()
    assert supports(proposals) == [0.5, None, None]
    assert not other.isEditable()


def test_a_layer_that_goes_while_it_is_measured_is_a_sentence(qtbot, panel, proposals, held):
    click(qtbot, panel.measure_button)
    qtbot.waitUntil(held.arrived.is_set, timeout=20_000)
    QgsProject.instance().removeMapLayer(proposals)
    held.goes_on.set()
    qtbot.waitUntil(lambda: "Not kept." in panel.result_label.text(), timeout=20_000)
    assert not panel.measure_button.isEnabled()


def test_a_panel_that_goes_while_it_measures_leaves_the_layer_alone(qtbot, proposals, held):
    panel = EvidencePanel()
    panel.set_layer(proposals)
    panel.measure_button.click()
    qtbot.waitUntil(held.arrived.is_set, timeout=20_000)
    panel.deleteLater()
    QCoreApplication.sendPostedEvents(panel, QEvent.Type.DeferredDelete)
    held.goes_on.set()
    qtbot.waitUntil(lambda: QgsApplication.taskManager().countActiveTasks() == 0, timeout=20_000)
    assert not proposals.isEditable()


def test_without_proposals_or_images_there_is_nothing_to_click(qtbot, panel, proposals, after):
    QgsProject.instance().removeMapLayer(proposals)
    assert not panel.measure_button.isEnabled()
    assert "no proposals" in panel.result_label.text()
    QgsProject.instance().removeMapLayer(after)
    assert not panel.measure_button.isEnabled()
    assert "Add a raster layer" in panel.result_label.text()
    panel.set_layer(None)
    assert not panel.measure_button.isEnabled()


def test_a_raster_without_a_crs_is_a_sentence(qtbot, panel, proposals, after):
    after.setCrs(QgsCoordinateReferenceSystem())
    click(qtbot, panel.measure_button)
    assert panel.result_label.text().startswith("Not measured. The layer after has no coordinate")
    assert not proposals.isEditable()


def test_a_file_that_is_gone_is_a_sentence(qtbot, panel, proposals, after, tmp_path):
    (tmp_path / "after.tif").unlink()
    click(qtbot, panel.measure_button)
    qtbot.waitUntil(lambda: "cannot be read" in panel.result_label.text(), timeout=20_000)
    assert not proposals.isEditable()
    assert panel.measure_button.isEnabled()


def test_a_read_only_layer_is_a_sentence(qtbot, panel, proposals):
    proposals.setReadOnly(True)
    click(qtbot, panel.measure_button)
    qtbot.waitUntil(lambda: "takes no new values" in panel.result_label.text(), timeout=20_000)


def test_map_services_are_not_offered(qtbot, panel):
    tiles = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png", "tiles", "wms")
    QgsProject.instance().addMapLayer(tiles)
    layer, _ = harbour()
    QgsProject.instance().addMapLayer(layer)
    combo = panel.after_bands.layer_combo
    assert {combo.itemText(index) for index in range(combo.count())} == {"after", "harbour"}


def test_it_fits_into_a_narrow_dock(panel):
    panel.after_bands.bands_button.click()
    assert panel.minimumSizeHint().width() <= 300
