"""The report on pages: searchable words, the map where it lies, and the user's project left alone."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, exchange, picture
from lspace.gis.errors import DiskFull, RenderFailed, TargetExists, WriteFailed
from lspace.gis.reporting.map_figure import MapFigureJob
from lspace.gis.reporting.printed_map import map_png
from lspace.gis.reporting.report import compose
from lspace.gis.reporting.report_document import (
    Column,
    Document,
    Heading,
    MapFigure,
    Paragraph,
    Picture,
    Pictures,
    Table,
)
from lspace.gis.reporting.report_file import ReportFormat, prepare_report, save_page, save_pdf
from lspace.gis.reporting.report_pdf import report_layout, write_pdf
from osgeo import gdal, osr
from pdf_text import words_in
from planted import (
    crs_of,
    harbour_in,
    harbour_layer,
    is_target,
    pixels_of,
    square_at,
    target_layer,
    view_of,
)
from proposals import files_limited_to
from qgis.core import QgsMapSettings, QgsProject, QgsRectangle
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtWidgets import QApplication
from reports import ACCEPTED, proposal_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

MERCATOR = "EPSG:3857"


def document(*blocks, title="Harbour"):
    return Document(title, "Ada", "en", blocks)


@pytest.fixture
def draw(qtbot):
    """Draws the map of a report on one exchange and its layer, with a magenta square in the middle."""

    def drawn(crs=MERCATOR, layers=None, rotation=0.0, exchanges=None):
        crs = crs_of(crs)
        one = exchange(answer(), chips=[picture()])
        shown = (
            [target_layer([square_at(crs, 0, 0, 200)], crs), harbour_layer()] if layers is None else layers
        )
        view = view_of(shown, crs, 900, 800, 4.0, rotation)
        job, told = MapFigureJob(view, compose([], [one] if exchanges is None else exchanges)), []
        job.made.connect(told.append)
        job.failed.connect(told.append)
        job.start()
        qtbot.waitUntil(lambda: bool(told), timeout=20_000)
        return told[0]

    return drawn


def raster_of(path, page=1, dpi=100):
    """A page as RGB, shape (height, width, 3), and GDAL's dataset of it."""
    source = gdal.OpenEx(f"PDF:{page}:{path}", open_options=[f"DPI={dpi}"])
    return np.moveaxis(source.ReadAsArray()[:3], 0, -1), source


