"""Copies of the tiny checkpoint, an engine that runs it, and chips to show it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from lspace.model_backend.inference.checkpoint import open_checkpoint
from lspace.model_backend.inference.engine import ModelInfo
from lspace.model_backend.inference.lfm2vl import Lfm2VlEngine
from PIL import Image


@pytest.fixture(scope="session", autouse=True)
def _two_threads():
    torch.set_num_threads(2)


@pytest.fixture
def broken(tiny, tmp_path) -> Path:
    """A copy of the tiny checkpoint, to be broken."""
    return Path(shutil.copytree(tiny, tmp_path / "broken"))


@pytest.fixture
def chip():
    """Makes a noisy chip; the same seed and size give the same pixels."""

    def make(seed: int = 0, width: int = 224, height: int = 224) -> Image.Image:
        noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        return Image.fromarray(noise)

    return make


@pytest.fixture(scope="session")
def opened(tiny):
    """The tiny checkpoint in memory, in float32."""
    return open_checkpoint(tiny, "cpu", torch.float32)


@pytest.fixture
def engine(opened):
    """An engine that has not seen anything yet."""
    info = ModelInfo("tiny", "none", "cpu", "float32", "for a test.", 0.0, 0.0, 2, random_weights=True)
    return Lfm2VlEngine(opened, info)
