# SPDX-License-Identifier: GPL-2.0-or-later
"""On what the model runs: automatic with its reason, or chosen; threads, memory, and when it is let go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QShowEvent
from qgis.PyQt.QtWidgets import QComboBox, QPushButton, QSizePolicy, QSpinBox, QWidget

from ...gis.device_check import DeviceCheck
from ...gis.errors import PluginError
from ...gis.python_facts import PythonCheck, PythonFacts
from ...gis.settings import LastLoad, Settings
from ..parts import narrow_combo, quiet_label
from ..words import sentence_for
from .fields import FieldGrid, button_row, page_grid
from .option_words import last_load_words, probe_words

MOST_THREADS = 256
MOST_MEMORY_MB = 1_024_000
MOST_IDLE_MINUTES = 24 * 60


class DevicePage(QWidget):
    """Five fields, what came of them last, and a button that tries them."""

    def __init__(self, shown: Callable[[], Settings] = Settings.load, parent: QWidget | None = None) -> None:
        """``shown`` gives what the other pages show, saved or not."""
        super().__init__(parent)
        self._shown = shown
        self._probe: DeviceCheck | None = None
        self._python: PythonCheck | None = None
        self.device = _choice(
            ("auto", self.tr("automatic: the fastest that works")),
            ("cpu", self.tr("CPU")),
            ("cuda", self.tr("CUDA (NVIDIA)")),
            ("mps", self.tr("MPS (Apple)")),
        )
        self.precision = _choice(
            ("auto", self.tr("automatic: fast, and nearly exact")),
            ("float32", self.tr("float32: exact, more memory")),
            ("bfloat16", self.tr("bfloat16: half the memory")),
            ("q8", self.tr("8 bits: CPU only, fast, close to exact")),
            ("q4", self.tr("4 bits: CPU only, least memory, less exact")),
        )
        self.threads = _number(MOST_THREADS, 1, self.tr("automatic: leaves a core to QGIS"))
        self.memory_limit = _number(MOST_MEMORY_MB, 256, self.tr("automatic: what is free"), " MB")
        self.idle = _number(MOST_IDLE_MINUTES, 5, self.tr("never"), " min")
        self.try_button = QPushButton(self.tr("Try it"))
        self.try_button.clicked.connect(self._try)
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.cancel_button.setToolTip(self.tr("Stops trying"))
        self.cancel_button.clicked.connect(self._drop_probe)
        self.python_note = quiet_label()
        self.python_note.hide()
        self.last_load = quiet_label()
        self.answer = quiet_label()
        self._set_trying(False)
        self._explain()
        self._lay_out(page_grid(self))

    def show_settings(self, settings: Settings) -> None:
        """Shows its part."""
        _choose(self.device, settings.device)
        _choose(self.precision, settings.precision)
        self.threads.setValue(settings.threads)
        self.memory_limit.setValue(settings.memory_limit_mb)
        self.idle.setValue(settings.idle_minutes)

    def written_into(self, settings: Settings) -> Settings:
        """The settings with what the page shows."""
        return replace(
            settings,
            device=self.device.currentData(),
            precision=self.precision.currentData(),
            threads=self.threads.value(),
            memory_limit_mb=self.memory_limit.value(),
            idle_minutes=self.idle.value(),
        )

    def shut_down(self) -> None:
        """Lets go of what is asked of the Python."""
        self._drop_python()
        self._drop_probe()

    def showEvent(self, event: QShowEvent) -> None:
        """The model may have been loaded since, or another Python chosen."""
        super().showEvent(event)
        if not event.spontaneous():
            self._ask_python()
        words = last_load_words(LastLoad.load())
        self.last_load.setText(words)
        self.last_load.setVisible(bool(words))

    def _lay_out(self, form: FieldGrid) -> None:
        form.add_field(self.tr("Device"), self.device)
        form.add_field(self.tr("Precision"), self.precision)
        form.add_field(self.tr("CPU threads"), self.threads)
        form.add_field(self.tr("Memory limit"), self.memory_limit)
        form.add_field(self.tr("Let the model go after"), self.idle)
        form.add_wide(self.python_note)
        form.add_wide(self.last_load)
        form.add_wide(button_row(self.try_button, self.cancel_button))
        form.add_wide(self.answer)

    def _explain(self) -> None:
        self.device.setToolTip(
            self.tr("Automatic takes a graphics card where a small computation runs on it")
        )
        self.precision.setToolTip(
            self.tr("Automatic takes 8 bits on a CPU, and bfloat16 on a graphics card that computes in it")
        )
        self.threads.setToolTip(self.tr("How many CPU cores the model may keep busy"))
        self.memory_limit.setToolTip(
            self.tr(
                "A model that needs more is refused before it is loaded, so that the computer never swaps"
            )
        )
        self.idle.setToolTip(
            self.tr("After so long without a question its memory is free again; the next one loads it anew")
        )
        self.try_button.setToolTip(
            self.tr(
                "Starts the model's Python, computes a little on the device, and says what it took and why"
            )
        )
        self.setWhatsThis(self.tr("On what the model computes, and what it may take up of this computer."))

    def _ask_python(self) -> None:
        """What it lacks cannot be chosen; where it does not answer, the tab Runtime says why."""
        self._drop_python()
        self._python = PythonCheck(self._shown().interpreter, self)
        self._python.known.connect(self._on_python)
        self._python.failed.connect(self._on_no_python)
        self._python.start()

    def _on_python(self, python: PythonFacts) -> None:
        self._offer(is_small=python.is_small)

    def _on_no_python(self, _error: PluginError) -> None:
        self._offer(is_small=False)

    def _offer(self, *, is_small: bool) -> None:
        words = self.tr(
            "The model's Python is the small one: it computes on the CPU, in 8 bits, 4 bits or float32. "
            "bfloat16 and graphics cards need one with PyTorch; the tab Runtime can prepare it."
        )
        for box, value in ((self.device, "cuda"), (self.device, "mps"), (self.precision, "bfloat16")):
            row = box.findData(value)
            box.model().item(row).setEnabled(not is_small)
            box.setItemData(row, words if is_small else None, Qt.ItemDataRole.ToolTipRole)
        self.python_note.setText(words)
        self.python_note.setVisible(is_small)

    def _drop_python(self) -> None:
        if self._python is not None:
            self._python.give_up()
            self._python.deleteLater()
            self._python = None

    def _drop_probe(self) -> None:
        if self._probe is not None:
            self._probe.give_up()
            self._probe.deleteLater()
            self._probe = None
            self.answer.clear()
        self._set_trying(False)

    def _try(self) -> None:
        self._drop_probe()
        self._set_trying(True)
        self.answer.setText(self.tr("Trying it: the first time this takes up to a minute ..."))
        self._probe = DeviceCheck(self.written_into(self._shown()), self)
        self._probe.known.connect(self._on_known)
        self._probe.failed.connect(self._on_failed)
        self._probe.start()

    def _on_known(self, found: dict[str, Any]) -> None:
        self._tell(probe_words(found))

    def _on_failed(self, error: PluginError) -> None:
        self._tell(sentence_for(error))

    def _tell(self, words: str) -> None:
        self._set_trying(False)
        self.answer.setText(words)

    def _set_trying(self, trying: bool) -> None:
        self.try_button.setEnabled(not trying)
        self.cancel_button.setEnabled(trying)


def _choice(*entries: tuple[str, str]) -> QComboBox:
    box = narrow_combo()
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    for value, title in entries:
        box.addItem(title, value)
    return box


def _choose(box: QComboBox, value: str) -> None:
    """A value that this version does not know counts as automatic."""
    box.setCurrentIndex(max(box.findData(value), 0))


def _number(most: int, step: int, words_for_none: str, unit: str = "") -> QSpinBox:
    box = QSpinBox()
    box.setMaximum(most)
    box.setSingleStep(step)
    box.setSpecialValueText(words_for_none)
    box.setSuffix(unit)
    return box
