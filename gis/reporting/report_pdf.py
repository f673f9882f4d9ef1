# SPDX-License-Identifier: GPL-2.0-or-later
"""A report on pages: QGIS's layout engine places text, map and page numbers, and writes the PDF.

All of it is for the GUI thread: layouts are not thread-safe. It takes a moment only, as the map comes as
a picture that was drawn before, and nothing is fetched.

The text is one of Qt's documents in frames of their own kind. The tables and labels of QGIS 3.22 do not say
how high they come out, cut long words, and a label evaluates ``[% ... %]``, which a model may write.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsLayout,
    QgsLayoutExporter,
    QgsLayoutFrame,
    QgsLayoutItemLabel,
    QgsLayoutItemPage,
    QgsLayoutItemRenderContext,
    QgsLayoutMultiFrame,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsPrintLayout,
    QgsProject,
    QgsProjectMetadata,
)
from qgis.PyQt.QtCore import QDateTime, QPointF, QRectF, QSizeF, Qt, QUrl
from qgis.PyQt.QtGui import (
    QColor,
    QFont,
    QGuiApplication,
    QImage,
    QTextDocument,
    QTextOption,
)

from ..errors import WriteFailed
from .map_figure import DPI, MM_PER_INCH, SIZE_MM, MapPicture
from .paged_text import draw_page, paginate, pieces_of
from .printed_map import FOOT_MM, layout_beside, place_map, raster_of
from .report_document import Document
from .report_text import set_report

PAGE_MM = QSizeF(210.0, 297.0)
TEXT_MM = QRectF(15.0, 15.0, 180.0, 262.0)
"""Where the text stands on each page."""
FONT_PT = 9.0
PICTURE_MM = 55.0
_FOOT_TOP_MM = 283.0
_DOTS_PER_MM = 1200 / MM_PER_INCH
"""The text is laid out so finely that its letters keep their distances on paper."""
_RULE_MM = 0.4
"""Of the line below a table's last row."""
_FRAMES_TYPE = 65536 + 20000  # QGraphicsItem.UserType, and far from the kinds that QGIS has
_MAP_NAME = "map"
_IMAGE_MARK = "\ufffc"
"""Stands for an image in Qt's documents."""


def write_pdf(document: Document, picture: MapPicture | None, path: Path) -> None:
    """Writes the pages, searchable and with the map's georeference.

    Raises:
        WriteFailed: QGIS could not.
    """
    settings = QgsLayoutExporter.PdfExportSettings()
    settings.dpi = DPI
    settings.textRenderFormat = Qgis.TextRenderFormat.AlwaysText
    settings.appendGeoreference = True
    settings.exportMetadata = True
    with report_layout(document, picture) as layout:
        result = QgsLayoutExporter(layout).exportToPdf(str(path), settings)
    if result != QgsLayoutExporter.ExportResult.Success:
        raise WriteFailed("the PDF could not be written", path=str(path), result=str(result))


@contextmanager
def report_layout(document: Document, picture: MapPicture | None) -> Iterator[QgsPrintLayout]:
    """The report as a layout, as long as it is needed; without a picture there is no map in it."""
    with ExitStack() as stack:
        raster = stack.enter_context(raster_of(picture)) if picture else None
        layout = stack.enter_context(layout_beside(QgsProject.instance()))
        layout.project().setMetadata(_metadata_of(document))
        text = _ReportText(document, with_map=raster is not None)
        _add_pages(layout, text)
        place = text.place_of_map()
        if raster is not None and place is not None:
            layout.setReferenceMap(place_map(layout, raster, *place))
        yield layout


