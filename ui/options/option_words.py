# SPDX-License-Identifier: GPL-2.0-or-later
"""What the options page says of Pythons, builds and devices."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

from qgis.PyQt.QtCore import QDateTime, QLocale

from ...gis.models.download import DownloadProgress
from ...gis.models.installed import InstalledModel
from ...gis.models.published import PublishedModel
from ...gis.nvidia_driver import has_nvidia_driver
from ...gis.python_facts import PythonFacts
from ...gis.runtime.base_python import BasePython, PythonFault
from ...gis.runtime.preparation import PreparationProgress, Step
from ...gis.runtime.requirements import Build, offered_builds, source_of
from ...gis.runtime.runtime_folder import PreparedRuntime
from ...gis.settings import LastLoad
from ..translation import tr
from ..words import sentence_for


def python_words(python: PythonFacts) -> str:
    """Whether the model runs on it, and if not, why."""
    if not python.is_new_enough:
        words = tr("Not ready: {path} is Python {version}; the model needs 3.10 or newer.")
    elif python.missing:
        words = tr("Not ready: Python {version} at {path} lacks {missing}. Prepare one, or install them.")
    elif python.is_small:
        words = tr("Ready: Python {version} at {path}. Small: 8 bits, 4 bits or float32, on the CPU.")
    else:
        words = tr("Ready: Python {version} at {path}, with torch {torch} and transformers {transformers}.")
    return words.format(
        path=python.path, version=python.version, missing=", ".join(python.missing), **python.packages
    )


def base_python_words(python: BasePython) -> str:
    """A Python to prepare from, or why it is of no use."""
    if python.is_usable:
        return tr("Python {version}: {path}").format(version=python.version, path=python.path)
    return _FAULTS[python.fault]().format(
        path=python.path, version=python.version, detail=python.detail or tr("no answer")
    )


def useless_words(pythons: Sequence[BasePython]) -> str:
    """Why none of them can be taken, a line each; a long answer by its first line."""
    return "\n".join(base_python_words(python).splitlines()[0] for python in pythons)


def build_title(build: Build) -> str:
    """For which device a build is."""
    if build is Build.SMALL:
        return tr("Small: for the CPU of every computer")
    if build is Build.CUDA:
        if has_nvidia_driver():
            return tr("CUDA: PyTorch for an NVIDIA graphics card")
        return tr("CUDA: PyTorch for an NVIDIA graphics card; no driver found")
    if platform.system() == "Darwin":
        return tr("Mac: PyTorch, for Apple's GPU too")
    return tr("CPU: PyTorch for every computer")


def build_note(build: Build) -> str:
    """What a build is good for, and what its download costs."""
    words = {
        Build.SMALL: tr("All that lspace needs to answer quickly on a CPU. {download} to download."),
        Build.CPU: tr("Also for bfloat16, Apple's GPU and training. {download} to download."),
        Build.CUDA: tr("Many times faster on an NVIDIA graphics card. {download} to download."),
    }[build].format(download=size_words(source_of(build).download_mb))
    return " ".join(filter(None, [words, _driver_words(build)]))


def _driver_words(build: Build) -> str:
    """What the driver that is here, or is not, has to do with a build."""
    if has_nvidia_driver() == (build is Build.CUDA) or Build.CUDA not in offered_builds():
        return ""
    if build is Build.CUDA:
        return tr("Without a driver it runs on the CPU, as the others do.")
    return tr("There is an NVIDIA driver here: CUDA would be faster.")


def space_words(needed_mb: int, free_mb: int | None, warning: str) -> str:
    """What a preparation takes of the disk; ``warning`` is the colour, ``#rrggbb``, for too little."""
    words = tr("{needed} of disk are needed to prepare it.").format(needed=size_words(needed_mb))
    if free_mb is None:
        return words
    free = tr("{free} are free.").format(free=size_words(free_mb))
    if free_mb >= needed_mb:
        return f"{words} {free}"
    return f'{words} <b style="color: {warning}">{tr("Too little room:")} {free}</b>'


def prepared_words(runtime: PreparedRuntime, *, is_outdated: bool) -> str:
    """What LSpace made, and when."""
    day = QDateTime.fromSecsSinceEpoch(int(runtime.folder.stat().st_mtime)).date()
    words = tr("Prepared by LSpace on {day}, {build} build.").format(
        day=QLocale().toString(day, QLocale.FormatType.ShortFormat), build=_build_name(runtime.build)
    )
    advice = tr("It was made for another version of LSpace: click Repair to update it.")
    return f"{words} {advice}" if is_outdated else words


def _build_name(build: Build) -> str:
    return {Build.SMALL: tr("small"), Build.CPU: tr("CPU"), Build.CUDA: tr("CUDA")}[build]


