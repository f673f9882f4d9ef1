# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a runtime: an environment of its own beside the old one, which stays in use until all is well.

Each step is a child process, and nobody waits for it. What can end half way (a cancel, a crash of QGIS, the
network) leaves an environment that is nobody's, which the next preparation removes, and pip's downloads.
"""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from qgis.PyQt.QtCore import QLockFile, QObject, QProcessEnvironment, pyqtSignal

from ..child_process import Ending
from ..errors import PluginError, RuntimeFailed
from ..task import BackgroundTask
from .fault import Fault, fault_in
from .foreign_step import FACTS
from .network import network_environment, without_secrets
from .pip_progress import PipProgress
from .requirements import Requirements, model_requirements
from .runtime_folder import RuntimeFolder, Stamp, python_of
from .step_process import StepProcess

LOG_LINES = 200
LOG_LINES_TOLD = 12
"""As many go with an error."""
_PIP = "pip>=24.1,<27"
"""Tells bytes, goes on with a broken download, knows the system's certificates."""
# each of these would lead pip out of the environment
_MISLEADING = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "VIRTUAL_ENV")
_MB = 1_000_000


class Step(Enum):
    """What a preparation is doing."""

    CLEANING = "cleaning"
    CREATING = "creating"
    UPDATING_PIP = "updating pip"
    DOWNLOADING = "downloading"
    INSTALLING = "installing"
    CHECKING = "checking"


# where each step begins, of the whole; downloads take most of the time
_BEGINNINGS = {
    Step.CLEANING: 0.0,
    Step.CREATING: 0.01,
    Step.UPDATING_PIP: 0.04,
    Step.DOWNLOADING: 0.05,
    Step.INSTALLING: 0.80,
    Step.CHECKING: 0.95,
}


@dataclass(frozen=True)
class PreparationProgress:
    """For a progress bar and the line under it."""

    step: Step
    share: float | None
    """Of the whole, 0 to 1; None where nobody can say."""
    detail: str = ""
    """A file or package, as pip calls it."""


@dataclass(frozen=True)
class PreparationOrder:
    """What is prepared, from what, and where."""

    folder: RuntimeFolder
    base: str
    """Path of the Python that the environment stands on."""
    requirements: Requirements
    timeout_s: int = 30
    """After so long without a byte pip tries again."""
    retries: int = 5


def repair_order(folder: RuntimeFolder) -> PreparationOrder | None:
    """Makes the runtime in use anew, with the plugin's present requirements; None where there is none."""
    current = folder.current()
    if current is None:
        return None
    stamp = current.stamp
    extra = stamp.extra_index or None
    requirements = model_requirements(
        current.build, wheels=stamp.wheels, index=stamp.index, extra_index=extra
    )
    return PreparationOrder(folder, stamp.base, requirements)


