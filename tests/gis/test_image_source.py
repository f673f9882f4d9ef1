"""Images from layers, themes, moments and captures: each chip shows that image and no other."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.errors import ChipError, CrsUnknown, ImageGone, SourceUnreadable
from lspace.gis.imaging.capture import Capture
from lspace.gis.imaging.image_catalogue import ChoiceKind, ImageCatalogue, ImageChoice
from lspace.gis.imaging.image_source import ImageSource
from lspace.gis.imaging.training_chips import cut_chip, plan_squares
from lspace.gis.layers import RESULT_PROPERTY
from lspace.model_backend.chip import ChipKind
from planted import ROOT, crs_of, harbour_layer, is_target, pixels_of, square_at, target_layer, view_of
from qgis.core import (
    QgsDateTimeRange,
    QgsFillSymbol,
    QgsInterval,
    QgsMapThemeCollection,
    QgsProject,
    QgsRasterLayer,
    QgsSingleSymbolRenderer,
    QgsTemporalNavigationObject,
)
from qgis.PyQt.QtCore import QDateTime, Qt
from written import GEOMETRY, UTM, layer_of, noise, square_around, write_raster

WEB = crs_of("EPSG:3857")
GREEN = "0,255,0,255"


@pytest.fixture
def project():
    project = QgsProject.instance()
    yield project
    project.clear()


def targets(project, side_m=600, name="targets"):
    layer = target_layer([square_at(WEB, 0, 0, side_m)], WEB, name)
    project.addMapLayer(layer)
    return layer


def harbour(project, name="harbour"):
    layer = harbour_layer()
    layer.setName(name)
    project.addMapLayer(layer)
    return layer


def view(*layers):
    return view_of(list(layers), WEB, 400, 400, 6.0)


def targets_in(make_chip, source):
    return is_target(pixels_of(make_chip(source.view).chip.png)).mean()


def theme(project, name, *layers):
    record = QgsMapThemeCollection.MapThemeRecord()
    for layer in layers:
        shown = QgsMapThemeCollection.MapThemeLayerRecord(layer)
        shown.usingCurrentStyle = True
        shown.currentStyle = layer.styleManager().currentStyle()
        record.addLayerRecord(shown)
    project.mapThemeCollection().insert(name, record)


def recolour(layer, colour):
    symbol = QgsFillSymbol.createSimple({"color": colour, "outline_style": "no"})
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))


def moment(begin, end):
    return QgsDateTimeRange(*(QDateTime.fromString(day, Qt.DateFormat.ISODate) for day in (begin, end)))


JULY = moment("2023-07-01T00:00:00", "2023-07-31T00:00:00")
AUGUST = moment("2023-08-01T00:00:00", "2023-08-31T00:00:00")


def seen_in(layer, when):
    layer.temporalProperties().setFixedTemporalRange(when)
    layer.temporalProperties().setIsActive(True)
    return layer


# the map, a layer, a theme


def test_the_map_is_kept_as_it_was_when_it_was_asked_for(project, make_chip):
    map_view = view(targets(project), harbour(project))
    source = ImageSource.of_map(map_view)
    map_view.setLayers(map_view.layers()[1:])
    assert targets_in(make_chip, source) > 0.01
    assert source.kind is ChipKind.AS_SHOWN


def test_one_layer_alone_is_drawn_also_where_the_map_does_not_show_it(project, make_chip):
    source = ImageSource.of_layer(harbour(project, "harbour 2023-07-01"), view(targets(project)))
    chip = make_chip(source.view).chip
    assert chip.sources == ("harbour 2023-07-01",)
    assert not is_target(pixels_of(chip.png)).any()
    assert (source.title, source.date) == ("harbour 2023-07-01", "2023-07-01")


def test_one_layer_is_drawn_whatever_moment_the_map_shows(project, make_chip):
    map_view = view()
    map_view.setIsTemporal(True)
    map_view.setTemporalRange(AUGUST)
    source = ImageSource.of_layer(seen_in(harbour(project), JULY), map_view)
    made = make_chip(source.view, Aoi.from_view(map_view))
    assert made.chip.valid_share > 0.5
    assert made.chip.date == source.date == "2023-07-01"


def test_a_theme_has_its_own_layers_and_its_styles(project, make_chip):
    imagery, layer = harbour(project), targets(project)  # the later one lies on top
    styles = layer.styleManager()
    styles.addStyleFromLayer("shown")
    styles.setCurrentStyle("shown")
    theme(project, "with targets", layer, imagery)
    styles.addStyleFromLayer("other")
    styles.setCurrentStyle("other")
    recolour(layer, GREEN)
    theme(project, "without", imagery)
    make = ImageSource.of_theme
    assert targets_in(make_chip, make("with targets", view(imagery), project)) > 0.01
    assert targets_in(make_chip, make("without", view(layer, imagery), project)) == 0
    with pytest.raises(ImageGone) as caught:
        make("removed", view(imagery), project)
    assert caught.value.values == {"name": "removed"}


def test_results_of_former_runs_are_in_no_image(project, make_chip):
    imagery, layer = harbour(project), targets(project)
    theme(project, "all", layer, imagery)
    layer.setCustomProperty(RESULT_PROPERTY, "proposals")
    map_view = view(layer, imagery)
    for source in (
        ImageSource.of_map(map_view),
        ImageSource.of_theme("all", map_view, project),
        ImageSource.of_capture(Capture.of_view(map_view)),
        ImageSource.of_frame(JULY, map_view),
    ):
        assert targets_in(make_chip, source) == 0


# moments in time


def test_two_frames_of_the_map_show_the_layers_of_their_time(project, make_chip):
    before, after = seen_in(harbour(project, "before"), JULY), seen_in(harbour(project, "after"), AUGUST)
    map_view = view(before, after)
    for when, name, date in ((JULY, "before", "2023-07-01"), (AUGUST, "after", "2023-08-01")):
        source = ImageSource.of_frame(when, map_view)
        chip = make_chip(source.view).chip
        assert chip.valid_share > 0.5
        assert (chip.date, source.date, source.title) == (date, date, date)
        other = ImageSource.of_frame(when, view(before if name == "after" else after))
        with pytest.raises(ChipError):
            make_chip(other.view)
    assert not map_view.isTemporal()


def frames(catalogue, map_view, controller=None):
    choices = catalogue.choices(map_view, controller)
    return [choice.title for choice in choices if choice.kind is ChoiceKind.FRAME]


def test_the_frames_offered_are_those_of_layers_and_of_the_controller(project):
    layers = [
        seen_in(harbour(project), JULY),
        seen_in(harbour(project), AUGUST),
        seen_in(harbour(project), JULY),
    ]
    catalogue, map_view = ImageCatalogue(project), view(*layers)
    assert frames(catalogue, map_view) == ["2023-07-01", "2023-08-01"]
    controller = QgsTemporalNavigationObject()
    controller.setTemporalExtents(moment("2023-06-01T00:00:00", "2023-06-03T12:00:00"))
    controller.setFrameDuration(QgsInterval(12 * 3600))
    assert frames(catalogue, map_view, controller) == ["2023-07-01", "2023-08-01"]
    controller.setNavigationMode(QgsTemporalNavigationObject.NavigationMode.Animated)
    offered = frames(catalogue, map_view, controller)
    assert offered[:3] == ["2023-06-01", "2023-06-01 12:00", "2023-06-02"]
    assert offered[-2:] == ["2023-07-01", "2023-08-01"]


def test_of_a_long_animation_the_frames_around_the_present_one_are_offered(project):
    controller = QgsTemporalNavigationObject()
    controller.setTemporalExtents(moment("2020-01-01T00:00:00", "2021-12-31T00:00:00"))
    controller.setFrameDuration(QgsInterval(24 * 3600))
    controller.setNavigationMode(QgsTemporalNavigationObject.NavigationMode.Animated)
    controller.setCurrentFrameNumber(366)
    offered = frames(ImageCatalogue(project), view(), controller)
    assert len(offered) == 60
    assert "2021-01-01" in offered
    assert offered == sorted(offered)


# captures


def test_a_capture_stays_however_the_map_changes_afterwards(project, make_chip):
    layer, imagery = targets(project), harbour(project)
    map_view = view(layer, imagery)
    captured = ImageSource.of_capture(Capture.of_view(map_view))
    before = make_chip(captured.view).chip
    recolour(layer, GREEN)
    imagery.setOpacity(0.1)
    map_view.setLayers([imagery])
    map_view.setIsTemporal(True)
    assert make_chip(captured.view).chip.png == before.png
    assert is_target(pixels_of(before.png)).mean() > 0.01


def test_drawing_a_capture_leaves_the_layers_styles_as_they_are(project, make_chip):
    layer = targets(project)
    captured = ImageSource.of_capture(Capture.of_view(view(layer, harbour(project))))
    recolour(layer, GREEN)
    told = []
    layer.repaintRequested.connect(lambda: told.append(True))
    layer.styleChanged.connect(lambda: told.append(True))
    make_chip(captured.view)
    assert layer.renderer().symbol().color().name() == "#00ff00"
    assert told == []


def test_a_captured_theme_keeps_the_themes_styles(project, make_chip):
    layer, imagery = targets(project), harbour(project)
    map_view = view(layer, imagery)
    recoloured = Capture.of_view(map_view).view.layerStyleOverrides()
    recolour(layer, GREEN)
    map_view.setLayerStyleOverrides({layer.id(): recoloured[layer.id()]})
    assert targets_in(make_chip, ImageSource.of_capture(Capture.of_view(map_view))) > 0.01


def test_a_capture_whose_layer_was_removed_is_refused_by_its_name(project):
    layer, imagery = targets(project, name="ships of July"), harbour(project)
    capture = Capture.of_view(view(layer, imagery))
    ImageSource.of_capture(capture)
    layer_id = layer.id()
    del layer
    project.removeMapLayer(layer_id)
    with pytest.raises(ImageGone) as caught:
        ImageSource.of_capture(capture)
    assert caught.value.values == {"name": "ships of July"}


# training grade


def test_training_grade_takes_true_colour_from_bands_that_say_what_they_are(project):
    path = str(ROOT / "tests" / "data" / "honolulu_reflectance.tif")
    layer = QgsRasterLayer(path, "reflectance 2023-07-01")
    project.addMapLayer(layer)
    source = ImageSource.of_raster(layer, view())
    assert layer.renderer().redBand() == 1  # QGIS shows blue as red
    assert source.raster.bands == (3, 2, 1)
    assert (source.kind, source.date) == (ChipKind.TRAINING_GRADE, "2023-07-01")


def test_training_grade_of_bands_that_say_nothing_is_as_the_layer_shows_them(project, tmp_path):
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise(count=4)))
    layer.renderer().setRedBand(4)
    assert ImageSource.of_raster(layer, view()).raster.bands == (4, 2, 3)


def test_training_grade_needs_a_file_with_a_crs(project, tmp_path):
    web = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png", "tiles", "wms")
    with pytest.raises(SourceUnreadable):
        ImageSource.of_raster(web, view())
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise()))
    layer.setCrs(crs_of(""))
    with pytest.raises(CrsUnknown):
        ImageSource.of_raster(layer, view())


def test_both_images_of_a_pair_lie_on_the_same_grid(project, tmp_path):
    pair = [
        layer_of(write_raster(tmp_path / f"{number}.tif", noise(seed=number), UTM)) for number in range(2)
    ]
    sources = [ImageSource.of_raster(layer, view()).raster for layer in pair]
    first, second = (cut_chip(source, square_around(), GEOMETRY).chip for source in sources)
    assert (first.transform, first.width_px, first.crs_wkt) == (
        second.transform,
        second.width_px,
        second.crs_wkt,
    )
    assert first.chip_id != second.chip_id


def test_captures_of_one_place_at_two_scales_give_chips_on_the_same_grid(project, make_chip):
    imagery = harbour(project)
    near, far = view_of([imagery], WEB, 400, 400, 4.0), view_of([imagery], WEB, 900, 500, 9.0)
    aoi = Aoi(square_at(WEB, 100, -50, 1500), WEB)
    chips = [make_chip(ImageSource.of_capture(Capture.of_view(each)).view, aoi).chip for each in (near, far)]
    assert chips[0].transform == chips[1].transform
    assert chips[0].width_px == chips[1].width_px


# dates


def test_the_users_date_replaces_what_is_known_and_takes_it_away(project):
    path = str(ROOT / "tests" / "data" / "casablanca.tif")
    layer = seen_in(QgsRasterLayer(path, "harbour"), JULY)
    source = ImageSource.of_raster(layer, view())
    assert source.raster.date == "2023-07-01"
    square = plan_squares(Aoi.from_layer_extent(layer), GEOMETRY)[0]
    for date in ("2022-01-02", None):
        dated = source.dated(date)
        assert dated.date == date
        assert cut_chip(dated.raster, square, GEOMETRY).chip.date == date


# the list


def test_everything_is_offered_once_in_order(project):
    layer, imagery = targets(project), harbour(project)
    theme(project, "before", imagery)
    web = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png", "tiles", "wms")
    project.addMapLayer(web)
    catalogue = ImageCatalogue(project)
    captured = catalogue.capture(view(layer, imagery))
    offered = [(choice.kind, choice.title) for choice in catalogue.choices(view(layer, imagery))]
    assert offered == [
        (ChoiceKind.MAP, ""),
        (ChoiceKind.CAPTURE, captured.title),
        (ChoiceKind.THEME, "before"),
        (ChoiceKind.LAYER, "tiles"),
        (ChoiceKind.LAYER, "harbour"),
        (ChoiceKind.RASTER, "harbour"),
    ]


def test_every_choice_leads_to_its_image(project, make_chip):
    layer, imagery = targets(project), seen_in(harbour(project), JULY)
    theme(project, "only the harbour", imagery)
    catalogue, map_view = ImageCatalogue(project), view(layer, imagery)
    catalogue.capture(map_view)
    has_targets = {}
    for choice in catalogue.choices(map_view):
        source = catalogue.source(choice, map_view)
        if source.kind is ChipKind.AS_SHOWN:
            has_targets[choice.kind] = bool(targets_in(make_chip, source))
    assert has_targets == {
        ChoiceKind.MAP: True,
        ChoiceKind.CAPTURE: True,
        ChoiceKind.FRAME: True,
        ChoiceKind.THEME: False,
        ChoiceKind.LAYER: False,
    }


@pytest.mark.parametrize("kind", [ChoiceKind.LAYER, ChoiceKind.RASTER, ChoiceKind.CAPTURE, ChoiceKind.THEME])
def test_a_choice_that_is_gone_is_refused_by_its_name(project, kind):
    with pytest.raises(ImageGone) as caught:
        ImageCatalogue(project).source(ImageChoice(kind, "gone", "gone"), view())
    assert caught.value.values == {"name": "gone"}


def test_a_choice_is_the_same_under_a_new_name(project):
    imagery = harbour(project)
    catalogue = ImageCatalogue(project)
    before = catalogue.choices(view(imagery))
    imagery.setName("renamed")
    assert catalogue.choices(view(imagery)) == before
    assert "harbour" not in [choice.title for choice in catalogue.choices(view(imagery))]
