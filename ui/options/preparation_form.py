# SPDX-License-Identifier: GPL-2.0-or-later
"""What a Python is prepared from, and where; starts, repairs and removes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtWidgets import QFileDialog, QPushButton, QSizePolicy, QToolButton, QWidget

from ...gis.free_space import free_mb
from ...gis.nvidia_driver import has_nvidia_driver
from ...gis.runtime.base_python import BasePython, BasePythonSearch
from ...gis.runtime.requirements import Build, offered_builds, source_of, suitable_build
from ...gis.runtime.runtime_folder import default_folder
from ...gis.settings import Settings
from ..contrast import readable
from ..parts import narrow_combo, quiet_label, row
from .fields import button_row, folder_field, page_grid
from .option_words import base_python_words, build_note, build_title, space_words, useless_words
from .runtime_work import RuntimeWork


class PreparationForm(QWidget):
    """Base Python, build, folder; with wheels, their folder too."""

    def __init__(
        self, work: RuntimeWork, shown: Callable[[], Settings] = Settings.load, parent: QWidget | None = None
    ) -> None:
        """``shown`` gives what the other pages show, saved or not."""
        super().__init__(parent)
        self._shown = shown
        self._work = work
        self._search: BasePythonSearch | None = None
        self.base = narrow_combo()
        self.browse_button = QToolButton()
        self.base_note = quiet_label()
        self.build = narrow_combo()
        self.build_note = quiet_label()
        self.wheels = folder_field(self.tr("Folder with the wheels of all packages"))
        self.folder = folder_field(self.tr("Where the Python is made"), str(default_folder()))
        self.space_note = quiet_label()
        self.prepare_button = QPushButton(self.tr("Prepare"))
        self.repair_button = QPushButton(self.tr("Repair"))
        self.remove_button = QPushButton(self.tr("Remove"))
        self._lay_out()
        self._explain()
        self._connect()
        self.set_offline(False)
        self._note("")
        self._show_cost()

    def show_settings(self, settings: Settings) -> None:
        """Shows its part."""
        self.folder.setFilePath(settings.runtime_folder)
        build = settings.runtime_build or suitable_build().value
        self.build.setCurrentIndex(max(self.build.findData(build), 0))
        self._show_cost()
        self._allow()

    def written_into(self, settings: Settings) -> Settings:
        """The settings with what the form shows."""
        return replace(
            settings,
            runtime_folder=self.runtime_folder(),
            runtime_build=self.build.currentData(),
        )

    def runtime_folder(self) -> str:
        """As it is typed; empty stands for the usual one."""
        return self.folder.filePath().strip()

    def set_offline(self, offline: bool) -> None:
        """Packages from a folder of wheels, or from the network."""
        for widget in self._of_wheels:
            widget.setVisible(offline)
        self.build_note.setVisible(not offline)
        self._is_offline = offline
        self._allow()

    def warning_colour(self) -> str:
        """A red that can be read on this desktop."""
        colours = self.palette()
        return readable(QColor("red"), colours.windowText().color(), colours.window().color()).name()

    def look_for_pythons(self, paths: Sequence[str] | None = None) -> None:
        """Fills the list of Pythons, with the usual ones or with these besides."""
        self.shut_down()
        self._note(self.tr("Looking for a Python ..."))
        self._search = BasePythonSearch(self)
        self._search.finished.connect(self._on_pythons)
        self._search.start(paths)

    def shut_down(self) -> None:
        """Lets go of a search; a preparation goes on."""
        if self._search is not None:
            self._search.give_up()
            self._search.deleteLater()
            self._search = None

    def _lay_out(self) -> None:
        form = page_grid(self)
        self.layout().setContentsMargins(0, 0, 0, 0)
        for combo in (self.base, self.build):
            combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for build in offered_builds():
            self.build.addItem(build_title(build), build.value)
            self.build.setItemData(self.build.count() - 1, build_note(build), Qt.ItemDataRole.ToolTipRole)
        if not has_nvidia_driver():  # it can be chosen all the same
            cuda = self.build.findData(Build.CUDA.value)
            grey = self.palette().color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
            self.build.setItemData(cuda, grey, Qt.ItemDataRole.ForegroundRole)
        base_row = row(self.base, self.browse_button)
        form.add_field(self.tr("Made from"), base_row, self.base)
        form.add_wide(self.base_note)
        form.add_field(self.tr("Build"), self.build)
        form.add_wide(self.build_note)
        self._of_wheels = (form.add_field(self.tr("Wheels"), self.wheels), self.wheels)
        form.add_field(self.tr("Folder"), self.folder)
        form.add_wide(self.space_note)
        form.add_wide(button_row(self.prepare_button, self.repair_button, self.remove_button))

    def _explain(self) -> None:
        self.base.setToolTip(
            self.tr("A Python on this computer, 3.10 or newer, that the new one is made from")
        )
        self.browse_button.setText("…")
        self.browse_button.setToolTip(self.tr("Choose a Python that is not in the list"))
        self.browse_button.setAccessibleName(self.tr("Choose a Python"))
        self.build.setToolTip(
            self.tr("The small build does for every CPU; PyTorch adds graphics cards, bfloat16 and training")
        )
        self.prepare_button.setToolTip(
            self.tr("Makes the Python; what is in use now stays until the new one is complete and checked")
        )
        self.repair_button.setToolTip(self.tr("Makes it anew as it was made before"))
        self.remove_button.setToolTip(self.tr("Deletes the prepared Python and its downloads from the disk"))

    def _connect(self) -> None:
        self.browse_button.clicked.connect(self._browse)
        self.prepare_button.clicked.connect(self._prepare)
        self.repair_button.clicked.connect(self._repair)
        self.remove_button.clicked.connect(self._remove)
        for field in (self.folder, self.wheels):
            field.fileChanged.connect(self._allow)
        self.folder.fileChanged.connect(self._show_cost)
        self.base.currentIndexChanged.connect(self._allow)
        self.build.currentIndexChanged.connect(self._show_cost)
        self._work.activity.changed.connect(self._allow)

    def _allow(self) -> None:
        """What can be clicked now."""
        is_free = not self._work.activity.is_running
        is_there = self._work.prepared(self.runtime_folder()) is not None
        has_wheels = bool(self.wheels.filePath().strip()) or not self._is_offline
        self.prepare_button.setEnabled(is_free and self.base.currentIndex() >= 0 and has_wheels)
        self.repair_button.setEnabled(is_free and is_there)
        self.remove_button.setEnabled(is_free and is_there)

    def _browse(self) -> None:
        dialog = QFileDialog(self, self.tr("A Python, 3.10 or newer"))
        dialog.setObjectName("LSpaceBasePython")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._look_at)
        dialog.open()

    def _look_at(self, path: str) -> None:
        self.look_for_pythons([path])

    def _on_pythons(self, pythons: tuple[BasePython, ...]) -> None:
        for python in pythons:
            if python.is_usable and self.base.findData(python.path) < 0:
                self.base.addItem(base_python_words(python), python.path)
        if len(pythons) == 1 and pythons[0].is_usable:
            self.base.setCurrentIndex(self.base.findData(pythons[0].path))
        useless = useless_words([python for python in pythons if not python.is_usable])
        if not self.base.count():
            advice = self.tr("No Python 3.10 or newer was found. Install one from python.org.")
            self._note(f"{advice}\n{useless}".strip())
        else:
            self._note(useless if len(pythons) == 1 else "")
        self._allow()

    def _note(self, words: str) -> None:
        self.base_note.setText(words)
        self.base_note.setVisible(bool(words))

    def _show_cost(self) -> None:
        """What Prepare will take, before it is clicked."""
        build = Build(self.build.currentData())
        self.build_note.setText(build_note(build))
        folder = Path(self.runtime_folder() or default_folder()).expanduser()
        self.space_note.setText(space_words(source_of(build).disk_mb, free_mb(folder), self.warning_colour()))

    def _prepare(self) -> None:
        if not self._is_offline and self._is_network_off():
            return
        build, wheels = Build(self.build.currentData()), self.wheels.filePath().strip()
        self._work.prepare(
            self.base.currentData(),
            build,
            self.runtime_folder(),
            wheels if self._is_offline else "",
            "" if self._is_offline else self._shown().package_index,
        )

    def _repair(self) -> None:
        runtime = self._work.prepared(self.runtime_folder())
        if runtime is not None and (runtime.stamp.wheels or not self._is_network_off()):
            self._work.repair(self.runtime_folder())

    def _is_network_off(self) -> bool:
        """Says so where that is in the way."""
        is_off = self._shown().offline
        if is_off:
            self._work.activity.end(
                self.tr(
                    "Downloads are switched off in the tab Network. Allow them there, or prepare from a "
                    "folder of wheels."
                )
            )
        return is_off

    def _remove(self) -> None:
        self._work.remove(self.runtime_folder())
