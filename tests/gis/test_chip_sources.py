"""As-shown chips of web layers, of a moment in time, and at the scale of the map."""

from __future__ import annotations

import gc
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.errors import BlankChip
from lspace.gis.imaging.chip import encode_png
from lspace.gis.imaging.chip_note import ChipNoteKind
from lspace.gis.imaging.view_chip import ViewChipJob
from lspace.gis.imaging.web_requests import WebRequests
from planted import (
    crs_of,
    harbour_layer,
    is_target,
    pixels_of,
    square_at,
    target_layer,
    view_of,
)
from qgis.core import (
    Qgis,
    QgsDateTimeRange,
    QgsFeature,
    QgsFillSymbol,
    QgsNetworkAccessManager,
    QgsRasterLayer,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDateTime, Qt, QTimer, QUrl
from qgis.PyQt.QtNetwork import QNetworkRequest
from written import GEOMETRY

WEB = crs_of("EPSG:3857")
TIMEOUT_MS = 1500
FAULTS = {
    404: "nothing",
    500: "HTTP 500",
    "closes": "closed",
    "prose": "HTTP 200",
    "sleeps": "in time",
}
"""How every other request is answered, and a word of the note about it."""


class Tiles(BaseHTTPRequestHandler):
    """Tiles of noise; every other one is answered as the server's ``fault`` says."""

    def do_GET(self):
        x, y = (int(part) for part in self.path.partition(".")[0].split("/")[-2:])
        self.server.asked.append((x, y))
        fault = self.server.fault
        if fault is None or (x + y) % 2:
            self.answer(200, "image/png", noise_tile(x, y))
        elif fault == "sleeps":
            self.server.go_on.wait(20)
        elif fault == "closes":
            self.connection.close()
        elif fault == "prose":
            self.answer(200, "text/html", b"<html>over quota</html>")
        else:
            self.answer(fault, "text/plain", b"no")

    def answer(self, status, kind, content):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        """Quiet."""


def noise_tile(x, y):
    return encode_png(np.random.default_rng([x, y]).integers(1, 255, (256, 256, 3), dtype=np.uint8))


@pytest.fixture
def server():
    tiles = ThreadingHTTPServer(("127.0.0.1", 0), Tiles)
    tiles.daemon_threads = True
    tiles.fault, tiles.asked, tiles.go_on = None, [], threading.Event()
    tiles.name = uuid4().hex  # QGIS caches tiles by address, and a port can come again
    thread = threading.Thread(target=tiles.serve_forever, args=(0.05,))
    thread.start()
    tiles.down = lambda: (tiles.shutdown(), thread.join(), tiles.server_close())
    yield tiles
    tiles.go_on.set()
    if thread.is_alive():
        tiles.down()


@pytest.fixture(autouse=True)
def short_timeout():
    before = QgsNetworkAccessManager.timeout()
    QgsNetworkAccessManager.setTimeout(TIMEOUT_MS)
    yield
    QgsNetworkAccessManager.setTimeout(before)


@pytest.fixture
def longest_wait(qtbot):
    """The longest time that the GUI thread did not answer, in seconds."""
    waits, last = [0.0], [time.monotonic()]

    def tick():
        now = time.monotonic()
        waits[0] = max(waits[0], now - last[0])
        last[0] = now

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(10)
    yield lambda: waits[0]
    timer.stop()


def tile_layer(server, name="tiles"):
    url = f"http://127.0.0.1:{server.server_address[1]}/{server.name}/{{z}}/{{x}}/{{y}}.png"
    layer = QgsRasterLayer(f"type=xyz&url={url}&zmax=14&zmin=14", name, "wms")
    assert layer.isValid()
    return layer


def tile_view(*layers):
    return view_of(list(layers), WEB, 500, 500, 8.0)


# web layers


def test_a_web_layer_that_comes_whole_has_no_notes(make_chip, server):
    made = make_chip(tile_view(tile_layer(server)))
    assert made.chip.valid_share == 1
    assert made.notes == ()
    assert len(server.asked) >= 4


@pytest.mark.parametrize("fault", FAULTS)
def test_a_half_loaded_web_layer_is_named_with_the_reason(make_chip, server, longest_wait, fault):
    server.fault = fault
    made = make_chip(tile_view(tile_layer(server)))
    assert 0.3 < made.chip.valid_share < 0.7
    note = made.notes[0]
    assert (note.kind, note.subject) == (ChipNoteKind.LAYER_FAILED, "tiles")
    asked_in_vain = len({tile for tile in server.asked if sum(tile) % 2 == 0})
    if fault != "closes":  # those are tried again
        assert f" {asked_in_vain} " in f" {note.detail} "
    assert FAULTS[fault] in note.detail
    assert "127.0.0.1" not in note.detail
    assert longest_wait() < 1


@pytest.mark.parametrize("fault", [404, 500, "prose"])
def test_an_address_counts_once_and_not_if_it_comes_in_the_end(qtbot, server, fault):
    layer = tile_layer(server)
    requests = WebRequests([layer])
    requests.watch()
    server.fault = fault
    ask(qtbot, layer, 0, 0)
    ask(qtbot, layer, 0, 0)
    ask(qtbot, layer, 0, 2)
    server.fault = None
    ask(qtbot, layer, 0, 2)
    (faults,) = requests.stop()
    assert faults.failed + faults.absent == 1
    assert len(server.asked) == 4


def ask(qtbot, layer, x, y):
    """Has QGIS ask for that tile, past its cache."""
    url = layer.source().partition("url=")[2].partition("&")[0].format(z=14, x=x, y=y)
    request = QNetworkRequest(QUrl(url))
    always = QNetworkRequest.CacheLoadControl.AlwaysNetwork
    request.setAttribute(QNetworkRequest.Attribute.CacheLoadControlAttribute, always)
    reply = QgsNetworkAccessManager.instance().get(request)
    qtbot.waitUntil(reply.isFinished, timeout=20_000)


@pytest.mark.parametrize("fault", [500, "sleeps"])
def test_a_fault_counts_even_where_another_layer_fills_the_hole(make_chip, server, fault):
    server.fault = fault
    made = make_chip(tile_view(tile_layer(server), ground()))
    assert made.chip.valid_share == 1
    assert [(note.kind, note.subject) for note in made.notes] == [(ChipNoteKind.LAYER_FAILED, "tiles")]


def test_a_layer_that_ends_above_another_is_no_fault(make_chip, server):
    server.fault = 404
    assert make_chip(tile_view(tile_layer(server), ground())).notes == ()


def ground():
    """Covers all of the view."""
    return target_layer([square_at(WEB, 0, 0, 50_000)], WEB, "ground")


def test_a_view_beyond_the_layers_end_says_only_what_is_missing(make_chip):
    """A file that ends is no fault."""
    notes = make_chip(view_of([harbour_layer()], WEB, 400, 400, 60.0)).notes
    assert [note.kind for note in notes] == [ChipNoteKind.MOSTLY_EMPTY]


def test_faults_are_told_of_the_layer_they_belong_to(make_chip, server):
    server.fault = 500
    others = [harbour_layer(), target_layer([square_at(WEB, 0, 0, 300)], WEB)]
    notes = make_chip(tile_view(*others, tile_layer(server, "the web map"))).notes
    assert [note.subject for note in notes] == ["the web map"]


def test_a_server_that_is_down_is_a_blank_chip_with_the_reason(make_chip, server, longest_wait):
    server.down()
    began = time.monotonic()
    with pytest.raises(BlankChip) as caught:
        make_chip(tile_view(tile_layer(server)))
    assert time.monotonic() - began < 30
    assert longest_wait() < 1
    assert caught.value.values["reason"] == "failed"
    assert [note.subject for note in caught.value.values["notes"]] == ["tiles"]


def test_a_server_that_never_answers_ends_with_the_networks_timeout(make_chip, server, longest_wait):
    server.fault = "sleeps"
    began = time.monotonic()
    make_chip(tile_view(tile_layer(server)))
    assert time.monotonic() - began < 10 * TIMEOUT_MS / 1000
    assert longest_wait() < 1


def test_giving_up_on_a_server_that_never_answers_holds_nothing_up(qtbot, server, longest_wait):
    QgsNetworkAccessManager.setTimeout(60_000)
    server.fault = "sleeps"
    view = tile_view(tile_layer(server))
    job = ViewChipJob(view, Aoi.from_view(view), GEOMETRY)
    told = []
    job.made.connect(told.append)
    job.failed.connect(told.append)
    job.start()
    qtbot.waitUntil(lambda: len(server.asked) >= 4, timeout=10_000)
    qtbot.wait(100)
    began = time.monotonic()
    job.give_up()
    job.deleteLater()
    del job
    gc.collect()
    qtbot.wait(200)
    assert time.monotonic() - began < 20  # of 60
    assert longest_wait() < 1
    assert told == []


@pytest.mark.parametrize("size_px", [(500, 500), (333, 777), (1111, 640)])
@pytest.mark.parametrize("target_dpi", [-1.0, 96.0, 192.0])
def test_imagery_reaches_the_edges_of_the_chip(make_chip, server, size_px, target_dpi):
    view = view_of([tile_layer(server)], WEB, *size_px, 8.0)
    view.setDpiTarget(target_dpi)
    assert make_chip(view).chip.valid_share == 1


# a moment in time


def time_range(begin, end):
    parse = QDateTime.fromString
    return QgsDateTimeRange(*(parse(text, Qt.DateFormat.ISODate) for text in (begin, end)))


JULY = time_range("2023-07-01T00:00:00", "2023-07-31T00:00:00")
AUGUST = time_range("2023-08-01T00:00:00", "2023-08-31T00:00:00")


def test_features_outside_of_the_maps_moment_are_not_in_the_chip(make_chip):
    layer = QgsVectorLayer("Polygon?field=seen:date", "ships", "memory")
    layer.setCrs(WEB)
    for right, date in ((-800, "2023-07-05"), (800, "2023-08-05")):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(square_at(WEB, right, 0, 300))
        feature["seen"] = date
        assert layer.dataProvider().addFeature(feature)
    symbol = QgsFillSymbol.createSimple({"color": "255,0,255,255", "outline_style": "no"})
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))
    temporal = layer.temporalProperties()
    temporal.setMode(Qgis.VectorTemporalMode.FeatureDateTimeInstantFromField)
    temporal.setStartField("seen")
    temporal.setIsActive(True)
    view = tile_view(layer, harbour_layer())
    both = is_target(pixels_of(make_chip(view).chip.png))
    assert both[:, :256].any()
    assert both[:, 256:].any()
    for moment, date, left in ((JULY, "2023-07-01", True), (AUGUST, "2023-08-01", False)):
        view.setIsTemporal(True)
        view.setTemporalRange(moment)
        chip = make_chip(view).chip
        seen = is_target(pixels_of(chip.png))
        assert (seen[:, :256].any(), seen[:, 256:].any()) == (left, not left)
        assert chip.date == date


def test_a_raster_of_another_moment_is_not_in_the_chip(make_chip):
    harbour = harbour_layer()
    temporal = harbour.temporalProperties()
    temporal.setFixedTemporalRange(JULY)
    temporal.setIsActive(True)
    view = tile_view(harbour)
    view.setIsTemporal(True)
    view.setTemporalRange(JULY)
    assert make_chip(view).chip.valid_share > 0.5
    view.setTemporalRange(AUGUST)
    with pytest.raises(BlankChip):
        make_chip(view)
