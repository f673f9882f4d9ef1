"""Scans of what the map shows: any layer, drawn square by square in a thread, all of the area in one."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from algorithms import our_provider, run, scripted, square_px, target_raster
from lspace.gis.aoi import Aoi
from lspace.gis.errors import BlankChip, MixedImages, RenderFailed, RunCancelled
from lspace.gis.imaging.chip import encode_png
from lspace.gis.imaging.image_source import ImageSource
from lspace.gis.processing.drawn_chip import draw_chip
from lspace.gis.processing.picture_plan import Images
from lspace.gis.scan.grid import ScanGrid
from lspace.gis.scan.scan_images import find_images, name_of
from planted import crs_of, harbour_layer, is_target, pixels_of, square_at, target_layer, view_of
from qgis.core import QgsCoordinateTransformContext, QgsGeometry, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QCoreApplication
from scan_file import GEOMETRY

CONTEXT = QgsCoordinateTransformContext()
UTM, WEB = crs_of("EPSG:32604"), crs_of("EPSG:3857")
ZONE_NAMES = ["EPSG:32604", "EPSG:4326", "EPSG:3857", "custom"]
AS_SHOWN = 1


def images_of(layers, crs=WEB, side_m=GEOMETRY.side_m):
    view = view_of(layers, crs, 300, 300, 10.0)
    images = Images.of_sources([ImageSource.of_map(view)], replace(GEOMETRY, side_m=side_m))
    return images


def drawn_in_a_thread(qtbot, images, squares):
    """The chips of squares as a scan draws them: the layers belong to another thread meanwhile."""
    with ThreadPoolExecutor(max_workers=1, initializer=images.enter_thread) as maker:
        coming = [maker.submit(images.chips_at, square, lambda: False) for square in squares]
        left = maker.submit(images.leave_thread)
        qtbot.waitUntil(left.done, timeout=60_000)
    assert all(layer.thread() is QCoreApplication.instance().thread() for layer in images.layers)
    return [future.result().placed for future in coming]


def squares_over(aoi, side_m):
    grid = ScanGrid.over(aoi, replace(GEOMETRY, side_m=side_m), CONTEXT)
    return [cell.square for cell in grid.cells()]


@pytest.mark.parametrize("seed", range(8))
def test_every_point_of_an_awkward_area_is_on_a_drawn_picture(qtbot, seed):
    dice = random.Random(seed)
    crs, side = crs_of(ZONE_NAMES[seed % 4]), dice.choice([300.0, 640.0, 1280.0])
    layer = harbour_layer()
    aoi = Aoi(square_at(crs, dice.uniform(-300, 300), dice.uniform(-300, 300), dice.uniform(200, 1500)), crs)
    squares = squares_over(aoi, side)
    chips = drawn_in_a_thread(qtbot, images_of([layer], crs, side), squares)
    for square, chip in zip(squares, chips):
        corners = [chip.transform.to_map(0, 0), chip.transform.to_map(chip.width_px, chip.height_px)]
        extent = square.extent
        wanted = [(extent.xMinimum(), extent.yMaximum()), (extent.xMaximum(), extent.yMinimum())]
        assert np.allclose(corners, wanted, atol=1e-3)
    seen = QgsGeometry.unaryUnion([QgsGeometry.fromRect(square.extent) for square in squares])
    for _ in range(100):
        box = aoi.polygon.boundingBox()
        x, y = dice.uniform(box.xMinimum(), box.xMaximum()), dice.uniform(box.yMinimum(), box.yMaximum())
        point = Aoi(QgsGeometry.fromRect(QgsRectangle(x, y, x, y).buffered(1e-9)), crs)
        middle = point.on_map(view_of([], squares[0].crs, 10, 10, 1.0)).frame().centre
        assert seen.buffer(1, 4).contains(middle)


def test_vector_layers_and_their_styles_are_on_the_pictures_and_results_of_ours_are_not(qtbot):
    targets = target_layer([square_at(WEB, 0, 0, 200)], WEB)
    results = target_layer([square_at(WEB, 300, 300, 200)], WEB)
    results.setCustomProperty("lspace/result", "proposals")
    aoi = Aoi(square_at(UTM, 0, 0, 600), UTM)
    images = images_of([results, targets, harbour_layer()], side_m=1000.0)
    (chip,) = drawn_in_a_thread(qtbot, images, squares_over(aoi, 1000.0))
    marked = is_target(pixels_of(chip.png))
    assert marked.mean() == pytest.approx(0.2**2, rel=0.1)
    assert chip.sources == ("targets", "harbour")
    assert len(images.layers) == 2


def test_what_happens_to_the_layers_meanwhile_changes_no_picture(qtbot):
    targets = target_layer([square_at(WEB, 0, 0, 200)], WEB)
    images = images_of([targets, harbour_layer()], side_m=1000.0)
    targets.setOpacity(0)
    del targets
    aoi = Aoi(square_at(UTM, 0, 0, 600), UTM)
    (chip,) = drawn_in_a_thread(qtbot, images, squares_over(aoi, 1000.0))
    assert is_target(pixels_of(chip.png)).any()


def test_a_script_in_the_main_thread_gets_the_same_picture(qtbot):
    images = images_of([harbour_layer()], side_m=1000.0)
    squares = squares_over(Aoi(square_at(UTM, 0, 0, 600), UTM), 1000.0)
    (in_thread,) = drawn_in_a_thread(qtbot, images, squares)
    here = images_of([harbour_layer()], side_m=1000.0)
    here.enter_thread()
    assert here.chips_at(squares[0], lambda: False).placed.chip_id == in_thread.chip_id


def test_who_gives_up_gets_no_picture():
    images = images_of([harbour_layer()])
    aoi = Aoi(square_at(UTM, 0, 0, 600), UTM)
    with pytest.raises(RunCancelled):
        draw_chip(images.sources[0], aoi, GEOMETRY, lambda: True)


def test_images_of_two_kinds_make_no_scan():
    layer = harbour_layer()
    view = view_of([layer], WEB, 300, 300, 10.0)
    with pytest.raises(MixedImages):
        Images.of_sources([ImageSource.of_map(view), ImageSource.of_raster(layer, view)], GEOMETRY)


# which image a file means


def test_an_image_is_found_again_by_what_it_shows(qgis_new_project):
    layer, other = harbour_layer(), target_layer([square_at(WEB, 0, 0, 200)], WEB)
    QgsProject.instance().addMapLayers([layer, other])
    view = view_of([other, layer], WEB, 300, 300, 10.0)
    for source in (
        ImageSource.of_map(view),
        ImageSource.of_layer(layer, view),
        ImageSource.of_raster(layer, view),
    ):
        (found,) = find_images([name_of(source)], (), view, QgsProject.instance())
        assert (found.kind, name_of(found)) == (source.kind, name_of(source))


def test_no_name_of_an_image_tells_a_password():
    uri = "type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png&username=ada&password=secret-words"
    layer = QgsRasterLayer(uri, "tiles", "wms")
    assert "secret-words" not in name_of(ImageSource.of_map(view_of([layer], WEB, 300, 300, 10.0)))


# a web map


class Tiles(BaseHTTPRequestHandler):
    """Noise; every third tile is answered as the server's ``fault`` says."""

    def do_GET(self):
        x, y = (int(part) for part in self.path.partition(".")[0].split("/")[-2:])
        is_faulty = self.server.fault is not None and (x + y) % 3 == 0
        self.send_response(self.server.fault if is_faulty else 200)
        self.send_header("Content-Type", "text/plain" if is_faulty else "image/png")
        self.end_headers()
        noise = np.random.default_rng([x, y]).integers(1, 255, (256, 256, 3), dtype=np.uint8)
        self.wfile.write(b"no" if is_faulty else encode_png(noise))

    def log_message(self, *arguments):
        """Quiet."""


