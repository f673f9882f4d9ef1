"""Thumbnails of chips: exact pixels, their words, and the enlarged one."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from clicks import LEFT
from lspace.gis.imaging.chip import encode_png
from lspace.ui.images.chip_preview import ChipPreview, fitted
from planted import pixels_of
from qgis.PyQt.QtCore import QBuffer, QSize, Qt
from qgis.PyQt.QtGui import QImage
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

CHECKS = (np.indices((8, 16)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def picture(rgb=CHECKS):
    return encode_png(rgb)


def pixels_in(image):
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    assert image.save(buffer, "PNG")
    return pixels_of(bytes(buffer.data()))


@pytest.fixture
def preview(qtbot):
    preview = ChipPreview()
    qtbot.addWidget(preview)
    preview.resize(320, 200)
    preview.set_titles(["Before", "After"])
    preview.show()
    qtbot.waitExposed(preview)
    return preview


def test_a_small_chip_is_enlarged_by_whole_pixels():
    image = QImage.fromData(picture())
    large = pixels_in(fitted(image, QSize(100, 100)).toImage())
    assert large.shape == (48, 96, 3)
    assert (large == CHECKS.repeat(6, axis=0).repeat(6, axis=1)).all()


def test_a_large_chip_is_shrunk_whole():
    image = QImage.fromData(picture(CHECKS.repeat(30, axis=0).repeat(30, axis=1)))
    assert fitted(image, QSize(100, 100)).size() == QSize(100, 50)


def test_the_chip_is_painted_in_its_own_colours(preview):
    colour = np.full((20, 20, 3), (200, 40, 90), np.uint8)
    preview.show_chip(0, picture(colour), "2023-07-01", "10 m a pixel")
    button = preview.buttons[0]
    middle = button.grab().toImage().pixelColor(button.width() // 2, button.height() // 3)
    assert (middle.red(), middle.green(), middle.blue()) == (200, 40, 90)


def test_a_chip_that_is_being_made_anew_stays_faded(preview):
    white = np.full((20, 20, 3), 255, np.uint8)
    white[0, 0] = 0
    preview.show_chip(0, picture(white), "", "")
    button = preview.buttons[0]

    def brightness():
        return button.grab().toImage().pixelColor(button.width() // 2, button.height() // 3).lightness()

    assert brightness() == 255
    preview.show_busy(0)
    assert button.has_chip
    assert brightness() < 255
    preview.show_chip(0, picture(white), "", "")
    assert brightness() == 255


def test_a_screen_reader_is_told_the_title_and_the_facts_or_the_fault(preview):
    button = preview.buttons[1]
    preview.show_chip(1, picture(), "2023-07-01", "10 m a pixel, 98 % valid")
    assert (button.accessibleName(), button.accessibleDescription()) == ("After", "10 m a pixel, 98 % valid")
    preview.show_fault(1, "No layer shows anything here.")
    assert button.accessibleDescription() == button.toolTip() == "No layer shows anything here."
    assert not button.isEnabled()


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_a_click_or_the_space_bar_enlarges_and_the_next_closes(preview, by):
    preview.show_chip(0, picture(), "", "")
    button = preview.buttons[0]
    if by == "mouse":
        QTest.mouseClick(button, LEFT)
    else:
        button.setFocus()
        QTest.keyClick(button, Qt.Key.Key_Space)
    popup = QApplication.activePopupWidget()
    assert popup.accessibleName() == "Before"
    shown = popup.pixmap()
    shown = shown() if callable(shown) else shown
    assert shown.width() % 16 == 0
    assert shown.width() > button.width()
    if by == "mouse":
        QTest.mouseClick(popup, LEFT)
    else:
        QTest.keyClick(popup, Qt.Key.Key_Escape)
    assert QApplication.activePopupWidget() is None


def test_an_enlarged_chip_goes_with_the_preview(preview):
    preview.show_chip(0, picture(), "", "")
    QTest.mouseClick(preview.buttons[0], LEFT)
    assert QApplication.activePopupWidget() is not None
    preview.hide()
    assert QApplication.activePopupWidget() is None


def test_four_fit_into_a_narrow_dock(preview):
    preview.set_titles([f"Image {number}" for number in range(1, 5)])
    assert len(preview.buttons) == 4
    assert preview.minimumSizeHint().width() <= 320
    preview.set_titles(["Image"])
    assert len(preview.buttons) == 1