def page_count(path):
    return max(len(gdal.Open(str(path)).GetMetadata("SUBDATASETS")) // 2, 1)


def test_the_words_can_be_searched(tmp_path):
    write_pdf(document(Heading("Findings"), Paragraph("Ten boxes, 21.356° N.")), None, tmp_path / "r.pdf")
    words = words_in(tmp_path / "r.pdf")
    assert "Harbour" in words
    assert "Findings" in words
    assert "Tenboxes,21.356°N." in words
    assert words.endswith("1/1")
    assert page_count(tmp_path / "r.pdf") == 1


def test_nothing_in_a_text_is_evaluated(tmp_path):
    write_pdf(document(Paragraph("[% 1 + 1 %] $CURRENT_DATE <b>b</b>")), None, tmp_path / "r.pdf")
    assert "[%1+1%]$CURRENT_DATE<b>b</b>" in words_in(tmp_path / "r.pdf")


def test_a_long_table_flows_over_pages_with_its_head_and_loses_no_row(tmp_path):
    rows = tuple((f"row{number}.", "two words " * 12) for number in range(120))
    table = Table("Boxes", (Column("Name"), Column("Remark")), rows)
    write_pdf(document(table), None, tmp_path / "r.pdf")
    words, pages = words_in(tmp_path / "r.pdf"), page_count(tmp_path / "r.pdf")
    assert pages > 3
    assert words.count("NameRemark") == pages
    assert [words.count(f"row{number}.") for number in range(120)] == [1] * 120


def test_a_word_longer_than_its_cell_is_not_cut_off(tmp_path):
    word = "0123456789abcdef" * 16
    table = Table("Hashes", (Column("A"), Column("B"), Column("C")), ((word, word, word),))
    write_pdf(document(table), None, tmp_path / "r.pdf")
    assert words_in(tmp_path / "r.pdf").replace(" ", "").count("f") >= 3 * 16
    right_margin = raster_of(tmp_path / "r.pdf")[0][:, -40:]
    assert (right_margin == 255).all()


def test_paper_is_white_and_letters_black_in_a_dark_theme(tmp_path):
    light = QApplication.palette()
    QApplication.setPalette(QPalette(QColor(30, 30, 30)))
    try:
        write_pdf(document(Paragraph("word " * 200)), None, tmp_path / "r.pdf")
    finally:
        QApplication.setPalette(light)
    page, _ = raster_of(tmp_path / "r.pdf")
    assert page[0, 0].tolist() == [255, 255, 255]
    assert page.min() < 60
    assert page.mean() > 200


def test_the_map_stands_on_the_page_where_its_georeference_says(tmp_path, draw):
    write_pdf(document(Paragraph("Before."), MapFigure("The harbour")), draw(), tmp_path / "r.pdf")
    page, source = raster_of(tmp_path / "r.pdf")
    rows, columns = np.nonzero(is_target(page))
    assert len(rows) > 50
    left, across, _, top, _, down = source.GetGeoTransform()
    middle = harbour_in(crs_of(MERCATOR))
    found = left + across * (columns.mean() + 0.5), top + down * (rows.mean() + 0.5)
    assert found == pytest.approx((middle.x(), middle.y()), abs=3 * across)
    crs = osr.SpatialReference(wkt=source.GetProjection())
    assert "Mercator" in crs.GetName()


def test_a_map_that_does_not_fit_goes_to_the_next_page_with_its_room(tmp_path, draw):
    text = Paragraph("word " * 1500)
    write_pdf(document(text, MapFigure("The harbour"), Paragraph("After.")), draw(), tmp_path / "r.pdf")
    first, second = (raster_of(tmp_path / "r.pdf", page)[0] for page in (1, 2))
    assert not is_target(first).any()
    assert is_target(second).sum() > 50
    dark = (second < 100).all(axis=2)
    assert dark[-120:].any()  # the page number, below all


def test_a_picture_of_the_map_has_a_scale_bar(draw):
    picture = pixels_of(map_png(draw(), QgsProject.instance()))
    assert is_target(picture).sum() > 50
    foot = picture[-60:]
    assert (foot < 100).all(axis=2).any()


@pytest.mark.parametrize("crs", ["EPSG:32604", "EPSG:4326", "custom"])
def test_the_map_is_drawn_in_any_crs_and_north_up(draw, crs):
    made = draw(crs, rotation=33.0)
    rows, columns = np.nonzero(is_target(pixels_of(map_png(made, QgsProject.instance()))))
    across, down = made.extent.width() / made.image.width(), made.extent.height() / made.image.height()
    middle = harbour_in(crs_of(crs))
    found = made.extent.xMinimum() + columns.mean() * across, made.extent.yMaximum() - rows.mean() * down
    assert found == pytest.approx((middle.x(), middle.y()), abs=4 * across)


def test_the_map_shows_the_area_though_the_canvas_is_elsewhere(qtbot):
    crs = crs_of(MERCATOR)
    layers = [target_layer([square_at(crs, 0, 0, 200)], crs), harbour_layer()]
    view = view_of(layers, crs, 900, 800, 4.0)
    view.setExtent(QgsRectangle(0, 0, 1000, 1000))
    job, told = MapFigureJob(view, compose([], [exchange(answer(), chips=[picture()])])), []
    job.made.connect(told.append)
    job.start()
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    assert told[0].extent.contains(harbour_in(crs))


def test_the_map_says_whether_proposals_are_on_it_and_whom_to_credit(draw):
    layer = proposal_layer(exchange(answer(), chips=[picture()]).run, (("water", 0, 0, 100), ACCEPTED))
    imagery = harbour_layer()
    imagery.setAttribution("© Copernicus")
    assert draw(layers=[layer, imagery]).shows_proposals
    assert draw(layers=[imagery]).credits == ("© Copernicus",)
    assert not draw(layers=[imagery]).shows_proposals


def test_without_a_map_there_is_none_to_draw():
    with pytest.raises(RenderFailed):
        MapFigureJob(QgsMapSettings(), compose([], [])).start()


def test_one_that_was_given_up_says_nothing(qtbot, draw):
    view = view_of([harbour_layer()], crs_of(MERCATOR), 900, 800, 4.0)
    job, told = MapFigureJob(view, compose([], [exchange(answer(), chips=[picture()])])), []
    job.made.connect(told.append)
    job.failed.connect(told.append)
    job.start()
    job.give_up()
    draw()
    assert told == []


def test_the_users_project_stays_as_it_is(tmp_path, draw):
    project = QgsProject.instance()
    project.setDirty(False)
    write_pdf(document(MapFigure("The harbour")), draw(), tmp_path / "r.pdf")
    assert not project.isDirty()
    assert project.layoutManager().layouts() == []
    assert project.mapLayers() == {}
    assert not [name for name in gdal.ReadDir("/vsimem/") or () if name.startswith("lspace")]


def test_small_pictures_are_on_the_pages(tmp_path):
    chips = Pictures(tuple(Picture(picture(seed).png, f"chip {seed}") for seed in range(4)))
    write_pdf(document(chips), None, tmp_path / "r.pdf")
    page, _ = raster_of(tmp_path / "r.pdf")
    assert (page < 200).all(axis=2).mean() > 0.1
    assert "chip3" in words_in(tmp_path / "r.pdf")


def test_the_layout_has_a_frame_a_page_and_no_user_text_in_labels(draw):
    with report_layout(document(Paragraph("word " * 3000), MapFigure("m")), draw()) as layout:
        count = layout.pageCollection().pageCount()
        assert count > 1
        assert layout.multiFrames()[0].frameCount() == count
        assert layout.referenceMap() is not None
        assert layout.project() is not QgsProject.instance()


@pytest.mark.parametrize("report_format", ReportFormat)
def test_a_file_is_replaced_only_if_that_was_allowed(tmp_path, report_format):
    path = tmp_path / f"report{report_format.extension}"
    path.write_text("theirs")
    with pytest.raises(TargetExists):
        prepare_report(path, report_format, overwrite=False)
    target = prepare_report(path.with_suffix(""), report_format, overwrite=True)
    assert target.path == path
    if report_format is ReportFormat.HTML:
        save_page(target, "<p>ours 港")
        assert path.read_text(encoding="utf-8") == "<p>ours 港"
    else:
        save_pdf(target, document(), None)
        assert path.read_bytes().startswith(b"%PDF")
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_older_file(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("older")
    target = prepare_report(path, ReportFormat.HTML, overwrite=True)
    with files_limited_to(1000), pytest.raises(DiskFull):
        save_page(target, "x" * 5000)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_pdf_that_breaks_off_is_not_saved(tmp_path):
    target = prepare_report(tmp_path / "report.pdf", ReportFormat.PDF, overwrite=False)
    with files_limited_to(1000), pytest.raises((WriteFailed, DiskFull)):
        save_pdf(target, document(Paragraph("word " * 5000)), None)
    assert list(tmp_path.iterdir()) == []