@pytest.fixture
def server():
    tiles = ThreadingHTTPServer(("127.0.0.1", 0), Tiles)
    tiles.daemon_threads = True
    tiles.fault = None
    thread = threading.Thread(target=tiles.serve_forever, args=(0.05,))
    thread.start()
    yield tiles
    tiles.shutdown()
    thread.join()
    tiles.server_close()


def tile_layer(server):
    url = f"http://127.0.0.1:{server.server_address[1]}/{uuid4().hex}/{{z}}/{{x}}/{{y}}.png"
    layer = QgsRasterLayer(f"type=xyz&url={url}&zmax=15&zmin=15", "tiles", "wms")
    assert layer.isValid()
    return layer


def test_a_web_map_is_drawn_square_by_square(qtbot, server):
    aoi = Aoi(square_at(UTM, 0, 0, 2500), UTM)
    squares = squares_over(aoi, 1500.0)
    chips = drawn_in_a_thread(qtbot, images_of([tile_layer(server)], side_m=1500.0), squares)
    assert len(chips) == 4
    assert all(chip.valid_share == 1 for chip in chips)


def test_a_server_that_fails_makes_no_picture_with_holes(qtbot, server):
    server.fault = 500
    squares = squares_over(Aoi(square_at(UTM, 0, 0, 2500), UTM), 2600.0)
    with pytest.raises(RenderFailed) as caught:
        drawn_in_a_thread(qtbot, images_of([tile_layer(server)], side_m=2600.0), squares)
    assert caught.value.values["layer"] == "tiles"
    assert "500" in caught.value.values["why"]


def test_where_a_server_has_nothing_there_are_holes_and_no_fault(qtbot, server):
    server.fault = 404
    squares = squares_over(Aoi(square_at(UTM, 0, 0, 2500), UTM), 2600.0)
    (chip,) = drawn_in_a_thread(qtbot, images_of([tile_layer(server)], side_m=2600.0), squares)
    assert 0.3 < chip.valid_share < 0.95


def test_where_no_layer_is_there_is_no_picture(qtbot):
    far = Aoi(QgsGeometry.fromRect(QgsRectangle(300_000, 2_000_000, 300_600, 2_000_600)), UTM)
    with pytest.raises(BlankChip):
        drawn_in_a_thread(qtbot, images_of([harbour_layer()]), squares_over(far, GEOMETRY.side_m))


# in Processing


@pytest.fixture
def provider(qgis_processing, qgis_new_project):
    with our_provider():
        yield


def test_an_algorithm_scans_a_layer_as_it_is_shown_in_pictures_of_any_size(provider, tmp_path):
    raster = target_raster(tmp_path / "ground.tif", [(60, 80, 60), (300, 340, 80)])
    path = tmp_path / "scan.gpkg"
    given = {"INPUT": raster, "OUTPUT": str(path), "KIND": AS_SHOWN, "SIDE": 2560.0, **scripted(tmp_path)}
    result = run("scan", given)
    assert (result["DONE"], result["FAILED"], result["WAITING"]) == (9, 0, 0)
    assert result["BOXES"] == 2
    assert square_px(0, 0, 512).boundingBox().width() == 2 * 2560.0
