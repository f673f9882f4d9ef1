"""The dock in dark themes, with large letters, on small screens and on fine ones."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_task, run_to_the_end, tasks_of
from lspace.gis.settings import Settings
from lspace.ui.contrast import LEAST_CONTRAST, contrast, readable
from lspace.ui.options.option_words import space_words
from options_dialog import every_page, shown_at
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QRect, Qt
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QRadioButton,
    QScrollArea,
    QTextBrowser,
    QToolButton,
    QWidget,
)

WHITE, BLACK = QColor("white"), QColor("black")
ICON_CONTRAST = 3
"""Of pictures (WCAG 2.1, 1.4.11)."""
LARGE_PT = 18
"""Twice the letters of most desktops."""


def dark_palette():
    palette = QPalette(QColor(45, 45, 48))
    roles = QPalette.ColorRole
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        palette.setColor(role, QColor(220, 220, 220))
    palette.setColor(roles.Base, QColor(30, 30, 30))
    palette.setColor(roles.AlternateBase, QColor(45, 45, 48))
    palette.setColor(roles.Link, QColor(0, 0, 255))  # as Qt leaves it where a desktop sets none
    return palette


@pytest.fixture(params=["light", "dark"])
def desktop(request, qapp):
    """The palette of the desktop."""
    former = qapp.palette()
    if request.param == "dark":
        qapp.setPalette(dark_palette())
    yield
    qapp.setPalette(former)


@pytest.fixture(params=["default", "Night Mapping"])
def theme(request, qapp):
    """One of QGIS: a style sheet, with colours for buttons and fields of its own."""
    former = qapp.palette()
    QgsApplication.setUITheme(request.param)
    yield
    QgsApplication.setUITheme("default")
    qapp.setPalette(former)


@pytest.fixture
def large_letters(qapp):
    former = qapp.font()
    font = qapp.font()
    font.setPointSize(LARGE_PT)
    qapp.setFont(font)
    yield
    qapp.setFont(former)


def reviewed_window(qtbot, make_window):
    window = make_window()
    choose_task(window, "vessels")
    end = run_to_the_end(qtbot, window)
    assert (end.boxes, end.error) == (3, None)
    window.dock.tell("A sentence about what came of something.")
    return window


def tabs_one_by_one(qtbot, dock):
    for panel in (dock.conversation_panel, dock.review_panel, dock.report_panel):
        dock.show_panel(panel)
        qtbot.wait(400)  # the report is composed, the height shared
        yield panel


def every_view(qtbot, window):
    """Each task, then each tab."""
    for task in tasks_of(window.dock):
        choose_task(window, task)
        qtbot.wait(50)
        yield task
    yield from tabs_one_by_one(qtbot, window.dock)


def in_sight(part, *kinds):
    found = [widget for kind in kinds for widget in part.findChildren(kind)]
    return [widget for widget in found if not widget.visibleRegion().isEmpty()]


# themes


def seen_contrast(dock, widget, part=None):
    """Of the colour of most pixels there, and the pixel that is told from it best."""
    part = part or widget.rect()
    image = dock.grab(QRect(widget.mapTo(dock, part.topLeft()), part.size())).toImage()
    colours = Counter(image.pixel(x, y) for x in range(image.width()) for y in range(image.height()))
    behind = QColor(colours.most_common(1)[0][0])
    return max(contrast(QColor(colour), behind) for colour in colours)


def letters_of(document):
    """Every piece of text with the colour of its letters, where it has one of its own."""
    block = document.begin()
    while block.isValid():
        pieces = block.begin()
        while not pieces.atEnd():
            letters = pieces.fragment().charFormat()
            brush = letters.foreground()
            if not letters.isImageFormat() and pieces.fragment().text().strip():
                yield pieces.fragment().text(), brush.color() if brush.style() else None
            pieces += 1
        block = block.next()


def test_words_on_the_dock_are_told_from_what_is_behind_them(qtbot, large_letters, make_window, desktop):
    window = reviewed_window(qtbot, make_window)
    open_at(qtbot, window, 640, 1600)
    seen = set()
    for _ in tabs_one_by_one(qtbot, window.dock):
        for widget in in_sight(window.dock.widget(), QLabel, QCheckBox, QToolButton):
            if widget.isEnabled() and widget.text():
                is_icon = isinstance(widget, QToolButton) and not widget.icon().isNull()
                least = ICON_CONTRAST if is_icon else LEAST_CONTRAST
                assert seen_contrast(window.dock, widget) >= least, widget.text()
                seen.add(widget)
    assert len(seen) > 20


def test_words_on_the_options_are_told_from_what_is_behind_them(qtbot, large_letters, open_dialog, desktop):
    Settings(runtime_folder="/proc/no/such/disk").save()
    dialog = shown_at(qtbot, open_dialog(), 1100, 1600)
    dialog.page.runtime.form.space_note.setText(space_words(10**9, 1, warning_colour(dialog)))
    seen = set()
    for content in every_page(qtbot, dialog):
        for widget in in_sight(content, QLabel, QCheckBox, QRadioButton):
            if widget.isEnabled() and widget.text():
                assert seen_contrast(dialog, widget) >= LEAST_CONTRAST, widget.text()
                seen.add(widget)
    assert len(seen) > 25


def test_too_little_room_is_told_in_a_red_that_can_be_read(qtbot, open_dialog, desktop):
    dialog = open_dialog()
    dialog.page.runtime.form.show_settings(Settings())
    colour = QColor(warning_colour(dialog))
    assert contrast(colour, dialog.palette().window().color()) >= LEAST_CONTRAST
    assert colour.red() > max(colour.green(), colour.blue())


def warning_colour(dialog):
    return dialog.page.runtime.form.warning_colour()


def test_the_dock_has_no_colours_of_its_own(make_window):
    dock = make_window().dock
    parts = dock.widget().findChildren(QWidget)
    own = [part for part in parts if type(part).__module__.startswith("lspace")]
    assert len(own) > 20
    assert [part for part in own if "color" in part.styleSheet()] == []  # QGIS gives its groups one
    assert [part for part in own if part.testAttribute(Qt.WidgetAttribute.WA_SetPalette)] == []


def test_the_captions_of_several_images_are_readable(qtbot, large_letters, make_window, theme):
    window = make_window()
    open_at(qtbot, window, 640, 1600)
    choose_task(window, "flood")
    buttons = window.dock.images_panel.preview.chips.buttons
    qtbot.waitUntil(lambda: all(button.has_chip and not button.is_busy for button in buttons), timeout=10_000)
    line_px = buttons[0].fontMetrics().height()
    line = QRect(0, buttons[0].height() - line_px, buttons[0].width(), line_px)
    assert seen_contrast(window.dock, buttons[0], line) >= LEAST_CONTRAST


def test_every_word_of_the_conversation_and_the_report_is_readable(qtbot, make_window, desktop, theme):
    window = reviewed_window(qtbot, make_window)
    for panel in tabs_one_by_one(qtbot, window.dock):
        for text in panel.findChildren(QTextBrowser):
            palette = text.palette()
            pieces = list(letters_of(text.document()))
            assert len(pieces) > 5
            for words, colour in pieces:
                shown = colour or palette.text().color()
                assert contrast(shown, palette.base().color()) >= LEAST_CONTRAST, words


def test_a_rejected_proposal_is_struck_out_rather_than_paled(qtbot, make_window):
    window = reviewed_window(qtbot, make_window)
    panel = window.dock.review_panel
    window.dock.show_panel(panel)
    panel.table.selectRow(0)
    panel.buttons.reject.click()
    index = panel.table.model().index(0, 1)
    assert index.data(Qt.ItemDataRole.FontRole).strikeOut()
    assert index.data(Qt.ItemDataRole.ForegroundRole) is None


@pytest.mark.parametrize(("one", "other", "expected"), [(WHITE, BLACK, 21), (WHITE, WHITE, 1)])
def test_contrast_is_that_of_the_guideline(one, other, expected):
    assert contrast(one, other) == pytest.approx(expected)
    assert contrast(QColor("#777777"), WHITE) == pytest.approx(4.48, abs=0.01)


def test_a_readable_colour_stays_and_another_comes_nearer_to_the_text():
    assert readable(QColor("#0000ff"), BLACK, WHITE) == QColor("#0000ff")
    link = readable(QColor("#0000ff"), QColor("#dddddd"), QColor("#1e1e1e"))
    assert LEAST_CONTRAST <= contrast(link, QColor("#1e1e1e")) < 6
    assert link.blue() > link.red()


# sizes


def assert_nothing_is_cut_off(dock):
    assert cut_off(dock.widget()) == []


def cut_off(part):
    """Words that have less room than they need."""
    found = []
    for label in in_sight(part, QLabel):
        needs = label.heightForWidth(label.width()) if label.wordWrap() else label.sizeHint().height()
        is_narrow = not label.wordWrap() and label.width() < needed_width(label)
        if label.text() and (label.height() < needs or is_narrow):
            found.append((label.text(), label.size(), needs))
    for button in in_sight(part, QAbstractButton):
        needs = button.minimumSizeHint()
        if button.text() and (button.width() < needs.width() or button.height() < needs.height()):
            found.append((button.text(), button.size(), needs))
    return found


def needed_width(label):
    """Of the letters as they are drawn: one by one where a key is underlined."""
    if "<" in label.text():
        return label.sizeHint().width()
    before, _, after = label.text().partition("&")
    parts = [before, after[:1], after[1:]] if after else [before]
    return sum(label.fontMetrics().horizontalAdvance(part) for part in parts)


def open_at(qtbot, window, width, height):
    window.resize(max(1300, 2 * width), height)
    window.resizeDocks([window.dock], [width], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: abs(window.dock.width() - width) <= 1, timeout=20_000)


@pytest.mark.parametrize("width", [640, 840])
def test_with_letters_twice_as_large_nothing_is_cut_off(qtbot, large_letters, make_window, width):
    window = reviewed_window(qtbot, make_window)
    open_at(qtbot, window, width, 1600)
    for _ in every_view(qtbot, window):
        qtbot.waitUntil(lambda: assert_nothing_is_cut_off(window.dock), timeout=20_000)


def test_at_320_pixels_nothing_is_cut_off(qtbot, make_window):
    window = reviewed_window(qtbot, make_window)
    open_at(qtbot, window, 320, 900)
    for _ in every_view(qtbot, window):
        qtbot.waitUntil(lambda: assert_nothing_is_cut_off(window.dock), timeout=20_000)


def test_on_a_small_screen_everything_can_be_scrolled_to_and_run_stays_in_sight(qtbot, make_window):
    window = reviewed_window(qtbot, make_window)
    open_at(qtbot, window, 320, 600)
    dock = window.dock
    assert window.height() <= 600
    choose_task(window, "ground")
    for panel in tabs_one_by_one(qtbot, dock):
        for scroll in (dock._form.parentWidget().parentWidget(), panel.parentWidget().parentWidget()):
            assert isinstance(scroll, QScrollArea)
            for field in scroll.widget().findChildren(QAbstractButton) + scroll.widget().findChildren(
                QComboBox
            ):
                if field.isVisible():
                    scroll.ensureWidgetVisible(field)
                    QApplication.sendPostedEvents()
                    assert not field.visibleRegion().isEmpty(), (panel, field.toolTip())
        for button in (dock.run_panel.run_button, dock.run_panel.cancel_button, dock.help_button):
            assert button.visibleRegion().boundingRect() == button.rect()


@pytest.mark.parametrize("size", [(600, 450), (900, 700)])
def test_nothing_of_the_options_is_cut_off_and_all_can_be_scrolled_to(qtbot, open_dialog, size):
    dialog = shown_at(qtbot, open_dialog(), *size)
    assert (dialog.width(), dialog.height()) == size
    for content in every_page(qtbot, dialog):
        scroll = dialog.page.tabs.currentWidget()
        assert content.minimumSizeHint().width() <= scroll.viewport().width()
        assert cut_off(content) == []
        for field in (*content.findChildren(QAbstractButton), *content.findChildren(QComboBox)):
            if field.isVisible():
                scroll.ensureWidgetVisible(field)
                QApplication.sendPostedEvents()
                assert not field.visibleRegion().isEmpty(), field.toolTip()


def test_nothing_of_the_options_is_cut_off_with_letters_twice_as_large(qtbot, large_letters, open_dialog):
    dialog = shown_at(qtbot, open_dialog(), 1100, 900)
    for content in every_page(qtbot, dialog):
        assert cut_off(content) == []


def test_what_is_prepared_comes_into_sight_on_a_small_screen(qtbot, open_dialog):
    dialog = shown_at(qtbot, open_dialog(), 600, 450)
    activity, view = dialog.work.runtime.activity, dialog.page.runtime.activity
    activity.begin("Preparing", lambda: None)
    activity.log("a line")
    qtbot.waitUntil(lambda: not view.cancel_button.visibleRegion().isEmpty(), timeout=20_000)
    activity.end("A long sentence that says what went wrong. " * 5)
    qtbot.waitUntil(lambda: not view.label.visibleRegion().isEmpty(), timeout=20_000)
