# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python that runs the worker, and the environment it is started in."""

from __future__ import annotations

import os
from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QProcessEnvironment, QStandardPaths

from .errors import RuntimeNotFound

PLUGIN_FOLDER = Path(__file__).resolve().parents[1]

# Each of these makes a foreign Python look for its library, PROJ or GDAL data inside QGIS.
_OF_QGIS = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONEXECUTABLE",
    "PYTHONSTARTUP",
    "__PYVENV_LAUNCHER__",
    "PROJ_LIB",
    "PROJ_DATA",
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
)


def usable_interpreter(path: str) -> str:
    """The path, if it names a program.

    Raises:
        RuntimeNotFound: no interpreter is chosen, or the file is not there or not a program.
    """
    if not path:
        raise RuntimeNotFound("no interpreter is chosen", path="")
    if not Path(path).is_file() or not os.access(path, os.X_OK):
        raise RuntimeNotFound("the interpreter is not a program", path=path)
    return path


def worker_environment() -> QProcessEnvironment:
    """QGIS's environment without what would break another Python."""
    environment = QProcessEnvironment.systemEnvironment()
    for name in _OF_QGIS:
        environment.remove(name)
    own_libraries = QgsApplication.prefixPath()
    paths = environment.value("LD_LIBRARY_PATH").split(os.pathsep)
    kept = [path for path in paths if path and not path.startswith(own_libraries)]
    environment.remove("LD_LIBRARY_PATH")
    if kept:
        environment.insert("LD_LIBRARY_PATH", os.pathsep.join(kept))
    if not environment.contains("TORCHINDUCTOR_CACHE_DIR"):
        # torch makes this folder as it is imported: left to itself, in the system's temporary folder
        caches = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericCacheLocation)
        environment.insert("TORCHINDUCTOR_CACHE_DIR", str(Path(caches) / "lspace" / "torch"))
    environment.insert("PYTHONUTF8", "1")
    # nothing leaves the machine; the runtime's check imports ONNX Runtime before the worker's code can say so
    environment.insert("ORT_DISABLE_TELEMETRY", "1")
    environment.insert("PYTHONNOUSERSITE", "1")
    return environment
