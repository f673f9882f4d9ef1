# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a scan's file goes, as long as nobody says otherwise."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QStandardPaths


def default_path(project: QgsProject) -> Path:
    """Beside the project's file, else in the folder for documents or the user's own."""
    if project.fileName() and project.projectStorage() is None:
        path = Path(project.absoluteFilePath())
        return path.with_name(f"{path.stem}_scan.gpkg")
    documents = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
    return (documents if documents.is_dir() else Path.home()) / "lspace_scan.gpkg"


def free_path(path: Path) -> Path:
    """The next name beside it that no file has yet."""
    names = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in count(2))
    return next(name for name in names if not name.exists())
