# SPDX-License-Identifier: GPL-2.0-or-later
"""What is installed into a runtime, and where it comes from."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..interpreter import PLUGIN_FOLDER
from ..nvidia_driver import has_nvidia_driver

SMALL_REQUIREMENTS = PLUGIN_FOLDER / "requirements-small.txt"
REQUIREMENTS = PLUGIN_FOLDER / "requirements.txt"
_SMALL_MODULES = (
    "huggingface_hub",
    "tokenizers",
    "httpx",
    "filelock",
    "jinja2",
    "numpy",
    "PIL",
    "shapely",
    "pyproj",
    "onnxruntime",
    "onnx",
    "model_backend.run",
    "model_backend.inference.download",
    "model_backend.inference.loading",
)
"""What the worker imports: a runtime that cannot import them is none."""
MODULES = ("torch", "transformers", "safetensors", *_SMALL_MODULES, "model_backend.inference.exact.engine")
"""The same where torch is to be there too."""


class Build(Enum):
    """What a runtime can compute with; the first is offered first."""

    SMALL = "small"
    """ONNX Runtime alone: runs on every CPU, in 8 and 4 bits and float32."""
    CPU = "cpu"
    """With torch, for CPUs, and on a Mac for Apple's GPU: bfloat16 and training, too."""
    CUDA = "cuda"
    """With torch for a graphics card by NVIDIA; runs on the CPU as well."""


@dataclass(frozen=True)
class Source:
    """Where the packages of one build come from, on one operating system."""

    index: str
    """Besides pip's own index; empty where that one has it."""
    tag: str
    """Of torch's version, so that pip takes no other build; empty for the only one there is."""
    download_mb: int
    """Of everything together; rounded up."""
    disk_mb: int
    """While preparing: downloads, what is unpacked, and what is installed."""


_PYTORCH = "https://download.pytorch.org/whl"
# Wheels of torch 2.13 and what it needs. On Linux the index of pip has CUDA's build, elsewhere the CPU's.
# Sizes of downloads were measured for all small builds and the CPU's on Linux.
_SOURCES = {
    ("Linux", Build.SMALL): Source("", "", 80, 450),
    ("Windows", Build.SMALL): Source("", "", 60, 400),
    ("Darwin", Build.SMALL): Source("", "", 60, 400),
    ("Linux", Build.CPU): Source(f"{_PYTORCH}/cpu", "+cpu", 300, 2_500),
    ("Linux", Build.CUDA): Source("", "", 3_000, 11_000),
    ("Windows", Build.CPU): Source("", "", 300, 2_300),
    ("Windows", Build.CUDA): Source(f"{_PYTORCH}/cu130", "+cu130", 2_500, 9_000),
    ("Darwin", Build.CPU): Source("", "", 300, 2_100),
}


@dataclass(frozen=True)
class Requirements:
    """What pip is asked for."""

    file: Path
    modules: tuple[str, ...]
    """What has to be importable at the end."""
    build: Build = Build.CPU
    constraints: tuple[str, ...] = ()
    """Lines of a constraints file."""
    index: str = ""
    """Instead of the index that pip is configured for."""
    extra_index: str = ""
    """Besides it."""
    wheels: str = ""
    """A folder to take everything from; then nothing is downloaded."""
    download_mb: int = 0
    disk_mb: int = 0

    def digest(self) -> str:
        """sha256 of the file, of those that it includes, and of what else decides about the packages."""
        told = [*lines_of(self.file), self.build.value, *self.constraints, *self.modules]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def arguments(self, constraints: Path) -> Iterator[str]:
        """For ``pip install``; ``constraints`` is the file that holds ours."""
        yield from ("-r", str(self.file))
        if self.constraints:
            yield from ("-c", str(constraints))
        yield from self.source_arguments()

    def source_arguments(self) -> Iterator[str]:
        """Where pip is to look."""
        if self.wheels:
            yield from ("--no-index", "--find-links", self.wheels)
            return
        if self.index:
            yield from ("--index-url", self.index)
        if self.extra_index:
            yield from ("--extra-index-url", self.extra_index)


def lines_of(file: Path) -> Iterator[str]:
    """Those of a requirements file, with those of a file that it includes in their place."""
    for line in file.read_text(encoding="utf-8").splitlines():
        included = re.match(r"-r\s+(\S+)", line)
        if included:
            yield from lines_of(file.with_name(included.group(1)))
        else:
            yield line


def package_names(file: Path) -> tuple[str, ...]:
    """What a requirements file names, each once."""
    names = (re.match(r"[\w.-]+", line) for line in lines_of(file))
    return tuple(dict.fromkeys(name.group() for name in names if name))


def offered_builds(system: str = "") -> tuple[Build, ...]:
    """The builds that there are for this operating system, or for the one named as Python names it."""
    return tuple(build for build in Build if (system or platform.system(), build) in _SOURCES)


def suitable_build() -> Build:
    """The one for this computer, unless the user wants another."""
    has_card = Build.CUDA in offered_builds() and has_nvidia_driver()
    return Build.CUDA if has_card else Build.SMALL


def source_of(build: Build, system: str = "") -> Source:
    """Where a build comes from and how large it is; an unknown system is taken for Linux."""
    return _SOURCES.get((system or platform.system(), build), _SOURCES["Linux", build])


def model_requirements(
    build: Build = Build.SMALL, *, wheels: str = "", index: str = "", extra_index: str | None = None
) -> Requirements:
    """What the worker needs; ``extra_index`` None takes PyTorch's own where the build needs it.

    An ``index`` stands for all others: a mirror, beside which nothing else may be in reach.
    """
    source = source_of(build)
    extra = ("" if index else source.index) if extra_index is None else extra_index
    small, version = build is Build.SMALL, torch_version()
    # a folder of wheels holds what somebody put there: their build is right;
    # a mirror that has no CPU build has CUDA's, which runs on the CPU, but not the other way round
    tagged = source.tag and version and not wheels and (extra or build is Build.CUDA)
    return Requirements(
        SMALL_REQUIREMENTS if small else REQUIREMENTS,
        _SMALL_MODULES if small else MODULES,
        build=build,
        constraints=(f"torch=={version}{source.tag}",) if tagged else (),
        index=index,
        extra_index=extra,
        wheels=wheels,
        download_mb=0 if wheels else source.download_mb,
        disk_mb=source.disk_mb,
    )


def torch_version() -> str:
    """The pinned one."""
    found = re.search(r"^torch==([\w.]+)", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else ""