def step_words(progress: PreparationProgress) -> str:
    """What a preparation is doing."""
    words = {
        Step.CLEANING: tr("Clearing away what an earlier try left"),
        Step.CREATING: tr("Making the folder of the new Python"),
        Step.UPDATING_PIP: tr("Updating its installer"),
        Step.DOWNLOADING: tr("Downloading packages"),
        Step.INSTALLING: tr("Installing packages"),
        Step.CHECKING: tr("Checking that it runs"),
    }[progress.step]
    return f"{words}: {progress.detail}" if progress.detail else words


def download_words(progress: DownloadProgress) -> str:
    """How much of a model has arrived."""
    words = tr("{file}: {done} of {total} are here").format(
        file=progress.file, done=size_words(progress.done / 1e6), total=size_words(progress.total / 1e6)
    )
    return words if progress.done < progress.total else tr("Comparing digests: {words}").format(words=words)


def model_words(model: InstalledModel) -> str:
    """Where a model lies, its licence, and why it cannot be used where it cannot."""
    lines = [str(model.folder)]
    if model.fault is not None:
        lines.append(sentence_for(model.fault))
    return "\n".join(filter(None, [*lines, licence_words(model)]))


def licence_words(model: InstalledModel) -> str:
    """All that is known of its licence."""
    lines = []
    if model.licence:
        lines.append(tr("Licence, as its files say: {licence}.").format(licence=model.licence))
    if model.contract is not None:
        lines.append(tr("Licence, as far as is known: {licence}").format(licence=model.contract.licence))
    return "\n".join(lines)


def licence_cell(model: InstalledModel) -> str:
    """For a table: what its files say alone may not be all."""
    if model.contract is None:
        return model.licence
    below = tr("see below")
    return f"{model.licence}; {below}" if model.licence else below


def offer_words(model: PublishedModel) -> str:
    """What a download costs and brings."""
    return tr("{model}, {size}, commit {revision}. {licence}").format(
        model=model.hub_id,
        size=size_words(model.size / 1e6),
        revision=model.revision[:8],
        licence=model.contract.licence,
    )


def size_words(megabytes: float) -> str:
    """In the unit that people use for it."""
    if megabytes < 1000:
        return tr("{count} MB").format(count=round(megabytes))
    return tr("{count} GB").format(count=f"{megabytes / 1000:.1f}".rstrip("0").rstrip("."))


def probe_words(found: dict[str, Any]) -> str:
    """Which device would be taken, why, how fast it is, and what the others say."""
    chosen = found["chosen"]
    lines = [tr("{title} in {precision}, with {threads} CPU threads: it works.").format(**chosen)]
    lines.append(chosen["reason"][:1].upper() + chosen["reason"][1:])
    lines += [_device_words(device) for device in found["devices"]]
    return "\n".join(lines)


def last_load_words(load: LastLoad) -> str:
    """On what the model ran, and why; nothing where it never did."""
    if not load.device:
        return ""
    words = tr("When the model was last loaded, it ran on {device} in {precision}.").format(
        device=load.device, precision=load.precision
    )
    return f"{words} {load.reason[:1].upper()}{load.reason[1:]}"


def _device_words(device: dict[str, Any]) -> str:
    if device["fault"]:
        return tr("{title}: {fault}.").format(**device)
    speeds = tr(" and ").join(
        tr("{speed} GFLOP/s in {precision}").format(speed=round(speed), precision=precision)
        for precision, speed in device["gflops"].items()
    )
    words = tr("{title}: {speeds}").format(title=device["title"], speeds=speeds)
    if device["memory_mb"] is None:
        return f"{words}."
    return tr("{words}; {free} of {memory} are free.").format(
        words=words, free=size_words(device["free_mb"]), memory=size_words(device["memory_mb"])
    )


_FAULTS = {
    PythonFault.NO_ANSWER: lambda: tr("{path} does not run: {detail}"),
    PythonFault.OF_QGIS: lambda: tr("{path} belongs to QGIS, which is left alone."),
    PythonFault.FROM_STORE: lambda: tr(
        "{path} is from the Microsoft Store, which hides its files from QGIS."
    ),
    PythonFault.TOO_OLD: lambda: tr("{path} is Python {version}: older than 3.10."),
    PythonFault.TOO_NEW: lambda: tr("{path} is Python {version}: newer than its packages."),
    PythonFault.FREE_THREADED: lambda: tr("{path} is free-threaded; there are no packages for it."),
    PythonFault.BITS_32: lambda: tr("{path} is a 32 bit Python; the model needs 64 bit."),
    PythonFault.NO_VENV: lambda: tr("{path} lacks {detail}; on Debian and Ubuntu, install python3-venv."),
    PythonFault.INTEL_MAC: lambda: tr("{path}: torch is no longer made for Macs with an Intel processor."),
    PythonFault.TRANSLATED: lambda: tr("{path} is made for Intel; install a Python for Apple's processors."),
}