class _ReportText:
    """The report's text and the pages that it is cut into; lengths are dots, ``_DOTS_PER_MM`` of them."""

    def __init__(self, document: Document, *, with_map: bool) -> None:
        self.text = QTextDocument()
        self._pictures = 0
        self._device = _fine_device()  # not held by the document
        self.text.documentLayout().setPaintDevice(self._device)
        self.text.setDocumentMargin(0)
        self.text.setDefaultFont(_font())
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.text.setDefaultTextOption(option)
        set_report(self.text, document, b"map" if with_map else None, self._source_of)
        self.text.setTextWidth(TEXT_MM.width() * _DOTS_PER_MM)
        self.pages = paginate(pieces_of(self.text), TEXT_MM.height() * _DOTS_PER_MM)

    def place_of_map(self) -> tuple[int, QRectF] | None:
        """Page, from 0, and frame on it, millimetres; None without a map."""
        found = self.text.find(_IMAGE_MARK)
        while not found.isNull():
            if found.charFormat().toImageFormat().name() == _MAP_NAME:
                return self._place_of(self.text.documentLayout().blockBoundingRect(found.block()))
            found = self.text.find(_IMAGE_MARK, found)
        return None

    def _place_of(self, around: QRectF) -> tuple[int, QRectF]:
        middle = around.center().y()
        number = next(number for number, page in enumerate(self.pages) if page.bottom > middle)
        page = self.pages[number]
        top = (around.top() - page.top + page.head_height) / _DOTS_PER_MM
        corner = QPointF(TEXT_MM.left(), TEXT_MM.top() + top)
        return number, QRectF(corner, QSizeF(SIZE_MM.width(), around.height() / _DOTS_PER_MM))

    def _source_of(self, png: bytes) -> str:
        """Keeps the picture with the text under a name; the map's is a blank of its size."""
        if png == b"map":
            image = QImage(1, 1, QImage.Format.Format_ARGB32)
            image.fill(QColor(0, 0, 0, 0))
            name, width, height = _MAP_NAME, SIZE_MM.width(), SIZE_MM.height() + FOOT_MM
        else:
            image = QImage.fromData(png)
            self._pictures += 1
            name, width = f"picture{self._pictures}", PICTURE_MM
            height = width * image.height() / max(image.width(), 1)
        self.text.addResource(QTextDocument.ResourceType.ImageResource, QUrl(name), image)
        return f'src="{name}" width="{_to_px(width)}" height="{_to_px(height)}"'


class _TextFrames(QgsLayoutMultiFrame):
    """Shows one page of the text in each frame."""

    def __init__(self, layout: QgsLayout, text: _ReportText) -> None:
        super().__init__(layout)
        self._paged = text

    def type(self) -> int:
        """A kind that QGIS does not know, and needs not, as the layout is never saved."""
        return _FRAMES_TYPE

    def totalSize(self) -> QSizeF:
        """Millimetres."""
        return QSizeF(TEXT_MM.width(), TEXT_MM.height() * len(self._paged.pages))

    def render(self, context: QgsLayoutItemRenderContext, extent: QRectF, index: int) -> None:  # noqa: ARG002
        """Draws the page of that number; the painter's origin is the frame's corner."""
        painter = context.renderContext().painter()
        shrink = context.renderContext().scaleFactor() / _DOTS_PER_MM
        painter.save()
        painter.scale(shrink, shrink)
        slack, width = _RULE_MM * _DOTS_PER_MM, TEXT_MM.width() * _DOTS_PER_MM
        draw_page(self._paged.text, self._paged.pages[index], painter, width, slack)
        painter.restore()


def _add_pages(layout: QgsPrintLayout, text: _ReportText) -> None:
    frames = _TextFrames(layout, text)
    layout.addMultiFrame(frames)
    for number in range(len(text.pages)):
        page = QgsLayoutItemPage(layout)
        page.setPageSize(QgsLayoutSize(PAGE_MM))
        layout.pageCollection().addPage(page)
        frame = QgsLayoutFrame(layout, frames)
        frame.attemptMove(QgsLayoutPoint(TEXT_MM.topLeft()), page=number)
        frame.attemptResize(QgsLayoutSize(TEXT_MM.size()))
        frames.addFrame(frame)
        _add_page_number(layout, number, len(text.pages))


def _add_page_number(layout: QgsPrintLayout, number: int, count: int) -> None:
    label = QgsLayoutItemLabel(layout)
    layout.addLayoutItem(label)
    label.setText(f"{number + 1} / {count}")
    label.setHAlign(Qt.AlignmentFlag.AlignRight)
    label.attemptMove(QgsLayoutPoint(TEXT_MM.left(), _FOOT_TOP_MM), page=number)
    label.attemptResize(QgsLayoutSize(TEXT_MM.width(), 6.0))


def _metadata_of(document: Document) -> QgsProjectMetadata:
    metadata = QgsProjectMetadata()
    metadata.setTitle(document.title)
    metadata.setAuthor(document.author)
    metadata.setCreationDateTime(QDateTime.currentDateTimeUtc())
    return metadata


def _fine_device() -> QImage:
    device = QImage(1, 1, QImage.Format.Format_RGB32)
    dots_per_metre = round(1000 * _DOTS_PER_MM)
    device.setDotsPerMeterX(dots_per_metre)
    device.setDotsPerMeterY(dots_per_metre)
    return device


def _font() -> QFont:
    font = QFont("sans-serif")
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPointSizeF(FONT_PT)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def _to_px(mm: float) -> int:
    """What Qt's documents make that length of: pixels of the first screen."""
    return round(mm / MM_PER_INCH * QGuiApplication.primaryScreen().logicalDotsPerInch())
