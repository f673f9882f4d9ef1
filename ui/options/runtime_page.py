# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python that runs the model: prepared by the plugin, prepared offline, or one that is there already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qgis.PyQt.QtGui import QShowEvent
from qgis.PyQt.QtWidgets import QPushButton, QRadioButton, QWidget

from ...gis.errors import PluginError
from ...gis.python_facts import PythonCheck, PythonFacts
from ...gis.settings import Settings
from ..parts import column, quiet_label, row
from ..words import sentence_for
from .activity_view import ActivityView
from .fields import page_column, program_field
from .option_words import prepared_words, python_words
from .preparation_form import PreparationForm
from .runtime_work import RuntimeWork


class RuntimePage(QWidget):
    """Says whether a Python is ready; below, three ways to one."""

    def __init__(
        self, work: RuntimeWork, shown: Callable[[], Settings] = Settings.load, parent: QWidget | None = None
    ) -> None:
        """``shown`` gives what the other pages show, saved or not."""
        super().__init__(parent)
        self._work = work
        self._check: PythonCheck | None = None
        self._was_shown = False
        self.state = quiet_label()
        self.state.setObjectName("LSpaceRuntimeState")
        self.prepare_way = QRadioButton(self.tr("Prepare one for me, with packages from the network"))
        self.wheels_way = QRadioButton(self.tr("Prepare one from a folder of wheels, offline"))
        self.own_way = QRadioButton(self.tr("Use a Python that I prepared"))
        self.form = PreparationForm(work, shown)
        self.interpreter = program_field(self.tr("The Python that runs the model"))
        self.check_button = QPushButton(self.tr("Check"))
        self.check_button.clicked.connect(self._check_typed)
        self.own_part = row(self.interpreter, self.check_button)
        self.activity = ActivityView(work.activity)
        self._explain()
        layout = page_column(
            self,
            self.state,
            column(self.prepare_way, self.wheels_way, self.own_way),
            self.form,
            self.own_part,
            self.activity,
        )
        layout.addStretch(1)
        self.interpreter.fileChanged.connect(self._on_typed)
        for way in (self.prepare_way, self.wheels_way, self.own_way):
            way.toggled.connect(self._show_way)
        work.interpreter_changed.connect(self._on_interpreter_changed)

    def show_settings(self, settings: Settings) -> None:
        """Shows its part; where no Python is chosen, the one that was prepared, by another profile say."""
        runtime = self._work.prepared(settings.runtime_folder)
        prepared = runtime.python if runtime else ""
        interpreter = settings.interpreter or prepared
        self.interpreter.setFilePath(interpreter)
        self.form.show_settings(settings)
        (self.prepare_way if interpreter == prepared else self.own_way).setChecked(True)

    def written_into(self, settings: Settings) -> Settings:
        """The settings with what the page shows."""
        return replace(self.form.written_into(settings), interpreter=self.interpreter.filePath().strip())

    def shut_down(self) -> None:
        """Lets go of checks that are under way; a preparation goes on."""
        self._drop_check()
        self.form.shut_down()

    def showEvent(self, event: QShowEvent) -> None:
        """Asks the Python only when somebody looks: QGIS makes this page whenever its options open."""
        super().showEvent(event)
        if not event.spontaneous():  # nor when the window comes back on the screen
            self._check_typed()
        if not self._was_shown:
            self._was_shown = True
            self.form.look_for_pythons()

    def _explain(self) -> None:
        self.prepare_way.setToolTip(
            self.tr(
                "Makes a folder of its own with all that the model needs; QGIS's own Python is never touched"
            )
        )
        self.wheels_way.setToolTip(
            self.tr("For a computer without network: an administrator copies a folder of wheels to it")
        )
        self.own_way.setToolTip(
            self.tr(
                "A Python 3.10 or newer with the packages of requirements-small.txt or requirements.txt, "
                "which are in the plugin's folder"
            )
        )
        self.check_button.setToolTip(
            self.tr("Starts this Python and sees whether it has what the model needs")
        )
        self.setWhatsThis(
            self.tr("The model runs in a Python of its own, outside of QGIS. Here it is prepared or chosen.")
        )

    def _show_way(self) -> None:
        self.own_part.setVisible(self.own_way.isChecked())
        self.form.setVisible(not self.own_way.isChecked())
        self.form.set_offline(self.wheels_way.isChecked())

    def _on_interpreter_changed(self, path: str) -> None:
        self.interpreter.setFilePath(path)
        self._check_typed()

    def _on_typed(self) -> None:
        """What was said is of another Python; half a path is not to be started."""
        self._drop_check()
        self.state.setText(self.tr("Not checked yet: click Check."))

    def _check_typed(self) -> None:
        self._drop_check()
        path = self.interpreter.filePath().strip()
        if not path:
            self.state.setText(self.tr("Not ready: the model needs a Python of its own; none is chosen yet."))
            return
        self.state.setText(self.tr("Looking at {path} ...").format(path=path))
        self._check = PythonCheck(path, self)
        self._check.known.connect(self._on_known)
        self._check.failed.connect(self._on_failed)
        self._check.start()

    def _on_known(self, python: PythonFacts) -> None:
        words, folder = python_words(python), self.form.runtime_folder()
        runtime = self._work.prepared(folder)
        if runtime is not None and runtime.python == python.path:
            made = prepared_words(runtime, is_outdated=self._work.is_outdated(folder))
            words = f"{words} {made}"
        self.state.setText(words)

    def _on_failed(self, error: PluginError) -> None:
        self.state.setText(self.tr("Not ready: {reason}").format(reason=sentence_for(error)))

    def _drop_check(self) -> None:
        if self._check is not None:
            self._check.give_up()
            self._check.deleteLater()
            self._check = None
