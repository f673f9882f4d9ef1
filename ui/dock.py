# SPDX-License-Identifier: GPL-2.0-or-later
"""The dock: one column from the area to the answer, put together from its panels."""

from __future__ import annotations

from qgis.gui import QgsDockWidget, QgsMapCanvas
from qgis.PyQt.QtCore import QSize, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QIcon, QResizeEvent, QShowEvent
from qgis.PyQt.QtWidgets import (
    QPushButton,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QToolButton,
    QWhatsThis,
    QWidget,
)

from ..model_backend.contract import Contract
from .area.aoi_panel import AoiPanel
from .conversation.conversation_panel import ConversationPanel
from .first_steps import FirstSteps
from .icons import icon_path
from .images.images_panel import ImagesPanel
from .parts import column, fill_column, quiet_label, row, scrolled
from .report.report_panel import ReportPanel
from .review.review_panel import ReviewPanel
from .run_panel import RunPanel
from .scan.scan_panel import ScanPanel
from .tab_order import order_fields
from .tab_style import TabStyle
from .task.task_panel import TaskPanel
from .told_part import ToldPart

GAP_PX = 12
"""Around what is in the two halves."""
SPARE_LINES = 6
"""What a tab gets above its least height, in lines of text."""
TAB_LINES = 12
"""Least height of the tabs, in lines of text."""


