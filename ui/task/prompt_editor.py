# SPDX-License-Identifier: GPL-2.0-or-later
"""The prompts of a task as the model will read them, to see and to change."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.gui import QgsCollapsibleGroupBoxBasic
from qgis.PyQt.QtWidgets import QPlainTextEdit, QPushButton, QWidget

from ...model_backend.contract import Task
from ..parts import fill_column, fold, quiet_label
from ..words import tr

LINES_SHOWN = 4


class PromptEditor(QgsCollapsibleGroupBoxBasic):
    """One text a prompt; says when it leaves the trained wording."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Prompt"))
        self.setToolTip(self.tr("What is asked, word for word"))
        self._tasks: tuple[Task, ...] = ()
        self.edits: dict[str, QPlainTextEdit] = {}
        body = QWidget()  # the group hides what it holds, not what is put into it later
        self._texts = fill_column(body)
        self.note = quiet_label()
        self.reset_button = QPushButton(self.tr("Trained wording"))
        self.reset_button.setToolTip(self.tr("Takes back your changes"))
        self.reset_button.clicked.connect(self.reset)
        fill_column(self, body, self.note, self.reset_button)
        fold(self)

    def show_tasks(self, tasks: Sequence[Task], *, editable: bool) -> None:
        """Shows the trained prompts of these tasks, in the order in which they are asked."""
        if tuple(tasks) == self._tasks:
            return
        self._tasks = tuple(tasks)
        for edit in self.edits.values():
            self._texts.removeWidget(edit)
            edit.deleteLater()
        self.edits = {task.name: self._edit(task, editable) for task in tasks}
        for edit in self.edits.values():
            self._texts.addWidget(edit)
        self.reset()

    def wordings(self) -> dict[str, str]:
        """The user's own texts by task; those that are as trained are left out."""
        written = {task.name: self.edits[task.name].toPlainText().strip() for task in self._tasks}
        return {task.name: written[task.name] for task in self._tasks if written[task.name] != task.prompt}

    def reset(self) -> None:
        """Back to the trained wording."""
        for task in self._tasks:
            self.edits[task.name].setPlainText(task.prompt)

    def show_wordings(self, texts: dict[str, str]) -> None:
        """Shows these texts in place of the trained ones."""
        for name, text in texts.items():
            if name in self.edits:
                self.edits[name].setPlainText(text)

    def _edit(self, task: Task, editable: bool) -> QPlainTextEdit:
        edit = QPlainTextEdit()
        edit.setReadOnly(not editable)
        edit.setTabChangesFocus(True)
        edit.setAccessibleName(tr(task.title))
        edit.setToolTip(tr(task.title))
        edit.setFixedHeight(edit.fontMetrics().lineSpacing() * LINES_SHOWN + 12)
        edit.textChanged.connect(self._tell)
        return edit

    def _tell(self) -> None:
        changed = bool(self.wordings())
        self.reset_button.setEnabled(changed)
        self.note.setText(
            self.tr("Your own wording: the model was not trained on it. Expect less, and check more.")
            if changed
            else self.tr("Trained wording.")
        )
