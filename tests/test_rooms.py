# SPDX-License-Identifier: GPL-2.0-or-later
"""Imports run one way: plugin -> ui -> gis -> model_backend; worker -> inference, georeference, training."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ["model_backend", "gis", "ui", "plugin"]
"""From the ground up: a floor imports those below it."""
ROOMS = {"inference", "georeference", "training"}
PLAIN_ARITHMETIC = ("model_backend", "georeference", "geotransform")
"""The one module of a room that is importable everywhere."""
QT = {"qgis", "PyQt5", "PyQt6", "PySide2", "PySide6", "osgeo", "processing"}
LEARNING = {"torch", "torchvision", "transformers", "peft", "accelerate", "safetensors", "huggingface_hub"}
GEOMETRY = {"numpy", "shapely", "pyproj"}
TEACHING = {"rasterio", "pyogrio", "matplotlib", "pyarrow", "scipy"}
"""Of requirements-training.txt: an environment that only answers has none of them."""
OWN = {"lspace", *FLOORS}
ABSOLUTE = "absolute"


def modules():
    """Every module of the plugin as (dotted path, source), tests and environments left out."""
    paths = [path for floor in FLOORS for path in ROOT.glob(f"{floor}/**/*.py")]
    for path in sorted([ROOT / "__init__.py", *ROOT.glob("plugin.py"), *paths]):
        yield path.relative_to(ROOT).with_suffix("").parts, path.read_text(encoding="utf-8")


def imports(module, source):
    """What a module imports, anywhere in it: own names as full paths, others by their first word."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((ABSOLUTE, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (ABSOLUTE, node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = (*module[: len(module) - node.level], *(node.module.split(".") if node.module else ()))
            yield from ((*base, alias.name) for alias in node.names)


def room_of(path):
    """The room of model_backend that a module or a name lies in, or None."""
    return path[1] if path[0] == "model_backend" and len(path) > 1 and path[1] in ROOMS else None


def is_plain(target):
    return target[: len(PLAIN_ARITHMETIC)] == PLAIN_ARITHMETIC


def worker_side(sources):
    """Modules of model_backend outside the rooms that use a room: only the worker's own may."""
    return {
        module
        for module, source in sources
        if module[0] == "model_backend" and not room_of(module)
        for target in imports(module, source)
        if room_of(target) and not is_plain(target)
    }


def wrong_arrows(sources):
    """Sentences about imports that go the wrong way, in the order of the files."""
    sources = list(sources)
    workers = worker_side(sources)
    for module, source in sources:
        for target in imports(module, source):
            reason = fault(module, target, workers)
            if reason:
                yield f"{'.'.join(module)} imports {'.'.join(target)}: {reason}"


def fault(module, target, workers):
    """What is wrong with one import, or None."""
    if target[0] == ABSOLUTE:
        return outside_fault(module, target[1])
    if target[0] not in FLOORS:
        return "not a floor of the plugin"
    if module != ("__init__",) and FLOORS.index(target[0]) > FLOORS.index(module[0]):
        return "upstairs"
    if target[0] == "model_backend" and not is_plain(target):
        return room_fault(module, target, workers)
    return None


def outside_fault(module, name):
    room = room_of(module)
    if name in OWN:
        return "relative imports only"
    if name in QT and module[0] == "model_backend":
        return "no Qt and no QGIS in the worker"
    if name in LEARNING and room not in ("inference", "training"):
        return "only inference and training import it"
    if name in TEACHING and room != "training":
        return "only training imports it"
    if room == "georeference" and name not in GEOMETRY | sys.stdlib_module_names:
        return "georeference needs numpy, shapely and pyproj only"
    return None


def room_fault(module, target, workers):
    room, aim = room_of(module), room_of(target)
    if aim and module[0] != "model_backend":
        return "a room of the worker"
    if module not in workers and any(target[: len(worker)] == worker for worker in workers):
        return "a module of the worker"
    if aim and room not in (None, aim, "training"):
        return "rooms that never import each other"
    return None


def test_no_import_goes_the_wrong_way():
    assert next(wrong_arrows(modules()), None) is None


@pytest.mark.parametrize(
    ("module", "line", "is_wrong"),
    [
        ("model_backend.chip", "from .georeference.geotransform import GeoTransform", False),
        ("model_backend.chip", "from ..gis import layers", True),
        ("model_backend.chip", "from .worker import serve", True),
        ("model_backend.chip", "from qgis.core import QgsProject", True),
        ("model_backend.chip", "import torch", True),
        ("model_backend.inference.proposals", "from ..georeference import area", True),
        ("model_backend.inference.proposals", "from ..georeference.area import geodesic_area_m2", True),
        ("model_backend.inference.proposals", "from .scores import score_of", False),
        ("model_backend.inference.proposals", "import torch", False),
        ("model_backend.georeference.area", "from ..inference.completion import Completion", True),
        ("model_backend.georeference.area", "def late():\n    from ..inference import scores", True),
        ("model_backend.georeference.area", "import transformers.models", True),
        ("model_backend.training.corpus.rows", "from ..inference.completion import Completion", False),
        ("model_backend.training.corpus.scene", "import rasterio.windows", False),
        ("model_backend.training.corpus.row", "def late():\n    import pyarrow", False),
        ("model_backend.training.mini.sprites", "from scipy.ndimage import label", False),
        ("model_backend.inference.proposals", "from scipy.ndimage import label", True),
        ("model_backend.georeference.area", "import rasterio", True),
        ("model_backend.run", "def late():\n    import matplotlib.pyplot", True),
        ("gis.layers", "import pyogrio", True),
        ("ui.dock", "from pyarrow import parquet", True),
        ("gis.layers", "from ..model_backend.proposal import Detection", False),
        ("gis.layers", "from ..model_backend.inference.scores import score_of", True),
        ("gis.layers", "from ..model_backend.worker import serve", True),
        ("gis.layers", "from ..model_backend import worker", True),
        ("gis.layers", "from ..model_backend import inference", True),
        ("gis.layers", "from ..model_backend.georeference import geotransform", False),
        ("gis.layers", "from ..ui import dock", True),
        ("ui.dock", "from ..gis.layers import add", False),
        ("ui.dock", "from ..plugin import LSpacePlugin", True),
        ("plugin", "from .ui.dock import Dock", False),
        ("__init__", "def classFactory(iface):\n    from .plugin import LSpacePlugin", False),
        ("gis.layers", "import lspace.ui", True),
        ("model_backend.chip", "from model_backend.errors import RequestError", True),
        ("model_backend.georeference.area", "import PIL.Image", True),
    ],
)
def test_the_test_sees_wrong_arrows(module, line, is_wrong):
    worker = (("model_backend", "worker"), "from .inference import proposals\nfrom .georeference import area")
    assert bool(list(wrong_arrows([worker, (tuple(module.split(".")), line)]))) is is_wrong
