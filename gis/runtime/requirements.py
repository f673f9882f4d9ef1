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

REQUIREMENTS = PLUGIN_FOLDER / "requirements.txt"
MODULES = (
    "torch",
    "transformers",
    "huggingface_hub",
    "safetensors",
    "tokenizers",
    "httpx",
    "filelock",
    "numpy",
    "PIL",
    "shapely",
    "pyproj",
    "onnxruntime",
    "onnx",
    "model_backend.inference.loading",
)
"""What the worker imports: a runtime that cannot import them is none."""


class Build(Enum):
    """For which device torch was compiled."""

    CPU = "cpu"
    """Runs everywhere; on a Mac it uses Apple's GPU too."""
    CUDA = "cuda"
    """For a graphics card by NVIDIA; runs on the CPU as well."""


@dataclass(frozen=True)
class Source:
    """Where torch of one build comes from, on one operating system."""

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
_SOURCES = {
    ("Linux", Build.CPU): Source(f"{_PYTORCH}/cpu", "+cpu", 350, 2_500),
    ("Linux", Build.CUDA): Source("", "", 3_000, 11_000),
    ("Windows", Build.CPU): Source("", "", 300, 2_300),
    ("Windows", Build.CUDA): Source(f"{_PYTORCH}/cu130", "+cu130", 2_500, 9_000),
    ("Darwin", Build.CPU): Source("", "", 300, 2_100),
}


@dataclass(frozen=True)
class Requirements:
    """What pip is asked for."""

    file: Path = REQUIREMENTS
    build: Build = Build.CPU
    constraints: tuple[str, ...] = ()
    """Lines of a constraints file."""
    index: str = ""
    """Instead of the index that pip is configured for."""
    extra_index: str = ""
    """Besides it."""
    wheels: str = ""
    """A folder to take everything from; then nothing is downloaded."""
    modules: tuple[str, ...] = MODULES
    """What has to be importable at the end."""
    download_mb: int = 0
    disk_mb: int = 0

    def digest(self) -> str:
        """sha256 of the file and of what else decides about the packages."""
        told = "\n".join([self.build.value, *self.constraints, *self.modules])
        return hashlib.sha256(self.file.read_bytes() + told.encode()).hexdigest()

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


def offered_builds(system: str = "") -> tuple[Build, ...]:
    """The builds that there are for this operating system, or for the one named as Python names it."""
    return tuple(build for build in Build if (system or platform.system(), build) in _SOURCES)


def source_of(build: Build, system: str = "") -> Source:
    """Where a build comes from and how large it is; an unknown system is taken for Linux."""
    return _SOURCES.get((system or platform.system(), build), _SOURCES["Linux", build])


def model_requirements(
    build: Build = Build.CPU, *, wheels: str = "", index: str = "", extra_index: str | None = None
) -> Requirements:
    """What the worker needs; ``extra_index`` None takes PyTorch's own where the build needs it.

    An ``index`` stands for all others: a mirror, beside which nothing else may be in reach.
    """
    source = source_of(build)
    extra = ("" if index else source.index) if extra_index is None else extra_index
    version = torch_version()
    # a folder of wheels holds what somebody put there: their build is right;
    # a mirror that has no CPU build has CUDA's, which runs on the CPU, but not the other way round
    tagged = source.tag and version and not wheels and (extra or build is Build.CUDA)
    return Requirements(
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
