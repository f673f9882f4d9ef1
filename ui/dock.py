# SPDX-License-Identifier: GPL-2.0-or-later
"""The dock: one column from the area to the answer. It answers questions and emits what was clicked."""

from __future__ import annotations

from enum import Enum

from qgis.core import QgsMapLayerProxyModel, QgsRasterLayer
from qgis.gui import QgsDockWidget, QgsMapLayerComboBox
from qgis.PyQt.QtCore import QSignalBlocker, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QIcon, QTextCursor
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..gis.export_format import ExportFormat
from ..model_backend.chip import ChipKind
from ..model_backend.contract import Contract, Target
from .icons import icon_path


class AoiSource(Enum):
    """Where the area comes from."""

    VIEW = "view"
    RECTANGLE = "rectangle"


CAPTION, DETECT = "caption", "detect"
LEAST_ANSWER_PX = 80


class LSpaceDock(QgsDockWidget):
    """The form, the progress, the answer and the way to save it."""

    run_requested = pyqtSignal()
    cancel_requested = pyqtSignal()
    rectangle_toggled = pyqtSignal(bool)
    """The drawing tool was switched on or off."""
    aoi_source_changed = pyqtSignal()
    picture_changed = pyqtSignal()
    save_requested = pyqtSignal(object)
    """An ``ExportFormat``."""
    advice_followed = pyqtSignal()
    """The button beside the state was clicked."""

    def __init__(self, contract: Contract, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("LSpace")
        self.setObjectName("LSpaceDock")
        self.setWindowIcon(QIcon(icon_path()))
        column = QVBoxLayout()
        column.setContentsMargins(2, 6, 2, 6)
        for part in (self._area_part(), self._task_part(), self._run_part(), self._answer_part()):
            column.addWidget(part)
        column.setStretch(3, 1)
        column.addWidget(self._state_part())
        content = QWidget()
        content.setLayout(column)
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(scroll)
        self.setMinimumWidth(300)
        self.show_contract(contract)

    # what the form says

    def aoi_source(self) -> AoiSource:
        """Where the area comes from."""
        return AoiSource(self.aoi_combo.currentData())

    def chip_kind(self) -> ChipKind:
        """Which kind of picture the model is to see."""
        return ChipKind(self.picture_combo.currentData())

    def raster_layer(self) -> QgsRasterLayer | None:
        """The layer for training-grade pictures."""
        return self.layer_combo.currentLayer()

    def task(self) -> str:
        """``caption`` or ``detect``."""
        return str(self.task_combo.currentData())

    def targets(self) -> tuple[str, ...]:
        """What to look for: the ticked classes, then own words in their order, where the model takes any."""
        written = self.words_edit.text().split(",") if self.contract.own_words else []
        own_words = [words.strip() for words in written]
        return tuple(dict.fromkeys([*self._ticked(), *(words for words in own_words if words)]))

    def cuts_at_aoi(self) -> bool:
        """Whether boxes are to be cut at the edge of the area."""
        return self.clip_box.isChecked()

    # what is shown

    def show_contract(self, contract: Contract) -> None:
        """Offers what a model of this contract can be asked; choices stay where they are still offered."""
        self.contract = contract
        self._offer_tasks()
        self._offer_classes()
        self._offer_own_words()
        self._show_fitting_parts()

    def choose_aoi_source(self, source: AoiSource) -> None:
        """Selects where the area comes from."""
        self.aoi_combo.setCurrentIndex(self.aoi_combo.findData(source.value))

    def show_aoi(self, text: str) -> None:
        """Says how large the area is."""
        self.aoi_label.setText(text)

    def show_picture(self, text: str) -> None:
        """Says what is known of the picture's scale."""
        self.picture_label.setText(text)

    def set_running(self, running: bool) -> None:
        """Offers Run or Cancel."""
        self.run_button.setEnabled(not running)
        self.cancel_button.setEnabled(running)
        self.progress_bar.setVisible(running)
        self.stage_label.setVisible(running)

    def show_stage(self, text: str, share: float | None) -> None:
        """Says what is being done; ``share`` is 0..1, or None where nobody can know."""
        self.stage_label.setText(text)
        self.progress_bar.setRange(0, 0 if share is None else 100)
        if share is not None:
            self.progress_bar.setValue(round(100 * share))

    def clear_answer(self) -> None:
        """Makes room for a new answer."""
        self.answer_text.clear()
        self.show_result("")

    def add_text(self, piece: str) -> None:
        """Appends to the answer, keeping the end in sight unless the reader scrolled away."""
        bar = self.answer_text.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 4
        cursor = QTextCursor(self.answer_text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(piece)
        if at_end:
            bar.setValue(bar.maximum())

    def show_result(self, text: str) -> None:
        """Says what came of the run."""
        self.result_label.setText(text)

    def set_savable(self, savable: bool) -> None:
        """Offers Save as."""
        self.save_button.setEnabled(savable)

    def show_state(self, text: str, advice: str = "") -> None:
        """One sentence, and one button where something can be done about it."""
        self.state_label.setText(text)
        self.advice_button.setText(advice)
        self.advice_button.setVisible(bool(advice))

    # how it is built

    def _area_part(self) -> QWidget:
        self.aoi_combo = _narrow_combo()
        self.aoi_combo.addItem(self.tr("Map view"), AoiSource.VIEW.value)
        self.aoi_combo.addItem(self.tr("Drawn rectangle"), AoiSource.RECTANGLE.value)
        self.aoi_combo.currentIndexChanged.connect(self.aoi_source_changed)
        self.rectangle_button = QToolButton()
        self.rectangle_button.setText(self.tr("Draw"))
        self.rectangle_button.setCheckable(True)
        self.rectangle_button.setToolTip(self.tr("Draw a rectangle on the map; Esc gives up"))
        self.rectangle_button.toggled.connect(self.rectangle_toggled)
        self.aoi_label = _quiet_label()
        self.picture_combo = _narrow_combo()
        self.picture_combo.addItem(self.tr("As the map shows it"), ChipKind.AS_SHOWN.value)
        self.picture_combo.addItem(self.tr("Training grade, from a layer"), ChipKind.TRAINING_GRADE.value)
        self.picture_combo.currentIndexChanged.connect(self._show_fitting_parts)
        self.picture_combo.currentIndexChanged.connect(self.picture_changed)
        self.layer_combo = QgsMapLayerComboBox()
        _make_narrow(self.layer_combo)
        self.layer_combo.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.layer_combo.layerChanged.connect(self.picture_changed)
        self.picture_label = _quiet_label()
        part, form = _form()
        form.addRow(self.tr("Area"), _row(self.aoi_combo, self.rectangle_button))
        form.addRow("", self.aoi_label)
        form.addRow(self.tr("Picture"), _column(self.picture_combo, self.layer_combo))
        form.addRow("", self.picture_label)
        return part

    def _task_part(self) -> QWidget:
        self.task_combo = _narrow_combo()
        self.task_combo.currentIndexChanged.connect(self._show_fitting_parts)
        self.class_boxes: dict[str, QCheckBox] = {}
        self._class_part = _two_columns(self.class_boxes)
        self.words_edit = QLineEdit()
        self.clip_box = QCheckBox(self.tr("Cut boxes at the area's edge"))
        self.target_part = _column(self._class_part, self.words_edit, self.clip_box)
        part, form = _form()
        form.addRow(self.tr("Task"), self.task_combo)
        form.addRow(self.target_part)
        return part

    def _offer_tasks(self) -> None:
        titles = {CAPTION: self.tr("Caption"), DETECT: self.tr("Detect")}
        offered = {CAPTION: CAPTION in self.contract.tasks, DETECT: bool(_targets_of(self.contract))}
        chosen = self.task_combo.currentData()
        with QSignalBlocker(self.task_combo):
            self.task_combo.clear()
            for task in (task for task, is_offered in offered.items() if is_offered):
                self.task_combo.addItem(titles[task], task)
            self.task_combo.setCurrentIndex(max(self.task_combo.findData(chosen), 0))

    def _offer_classes(self) -> None:
        ticked = self._ticked()
        self.class_boxes = {target.name: QCheckBox(target.name) for target in _targets_of(self.contract)}
        for name, box in self.class_boxes.items():
            box.setChecked(name in ticked)
        former, self._class_part = self._class_part, _two_columns(self.class_boxes)
        self.target_part.layout().replaceWidget(former, self._class_part)
        former.hide()
        former.deleteLater()
        by_keyboard = [self.task_combo, *self._class_part.findChildren(QCheckBox), self.words_edit]
        for earlier, later in zip(by_keyboard, by_keyboard[1:]):
            QWidget.setTabOrder(earlier, later)

    def _offer_own_words(self) -> None:
        hint = self.tr("or own words, with commas between")
        reason = self.tr(
            "The model was not trained on words other than the classes above: expect less of them."
        )
        if not self.contract.own_words:
            hint = self.tr("no own words with this model")
            reason = self.tr("{model} knows nothing but the classes above.").format(model=self.contract.title)
        self.words_edit.setEnabled(self.contract.own_words)
        self.words_edit.setPlaceholderText(hint)
        self.words_edit.setToolTip(reason)

    def _ticked(self) -> list[str]:
        return [name for name, box in self.class_boxes.items() if box.isChecked()]

    def _run_part(self) -> QWidget:
        self.run_button = QPushButton(self.tr("Run"))
        self.run_button.setDefault(True)
        self.run_button.clicked.connect(lambda: self.run_requested.emit())
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.cancel_button.clicked.connect(lambda: self.cancel_requested.emit())
        self.progress_bar = QProgressBar()
        self.progress_bar.setTextVisible(False)
        self.progress_bar.setMaximumHeight(6)
        self.stage_label = _quiet_label()
        part = _column(_row(self.run_button, self.cancel_button), self.progress_bar, self.stage_label)
        self.set_running(False)
        return part

    def _answer_part(self) -> QWidget:
        self.answer_text = _AnswerText()
        self.answer_text.setReadOnly(True)
        self.answer_text.setPlaceholderText(self.tr("The model's answer appears here while it is written."))
        self.answer_text.setMinimumHeight(LEAST_ANSWER_PX)
        self.result_label = _quiet_label()
        self.save_button = QToolButton()
        self.save_button.setText(self.tr("Save boxes as ..."))
        self.save_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.save_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.save_button.setMenu(self._save_menu())
        self.save_button.setEnabled(False)
        claim = _quiet_label()
        claim.setText(self.tr("Answers are a model's proposals, not ground truth."))
        part = _column(self.answer_text, self.result_label, self.save_button, claim)
        part.layout().setStretch(0, 1)
        return part

    def _save_menu(self) -> QMenu:
        menu = QMenu(self)
        for export_format in ExportFormat:
            action = menu.addAction(export_format.title)
            action.setData(export_format)
            action.triggered.connect(lambda _=False, chosen=export_format: self.save_requested.emit(chosen))
        return menu

    def _state_part(self) -> QWidget:
        self.state_label = _quiet_label()
        self.advice_button = QPushButton()
        self.advice_button.clicked.connect(lambda: self.advice_followed.emit())
        self.advice_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        return _row(self.state_label, self.advice_button)

    def _show_fitting_parts(self) -> None:
        self.target_part.setVisible(self.task() == DETECT)
        self.layer_combo.setVisible(self.chip_kind() is ChipKind.TRAINING_GRADE)

    def sizeHint(self) -> QSize:
        """Wide enough for two columns of classes."""
        return QSize(360, 640)


class _AnswerText(QPlainTextEdit):
    """Takes the height that is left over, and asks for no more than its least."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), LEAST_ANSWER_PX)


def _targets_of(contract: Contract) -> list[Target]:
    """What can be looked for in one picture; the dock makes no pairs."""
    return [target for target in contract.targets if contract.tasks[target.task].images == 1]


def _quiet_label() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _narrow_combo() -> QComboBox:
    combo = QComboBox()
    _make_narrow(combo)
    return combo


def _make_narrow(combo: QComboBox) -> None:
    """Lets the dock be narrower than the longest entry."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)


def _form() -> tuple[QWidget, QFormLayout]:
    part = QWidget()
    form = QFormLayout(part)
    form.setContentsMargins(0, 0, 0, 0)
    return part, form


def _two_columns(boxes: dict[str, QCheckBox]) -> QWidget:
    """The short names on the left, the long ones on the right: as narrow as two columns can be."""
    part = QWidget()
    grid = QGridLayout(part)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(0)
    grid.setVerticalSpacing(2)
    shortest = sorted(boxes, key=len)[: (len(boxes) + 1) // 2]
    halves = [name for name in boxes if name in shortest], [name for name in boxes if name not in shortest]
    for column, names in enumerate(halves):
        for row, name in enumerate(names):
            grid.addWidget(boxes[name], row, column)
    return part


def _column(*widgets: QWidget) -> QWidget:
    part = QWidget()
    column = QVBoxLayout(part)
    column.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        column.addWidget(widget)
    return part


def _row(first: QWidget, second: QWidget) -> QWidget:
    part = QWidget()
    row = QHBoxLayout(part)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(first, 1)
    row.addWidget(second)
    return part
