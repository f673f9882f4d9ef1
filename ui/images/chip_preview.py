# SPDX-License-Identifier: GPL-2.0-or-later
"""Chips side by side, as the model will see them; a click shows one larger."""

from __future__ import annotations

from qgis.PyQt.QtCore import QRect, QSize, Qt
from qgis.PyQt.QtGui import (
    QGuiApplication,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPixmap,
)
from qgis.PyQt.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionFocusRect,
    QWidget,
)

LINES_OF_ONE, LINES_OF_MANY = 5, 4
"""Height of a chip in lines of text: of one or two side by side, and of more."""
LARGE_SHARE = 0.6
"""Of the screen's height that an enlarged chip may take."""
GAP_PX = 3


class ChipPreview(QWidget):
    """One to four chips."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: list[ChipButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)

    def set_titles(self, titles: list[str]) -> None:
        """One place a title; what is shown already stays."""
        for _ in range(len(self.buttons), len(titles)):
            button = ChipButton()
            self.buttons.append(button)
            self._row.addWidget(button)
        while len(self.buttons) > len(titles):
            button = self.buttons.pop()
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        for button, title in zip(self.buttons, titles):
            button.set_title(title, is_alone=len(titles) == 1)
            button.set_lines(LINES_OF_ONE if len(titles) <= 2 else LINES_OF_MANY)

    def show_busy(self, position: int) -> None:
        """A new chip is being made; the former one stays, faded."""
        self.buttons[position].show_busy()

    def show_chip(self, position: int, png: bytes, caption: str, description: str) -> None:
        """``caption`` stands below; ``description`` is for a screen reader and the tooltip."""
        self.buttons[position].show_chip(png, caption, description)

    def show_fault(self, position: int, sentence: str) -> None:
        """There is no chip, and why."""
        self.buttons[position].show_fault(sentence)

    def clear(self) -> None:
        """Shows nothing."""
        for button in self.buttons:
            button.show_fault("")


class ChipButton(QPushButton):
    """One chip, fitted in; a click or the space bar shows it larger, and another takes it away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._title = self._caption = ""
        self._is_busy = self._is_alone = False
        self._lines = LINES_OF_ONE
        self._popup: EnlargedChip | None = None
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._enlarge)
        self.show_fault("")

    @property
    def has_chip(self) -> bool:
        """Whether a chip is shown, be it a former one."""
        return not self._image.isNull()

    @property
    def is_busy(self) -> bool:
        """Whether a new chip is being made."""
        return self._is_busy

    def set_title(self, title: str, *, is_alone: bool) -> None:
        """Alone it needs no caption and is no wider than high."""
        self._title, self._is_alone = title, is_alone
        policy = QSizePolicy.Policy.Fixed if is_alone else QSizePolicy.Policy.Expanding
        self.setSizePolicy(policy, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(title)
        self.updateGeometry()

    def set_lines(self, lines: int) -> None:
        """Its height without caption, in lines of text."""
        self._lines = lines
        self.updateGeometry()

    def show_busy(self) -> None:
        """Fades what is shown."""
        self._is_busy = True
        self.update()

    def show_chip(self, png: bytes, caption: str, description: str) -> None:
        """Shows a chip."""
        self._image = QImage.fromData(png)
        self._caption, self._is_busy = caption, False
        self._describe(description)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_fault(self, sentence: str) -> None:
        """Shows an empty place."""
        self._image, self._caption, self._is_busy = QImage(), "", False
        self._describe(sentence)
        self.unsetCursor()

    def sizeHint(self) -> QSize:
        """A square, and a line below it for the caption."""
        side = self._side()
        return QSize(side, side + (0 if self._is_alone else self.fontMetrics().height() + GAP_PX))

    def minimumSizeHint(self) -> QSize:
        """Four of them fit into a narrow dock."""
        hint = self.sizeHint()
        return hint if self._is_alone else QSize(self.fontMetrics().height() * 3, hint.height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The chip, its caption, and the focus."""
        painter = QPainter(self)
        place = QRect(0, 0, self.width(), self._side())
        if self._image.isNull():
            painter.fillRect(place, self.palette().color(QPalette.ColorRole.Base))
            painter.setPen(self.palette().color(QPalette.ColorRole.Text))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, "…" if self._is_busy else "–")
        else:
            painter.setOpacity(0.4 if self._is_busy else 1.0)
            self._paint_image(painter, place)
            painter.setOpacity(1.0)
        self._paint_caption(painter)
        if self.hasFocus():
            option = QStyleOptionFocusRect()
            option.initFrom(self)
            self.style().drawPrimitive(QStyle.PrimitiveElement.PE_FrameFocusRect, option, painter, self)

    def hideEvent(self, event: object) -> None:
        """Takes the enlarged chip away too."""
        self._close_popup()
        super().hideEvent(event)

    def _side(self) -> int:
        return self._lines * self.fontMetrics().height()

    def _describe(self, description: str) -> None:
        self.setAccessibleDescription(description)
        hint = self.tr("Click to enlarge.") if self.has_chip else ""
        description = description or self.tr("There is no picture yet.")
        self.setToolTip("\n".join(part for part in (description, hint) if part))
        self.setEnabled(self.has_chip)
        self.update()

    def _paint_image(self, painter: QPainter, place: QRect) -> None:
        ratio = self.devicePixelRatioF()
        picture = fitted(self._image, place.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        size = picture.size() / ratio
        left = 0 if self._is_alone else (place.width() - size.width()) // 2
        painter.drawPixmap(left, (place.height() - size.height()) // 2, picture)

    def _paint_caption(self, painter: QPainter) -> None:
        if self._is_alone:
            return
        line = QRect(0, self._side() + GAP_PX, self.width(), self.fontMetrics().height())
        words = " ".join(part for part in (self._title, self._caption) if part)
        if self.fontMetrics().horizontalAdvance(words) > line.width():
            words = self._caption or self._title
        elided = self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, line.width())
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, elided)

    def _enlarge(self) -> None:
        self._close_popup()
        if self.has_chip:
            self._popup = EnlargedChip(self._image, self)
            self._popup.setAccessibleName(self.accessibleName())
            self._popup.show_beside(self)

    def _close_popup(self) -> None:
        popup, self._popup = self._popup, None
        if popup is not None:
            popup.close()
            popup.deleteLater()


class EnlargedChip(QLabel):
    """A chip in its own pixels, or a whole multiple of them, above everything; any click or key closes it."""

    def __init__(self, image: QImage, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        ratio = parent.devicePixelRatioF()
        room = QGuiApplication.primaryScreen().availableSize() * LARGE_SHARE * ratio
        picture = fitted(image, room)
        picture.setDevicePixelRatio(ratio)
        self.setPixmap(picture)
        self.setFrameShape(QLabel.Shape.Box)

    def show_beside(self, button: QWidget) -> None:
        """On the side of the button where there is room for it."""
        self.adjustSize()
        spot = button.mapToGlobal(button.rect().topLeft())
        screen = QGuiApplication.screenAt(spot) or QGuiApplication.primaryScreen()
        room = screen.availableGeometry()
        left = spot.x() - self.width() - GAP_PX
        if left < room.left():
            left = min(spot.x() + button.width() + GAP_PX, room.right() - self.width())
        top = max(room.top(), min(spot.y(), room.bottom() - self.height()))
        self.move(left, top)
        self.show()

    def mousePressEvent(self, _event: QMouseEvent) -> None:
        """Closes it."""
        self.close()

    def keyPressEvent(self, _event: QKeyEvent) -> None:
        """Closes it."""
        self.close()


def fitted(image: QImage, room: QSize) -> QPixmap:
    """The whole image, as large as fits: smaller smoothly, larger by whole pixels and crisp."""
    whole = Qt.AspectRatioMode.KeepAspectRatio
    times = min(room.width() // max(image.width(), 1), room.height() // max(image.height(), 1))
    if times >= 1:
        size = image.size() * times
        return QPixmap.fromImage(image.scaled(size, whole, Qt.TransformationMode.FastTransformation))
    return QPixmap.fromImage(image.scaled(room, whole, Qt.TransformationMode.SmoothTransformation))
