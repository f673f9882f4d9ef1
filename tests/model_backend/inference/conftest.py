"""Copies of the tiny checkpoint, an engine that runs it, and chips to show it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lspace.model_backend.inference.engine import ModelInfo
from lspace.model_backend.inference.exact.checkpoint import load_model, open_checkpoint
from lspace.model_backend.inference.exact.engine import make_engine
from lspace.model_backend.inference.n2_eye import ALL, PATCHES, POOLED
from lspace.model_backend.inference.random_n2_eye import write_random_n2_eye
from PIL import Image


@pytest.fixture(scope="session", autouse=True)
def _two_threads():
    torch.set_num_threads(2)


@pytest.fixture
def broken(tiny, tmp_path) -> Path:
    """A copy of the tiny checkpoint, to be broken."""
    return Path(shutil.copytree(tiny, tmp_path / "broken"))


@pytest.fixture(scope="session")
def eyes(tmp_path_factory) -> dict[str, Path]:
    """Read-only: N2-Eye's tiny checkpoints, by what stands for a picture."""
    folders = {features: tmp_path_factory.mktemp("eyes") / features for features in (PATCHES, ALL, POOLED)}
    for features, folder in folders.items():
        write_random_n2_eye(folder, "tiny", vision_features=features)
    return folders


@pytest.fixture(scope="session")
def tiny_eye(eyes) -> Path:
    """Read-only: that with 49 vectors a picture."""
    return eyes[PATCHES]


@pytest.fixture
def broken_eye(tiny_eye, tmp_path) -> Path:
    """A copy of it, to be broken."""
    return Path(shutil.copytree(tiny_eye, tmp_path / "broken_eye"))


@pytest.fixture
def chip():
    """Makes a noisy chip; the same seed and size give the same pixels."""

    def make(seed: int = 0, width: int = 224, height: int = 224) -> Image.Image:
        noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        return Image.fromarray(noise)

    return make


@dataclass(frozen=True)
class Opened:
    """A checkpoint as transformers has it."""

    model: Any
    processor: Any


@pytest.fixture(scope="session")
def opened(tiny):
    """The tiny checkpoint in memory, in float32."""
    # imports the hub's package, which has to find the package's own settings
    from lfm2_vl_processor import load_processor

    return Opened(load_model(tiny, torch.float32).eval(), load_processor(tiny))


@pytest.fixture
def make():
    """Makes an engine of a folder that has not seen anything yet, in float32."""

    def engine_of(folder: Path):
        info = ModelInfo("tiny", "none", "cpu", "float32", "for a test.", 0.0, 0.0, 2, random_weights=True)
        return make_engine(open_checkpoint(folder, "cpu", torch.bfloat16), info, 0.0)

    return engine_of


@pytest.fixture
def engine(make, tiny):
    """One with the tiny checkpoint."""
    return make(tiny)
