"""A dark harbour of known cover, and the real one of the test data under two names."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.training.mini.harbour import Harbour
from lspace.model_backend.training.mini.vocabulary import Vocabulary

DATA = Path(__file__).resolve().parents[3] / "data"


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary(load_contracts()["lspace-mini"])


@pytest.fixture
def dark() -> Harbour:
    """300 x 300 black pixels: water in the left third, tree cover in the rest; no ships."""
    cover = np.full((300, 300), 2, np.uint8)
    cover[:, :100] = 0
    return Harbour("dark", np.zeros((300, 300, 3), np.uint8), cover, np.zeros((0, 4)))


@pytest.fixture
def harbours(tmp_path) -> Path:
    """Folder with the harbour ``seen`` and, for the exam, ``unseen``."""
    folder = tmp_path / "harbours"
    folder.mkdir()
    for name in ("seen", "unseen"):
        for ending in (".tif", "_cover.tif", "_ships.geojson"):
            shutil.copyfile(DATA / f"casablanca{ending}", folder / f"{name}{ending}")
    return folder