class LSpaceDock(QgsDockWidget):
    """Panels that know nothing of each other; the controllers join them."""

    options_requested = pyqtSignal()
    """The gear, or the button beside the state, was clicked."""
    told_unseen = pyqtSignal(str)
    """Something was said while the dock is closed or behind another one."""

    def __init__(self, contract: Contract, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("LSpace")
        self.setObjectName("LSpaceDock")
        self.setWindowIcon(QIcon(icon_path()))
        self.aoi_panel = AoiPanel(canvas)
        self.images_panel = ImagesPanel(canvas)
        self.task_panel = TaskPanel(contract)
        self.run_panel = RunPanel()
        self.conversation_panel = ConversationPanel()
        self.review_panel = ReviewPanel(canvas)
        self.report_panel = ReportPanel(canvas)
        self.scan_panel = ScanPanel()
        self.question_percent = 0
        """Of the height, as the user dragged it; 0 leaves it to the dock."""
        self._room_timer = QTimer(self)
        self._room_timer.setSingleShot(True)
        self._room_timer.timeout.connect(self._share_height)
        self._room_timer.timeout.connect(self._order_fields)
        self.tabs = self._tabs()
        self.first_steps = FirstSteps()
        self.run_panel.run_requested.connect(self.first_steps.end)
        self.told_part = ToldPart()
        self.told_label = self.told_part.label
        self.splitter = self._split(self._ask_part(), self.tabs)
        content = QWidget()
        layout = fill_column(content, self.splitter, self.told_part, self.first_steps, self._state_row())
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setStretchFactor(self.splitter, 1)
        self.run_panel.add_shortcut(content)
        self.setWidget(content)

    def tell(self, text: str) -> None:
        """Says what came of something that was clicked; empty text takes it away."""
        self.told_part.tell(text)
        self.give_room()
        if text and not self.isUserVisible():
            self.told_unseen.emit(text)

    def show_state(self, text: str, advice: str = "", details: str = "") -> None:
        """One sentence, one button where something can be done about it, and more to read on hovering."""
        self.state_label.setText(text)
        self.state_label.setToolTip(details)
        self.advice_button.setText(advice)
        self.advice_button.setVisible(bool(advice))
        self.first_steps.set_ready(not advice)

    def show_panel(self, panel: QWidget) -> None:
        """Brings the tab of that panel to the front."""
        self.tabs.setCurrentIndex(self._panels.index(panel))

    def shown_panel(self) -> QWidget:
        """The panel whose tab is in front."""
        return self._panels[self.tabs.currentIndex()]

    def show_proposal_count(self, count: int) -> None:
        """Says in the tab how many proposals wait in it."""
        title = self.tr("Proposals ({count})").format(count=count) if count else self.tr("Proposals")
        self.tabs.setTabText(self._panels.index(self.review_panel), title)

    def give_room(self) -> None:
        """Shares the height between question and answers, as the user did so by hand or as both need it."""
        self._room_timer.start()  # when the panels know their new heights

    def _share_height(self) -> None:
        """The question gets what it needs; where the tab then has too little, the tab comes first."""
        total = sum(self.splitter.sizes())
        question_px = total * self.question_percent // 100 or self._needed_px(total)
        self.splitter.setSizes([question_px, total - question_px])

    def _needed_px(self, total: int) -> int:
        form_px = self._form.heightForWidth(self._form.width()) + self.run_panel.sizeHint().height() + GAP_PX
        lines_px = self.fontMetrics().lineSpacing() * SPARE_LINES
        tab_px = self.shown_panel().minimumSizeHint().height() + self.tabs.tabBar().height() + lines_px
        return max(min(form_px, total - tab_px), 0)

    def _order_fields(self) -> None:
        order_fields(self.widget())
        self.conversation_panel.order_fields()

    def showEvent(self, event: QShowEvent) -> None:
        """The first height that is known."""
        super().showEvent(event)
        self.give_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another height."""
        super().resizeEvent(event)
        self.give_room()

    def _on_dragged(self) -> None:
        question_px, answer_px = self.splitter.sizes()
        self.question_percent = round(100 * question_px / max(question_px + answer_px, 1))

    def sizeHint(self) -> QSize:
        """Wide enough for two columns of classes."""
        return QSize(380, 800)

    def _ask_part(self) -> QWidget:
        """Scrolls where the screen is low; the buttons stay in sight."""
        form = column(self.aoi_panel, self.images_panel, self.task_panel)
        form.layout().addStretch(1)
        scroll = scrolled(form)
        part = column(scroll, self.run_panel)
        part.layout().setStretchFactor(scroll, 1)
        self._form = form
        return part

    def _split(self, upper: QWidget, lower: QWidget) -> QSplitter:
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)  # Run stays in sight
        splitter.addWidget(upper)
        splitter.addWidget(lower)
        splitter.setStretchFactor(1, 1)
        splitter.splitterMoved.connect(self._on_dragged)
        splitter.setToolTip(self.tr("Drag to give the question or the answers more room"))
        return splitter

    def _tabs(self) -> QTabWidget:
        tabs = QTabWidget()
        tabs.setObjectName("LSpaceTabs")
        self._tab_style = TabStyle()
        tabs.tabBar().setStyle(self._tab_style)
        tabs.setDocumentMode(True)
        tabs.setUsesScrollButtons(False)
        tabs.setElideMode(Qt.TextElideMode.ElideRight)
        titles = (self.tr("Conversation"), self.tr("Proposals"), self.tr("Report"), self.tr("Scan"))
        self._panels = (self.conversation_panel, self.review_panel, self.report_panel, self.scan_panel)
        purposes = (
            self.tr("Questions and answers; further questions about the same image"),
            self.tr("The boxes of the answers: accept, reject, relabel, measure, save"),
            self.tr("What was found, how and by whom it was reviewed, as HTML or PDF"),
            self.tr("The same question about an area of any size, picture by picture"),
        )
        for panel, title, purpose in zip(self._panels, titles, purposes):
            tabs.setTabToolTip(tabs.addTab(scrolled(panel), title), purpose)
        tabs.currentChanged.connect(lambda _: self.give_room())
        tabs.setMinimumHeight(tabs.fontMetrics().lineSpacing() * TAB_LINES)
        return tabs

    def _state_row(self) -> QWidget:
        self.state_label = quiet_label()
        self.advice_button = QPushButton()
        self.advice_button.setToolTip(self.tr("Opens the options: which model runs, and where"))
        self.advice_button.clicked.connect(lambda: self.options_requested.emit())
        self.advice_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.options_button = QToolButton()
        self.options_button.setText("⚙")
        self.options_button.setAccessibleName(self.tr("Options"))
        self.options_button.setToolTip(self.tr("Options: which model runs, and where"))
        self.options_button.clicked.connect(lambda: self.options_requested.emit())
        self.help_button = QToolButton()
        self.help_button.setText("?")
        self.help_button.setAccessibleName(self.tr("What's this?"))
        self.help_button.setToolTip(self.tr("Click this, then a part of the dock: says what it is for"))
        self.help_button.clicked.connect(lambda: QWhatsThis.enterWhatsThisMode())
        for button in (self.options_button, self.help_button):
            button.setAutoRaise(True)
        part = row(self.state_label, self.advice_button, self.options_button, self.help_button)
        part.setWhatsThis(
            self.tr(
                "Which model answers and whether it is ready. It runs on this computer, in a Python of its "
                "own; the options say which."
            )
        )
        return part