class Preparation(QObject):
    """One preparation, started once; ends with exactly one of ``finished``, ``failed`` and ``cancelled``."""

    progressed = pyqtSignal(object)
    """A ``PreparationProgress``."""
    logged = pyqtSignal(str)
    """A line, without secrets."""
    finished = pyqtSignal(str)
    """The path of the new interpreter, which is in use now."""
    failed = pyqtSignal(object)
    """A ``RuntimeFailed``; what was in use before still is."""
    cancelled = pyqtSignal()

    def __init__(self, order: PreparationOrder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._order = order
        self._folder = order.folder
        self._environment = self._folder.new_environment()
        self._lock = self._folder.new_lock()
        self._step = Step.CLEANING
        self._process: StepProcess | None = None
        self._variables = QProcessEnvironment()
        self._after: Callable[[], None] = self._create
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._pip = PipProgress(0)
        self._facts = ""
        self._is_cancelled = False
        self._is_ending = False

    def start(self) -> None:
        """Looks at folder, lock and disk, which may fail at once, then begins."""
        try:
            self._check()
        except RuntimeFailed as error:
            self._lock.unlock()
            self.failed.emit(error)
            return
        self._tell(Step.CLEANING)
        self._sweep(keep_cache=True, after=self._create)

    def cancel(self) -> None:
        """Ends what runs with all its children; ``cancelled`` follows when the remains are gone."""
        if self._is_ending or self._is_cancelled:
            return
        self._is_cancelled = True
        process, self._process = self._process, None
        if process is not None:
            process.gone.connect(self._on_gone)
            process.give_up()

    # --- steps ---

    def _check(self) -> None:
        folder, requirements = self._folder, self._order.requirements
        if not folder.is_allowed:
            raise self._failure(Fault.BAD_FOLDER, folder=str(folder.path))
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder.path).free
        except OSError as error:
            fault = fault_in(str(error))
            if fault is Fault.UNKNOWN:  # a file in its place, a drive that is gone
                fault = Fault.BLOCKED
            raise self._failure(fault, str(error), folder=str(folder.path)) from error
        if not self._lock.tryLock(0):
            if self._lock.error() == QLockFile.LockError.LockFailedError:
                raise self._failure(Fault.BUSY)
            raise self._failure(Fault.BLOCKED, "the folder takes no files", folder=str(folder.path))
        if free < requirements.disk_mb * _MB:
            raise self._failure(
                Fault.DISK_FULL,
                needed_mb=requirements.disk_mb,
                free_mb=free // _MB,
                folder=str(folder.path),
            )

    def _create(self) -> None:
        self._folder.scratch.mkdir(exist_ok=True)
        self._tell(Step.CREATING)
        # pip comes in a step of its own: venv keeps to itself why it could not install it
        arguments = ["run", "venv", "--without-pip", str(self._environment)]
        self._run(self._order.base, arguments, self._bring_pip)

    def _bring_pip(self) -> None:
        after = self._install if self._order.requirements.wheels else self._update_pip
        python = python_of(self._environment)
        self._run(python, ["run", "ensurepip", "--upgrade", "--default-pip"], after)

    def _update_pip(self) -> None:
        self._tell(Step.UPDATING_PIP)
        sources = self._order.requirements.source_arguments()
        self._run_pip(["--upgrade", _PIP, *sources], self._install)

    def _install(self) -> None:
        requirements = self._order.requirements
        self._pip = PipProgress(requirements.download_mb)
        self._tell(Step.DOWNLOADING, self._pip.share)
        constraints = self._folder.scratch / "constraints.txt"
        constraints.write_text("\n".join(requirements.constraints), encoding="utf-8")
        bar = "off" if requirements.wheels else "raw"
        self._run_pip(["--progress-bar", bar, *requirements.arguments(constraints)], self._verify)

    def _verify(self) -> None:
        self._tell(Step.CHECKING)
        python = python_of(self._environment)
        self._run(python, ["check", *self._order.requirements.modules], self._switch)

    def _switch(self) -> None:
        requirements = self._order.requirements
        try:
            stamp = Stamp(
                base=self._order.base,
                digest=requirements.digest(),
                build=requirements.build.value,
                index=requirements.index,
                extra_index=requirements.extra_index,
                wheels=requirements.wheels,
                **json.loads(self._facts),
            )
        except (ValueError, TypeError) as error:
            self._fail(Fault.UNKNOWN, f"no facts: {error}")
            return
        runtime = self._folder.switch_to(self._environment, stamp)
        self._end(self.finished.emit, runtime.python, keep_cache=False)

    # --- child processes ---

    def _run_pip(self, arguments: Sequence[str], after: Callable[[], None]) -> None:
        options = ["--disable-pip-version-check", "--no-input", "--no-color", "--only-binary", ":all:"]
        options += ["--no-compile", "--no-warn-script-location", "--cache-dir", str(self._folder.cache)]
        options += ["--timeout", str(self._order.timeout_s), "--retries", str(self._order.retries)]
        self._run(python_of(self._environment), ["run", "pip", "install", *options, *arguments], after)

    def _run(self, python: str, arguments: Sequence[str], after: Callable[[], None]) -> None:
        self._after = after
        self._log.clear()
        self._variables = self._make_variables(python)
        self._process = StepProcess(python, arguments, self._variables, self)
        self._process.line_read.connect(self._on_line)
        self._process.ended.connect(self._on_step_ended)
        self._process.start()

    def _make_variables(self, python: str) -> QProcessEnvironment:
        variables = network_environment(python, self._folder.path)
        for name in _MISLEADING:
            variables.remove(name)
        for name in ("TMPDIR", "TEMP", "TMP"):
            variables.insert(name, str(self._folder.scratch))
        variables.insert("PIP_RESUME_RETRIES", str(self._order.retries))  # an option that an older pip lacks
        return variables

    def _on_line(self, line: str) -> None:
        if line.startswith(FACTS):
            self._facts = line[len(FACTS) :]
            return
        is_told = self._step in (Step.DOWNLOADING, Step.INSTALLING)
        if is_told and self._pip.take(line):
            self._tell(self._step, self._pip.share, self._pip.detail)
            return
        line = without_secrets(line, self._variables)
        self._log.append(line)
        self.logged.emit(line)
        if is_told:
            step = Step.INSTALLING if self._pip.is_installing else Step.DOWNLOADING
            self._tell(step, self._pip.share, self._pip.detail)

    def _on_step_ended(self, ending: Ending) -> None:
        if self._process is not None:
            self._process.deleteLater()
            self._process = None
        if ending.is_good:
            self._go_on()
        elif ending.has_started and ending.exit_code is None:
            self._fail(Fault.KILLED)
        else:  # what is in the log is told besides; ending.log is why it could not be started
            self._fail(fault_in("\n".join([*self._log, ending.log])), ending.log)

    def _on_gone(self) -> None:
        self._end(self.cancelled.emit)

    # --- endings ---

    def _fail(self, fault: Fault, detail: str = "") -> None:
        # bytes that were wrong may lie in pip's cache, and would be so again
        keep_cache = fault is not Fault.CHECKSUM
        self._end(self.failed.emit, self._failure(fault, detail), keep_cache=keep_cache)

    def _failure(self, fault: Fault, detail: str = "", **values: Any) -> RuntimeFailed:
        lines = [line for line in (*self._log, detail) if line.strip()][-LOG_LINES_TOLD:]
        return RuntimeFailed(
            "the runtime could not be prepared",
            reason=fault.value,
            step=self._step.value,
            keeps_old=self._folder.current() is not None,
            log="\n".join(lines),
            **values,
        )

    def _end(self, tell: Callable[..., None], *values: Any, keep_cache: bool = True) -> None:
        """Removes what is not in use any more, lets go of the lock, and tells."""
        self._is_ending = True

        def unlock_and_tell() -> None:
            self._lock.unlock()
            tell(*values)

        self._sweep(keep_cache=keep_cache, after=unlock_and_tell)

    def _sweep(self, *, keep_cache: bool, after: Callable[[], None]) -> None:
        self._after = after
        folder = self._folder
        task = BackgroundTask(
            "LSpace: removing old runtimes", lambda _is_cancelled: folder.sweep(keep_cache=keep_cache)
        )
        task.succeeded.connect(self._on_swept)
        task.failed.connect(self._on_swept)
        task.cancelled.connect(self._on_swept)
        task.start()

    def _on_swept(self, _result: PluginError | None) -> None:
        if self._is_cancelled and not self._is_ending:
            self._end(self.cancelled.emit)
        else:
            self._go_on()

    def _go_on(self) -> None:
        try:
            self._after()
        except OSError as error:  # the disk is full, say, when it is our turn to write
            self._fail(fault_in(str(error)), str(error))

    def _tell(self, step: Step, download: float | None = None, detail: str = "") -> None:
        self._step = step
        share: float | None = _BEGINNINGS[step]
        if step is Step.DOWNLOADING:
            span = _BEGINNINGS[Step.INSTALLING] - _BEGINNINGS[step]
            share = None if download is None else _BEGINNINGS[step] + download * span
        self.progressed.emit(PreparationProgress(step, share, without_secrets(detail, self._variables)))
