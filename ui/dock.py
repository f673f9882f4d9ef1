# SPDX-License-Identifier: GPL-2.0-or-later
"""The dock: one column from the area to the answer, put together from its panels."""

from __future__ import annotations

from qgis.gui import QgsDockWidget, QgsMapCanvas
from qgis.PyQt.QtCore import QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTabWidget,
    QToolButton,
    QWhatsThis,
    QWidget,
)

from ..model_backend.contract import Contract
from .aoi_panel import AoiPanel
from .conversation_panel import ConversationPanel
from .icons import icon_path
from .images_panel import ImagesPanel
from .parts import fill_column, quiet_label, row
from .report_panel import ReportPanel
from .review_panel import ReviewPanel
from .run_panel import RunPanel
from .task_panel import TaskPanel

TAB_LINES = 18
"""Least height of the tabs, in lines of text."""


class LSpaceDock(QgsDockWidget):
    """Panels that know nothing of each other; the controllers join them."""

    options_requested = pyqtSignal()
    """The gear, or the button beside the state, was clicked."""

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
        self.tabs = self._tabs()
        self.told_label = quiet_label()
        self.told_label.setVisible(False)
        content = QWidget()
        layout = fill_column(
            content,
            self.aoi_panel,
            self.images_panel,
            self.task_panel,
            self.run_panel,
            self.tabs,
            self.told_label,
            self._state_row(),
        )
        layout.setContentsMargins(4, 6, 4, 6)
        layout.setStretchFactor(self.tabs, 1)
        self.run_panel.add_shortcut(content)
        self.setWidget(_scrolled(content))

    def tell(self, text: str) -> None:
        """Says what came of something that was clicked; empty text takes it away."""
        self.told_label.setText(text)
        self.told_label.setVisible(bool(text))

    def show_state(self, text: str, advice: str = "") -> None:
        """One sentence, and one button where something can be done about it."""
        self.state_label.setText(text)
        self.advice_button.setText(advice)
        self.advice_button.setVisible(bool(advice))

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

    def sizeHint(self) -> QSize:
        """Wide enough for two columns of classes."""
        return QSize(380, 800)

    def _tabs(self) -> QTabWidget:
        tabs = QTabWidget()
        tabs.setObjectName("LSpaceTabs")
        tabs.setDocumentMode(True)
        titles = (self.tr("Conversation"), self.tr("Proposals"), self.tr("Report"))
        self._panels = (self.conversation_panel, self.review_panel, self.report_panel)
        for panel, title in zip(self._panels, titles):
            tabs.addTab(_scrolled(panel), title)
        tabs.setMinimumHeight(tabs.fontMetrics().lineSpacing() * TAB_LINES)
        return tabs

    def _state_row(self) -> QWidget:
        self.state_label = quiet_label()
        self.advice_button = QPushButton()
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
        return row(self.state_label, self.advice_button, self.options_button, self.help_button)


def _scrolled(content: QWidget) -> QScrollArea:
    """Scrolls up and down only: never narrower than its content."""
    scroll = QScrollArea()
    scroll.setWidget(content)
    scroll.setFrameShape(QScrollArea.Shape.NoFrame)
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setMinimumWidth(content.minimumSizeHint().width() + scroll.verticalScrollBar().sizeHint().width())
    return scroll
