# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked: a task of the model's contract, what it looks for, and its prompt."""

from __future__ import annotations

from dataclasses import dataclass, field

from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QLineEdit, QPlainTextEdit, QWidget

from ...gis.runs.boxes_model import boxes_tasks
from ...model_backend.contract import Contract, Task
from ..ability_words import no_boxes_words
from ..parts import column, form, narrow_combo, quiet_label
from ..words import tr
from .class_choice import ClassChoice
from .model_combo import ModelCombo
from .prompt_editor import PromptEditor

LONGEST_QUESTION = 500
"""Characters of a free question that are sent."""
QUESTION_LINES = 2


@dataclass(frozen=True)
class Asked:
    """What the panel says is to be asked."""

    task: str
    targets: tuple[str, ...] = ()
    question: str = ""
    wordings: dict[str, str] = field(default_factory=dict)
    clip: bool = False


class TaskPanel(QWidget):
    """The tasks come from the contract, none of them from here."""

    changed = pyqtSignal()
    """Another task, or another target."""

    def __init__(self, contract: Contract, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.contract = contract
        self.model_combo = ModelCombo()
        self.task_combo = narrow_combo()
        self.task_combo.setObjectName("LSpaceTask")
        self.task_combo.setToolTip(self.tr("What the model is asked for"))
        self.task_combo.currentIndexChanged.connect(self._show_task)
        self.hint_label = quiet_label()
        self.classes = ClassChoice()
        self.classes.changed.connect(self.changed)
        self.words_edit = QLineEdit()
        self.words_edit.setPlaceholderText(self.tr("own words, with commas between"))
        self.words_edit.setAccessibleName(self.tr("Own words"))
        self.words_edit.setToolTip(self.tr("What to look for; each word or phrase is a question of its own"))
        self.words_edit.textChanged.connect(lambda _: self.changed.emit())
        self.question_edit = QPlainTextEdit()
        self.question_edit.setPlaceholderText(self.tr("What do you want to know about this image?"))
        self.question_edit.setAccessibleName(self.tr("Free question"))
        self.question_edit.setToolTip(self.tr("The question, as the model will read it"))
        self.question_edit.setTabChangesFocus(True)
        lines = self.question_edit.fontMetrics().lineSpacing() * QUESTION_LINES
        self.question_edit.setFixedHeight(lines + 12)
        self.question_edit.textChanged.connect(self.changed)
        self.clip_box = QCheckBox(self.tr("Cut boxes at the area's edge"))
        self.clip_box.setToolTip(self.tr("Otherwise a box may reach as far as the image does"))
        self.prompts = PromptEditor()
        rows = form(self)
        rows.addRow(self.tr("Model"), self.model_combo)
        rows.addRow(self.tr("Tas&k"), self.task_combo)
        rows.addRow(
            column(
                self.hint_label,
                self.classes,
                self.words_edit,
                self.question_edit,
                self.clip_box,
                self.prompts,
            )
        )
        self.setWhatsThis(
            self.tr(
                "What the model is asked. Each task is one that it was trained for, in the words of its "
                "training, unless its hint says otherwise."
            )
        )
        self.show_contract(contract)

    def task(self) -> Task:
        """The chosen task."""
        return self.contract.task(str(self.task_combo.currentData()))

    def asked(self) -> Asked:
        """Everything that is to be asked."""
        task = self.task()
        return Asked(
            task=task.name,
            targets=self._targets(task),
            question=self.question_edit.toPlainText().strip()[:LONGEST_QUESTION]
            if task.takes_question
            else "",
            wordings=self.prompts.wordings(),
            clip=self.clip_box.isChecked() and task.answer == "boxes",
        )

    def complaint(self) -> str:
        """What is missing, in a sentence; empty if nothing is."""
        task, asked = self.task(), self.asked()
        if task.own_words and not asked.targets:
            return self.tr("Write what to look for.")
        if task.takes_targets and not asked.targets:
            return self.tr("Tick a class to look for.")
        if task.takes_question and not asked.question:
            return self.tr("Write a question.")
        return ""

    def show_contract(self, contract: Contract) -> None:
        """Offers what a model of this contract can be asked; choices stay where they are still offered."""
        self.contract = contract
        chosen = self.task_combo.currentData()
        with QSignalBlocker(self.task_combo):
            self.task_combo.clear()
            for task in contract.offered:
                self.task_combo.addItem(tr(task.title), task.name)
                self.task_combo.setItemData(
                    self.task_combo.count() - 1, tr(task.hint), Qt.ItemDataRole.ToolTipRole
                )
            self._list_what_it_cannot_do()
            index = self.task_combo.findData(chosen) if chosen else 0
            self.task_combo.setCurrentIndex(max(index, 0))
        self._show_task()

    def _list_what_it_cannot_do(self) -> None:
        """Tasks of boxes, with the reason why they cannot be chosen."""
        reason = no_boxes_words(self.contract)
        for task in boxes_tasks() if reason else ():
            self.task_combo.addItem(tr(task.title))
            place = self.task_combo.count() - 1
            self.task_combo.setItemData(place, reason, Qt.ItemDataRole.ToolTipRole)
            self.task_combo.model().item(place).setEnabled(False)

    def show_asked(self, asked: Asked) -> None:
        """Makes the panel say this, as far as the contract offers it."""
        index = self.task_combo.findData(asked.task)
        if index < 0:
            return
        self.task_combo.setCurrentIndex(index)
        self.classes.choose(asked.targets)
        if self.task().own_words:
            self.words_edit.setText(", ".join(asked.targets))
        if asked.question:
            self.question_edit.setPlainText(asked.question)
        self.prompts.show_wordings(asked.wordings)
        self.clip_box.setChecked(asked.clip)

    def _targets(self, task: Task) -> tuple[str, ...]:
        if task.own_words:
            words = (part.strip() for part in self.words_edit.text().split(","))
            return tuple(dict.fromkeys(word for word in words if word))
        return self.classes.chosen() if task.takes_targets else ()

    def _show_task(self) -> None:
        task = self.task()
        self.hint_label.setText(tr(task.hint))
        self.hint_label.setVisible(bool(task.hint))
        self.classes.offer([target.name for target in self.contract.targets_of(task)])
        self.classes.setVisible(task.takes_targets and not task.own_words)
        self.words_edit.setVisible(task.own_words)
        self.question_edit.setVisible(task.takes_question)
        self.clip_box.setVisible(task.answer == "boxes")
        before = [self.contract.task(task.report)] if task.report else []
        self.prompts.setVisible(not task.takes_question)
        self.prompts.show_tasks([*before, task], editable=self.contract.own_words)
        self.changed.emit()


def asked_title(task: Task, asked: Asked) -> str:
    """What was asked, in a few words."""
    if asked.question:
        return asked.question
    what = ", ".join(asked.targets)
    title = tr(task.title)
    return tr("{task}: {what}").format(task=title, what=what) if what else title
