# SPDX-License-Identifier: GPL-2.0-or-later
"""Saves a layer as a new file in the project's own folder, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import QgsProject, QgsVectorLayer

from ...model_backend.errors import ToolRefused
from ..errors import ExportError, TargetExists
from ..saving.export import SavedFiles, prepare_save
from ..saving.export_format import ExportFormat
from ..saving.save_target import SaveTarget, os_errors
from .desk import Desk
from .named_layer import find_vector_layer
from .plain_text import plain_text
from .work import Deed, Done, Work

FORMATS = {format.name.lower(): format for format in ExportFormat}
MOST_FEATURES = 500_000
"""Of a layer that is saved: they are taken from it while the user waits."""
_FILE_NAME = re.compile(r"\w[\w -]{0,60}(\.[A-Za-z]{3,8})?")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Names that Windows takes for devices."""
Stamp = dict[Path, tuple[int, int]]


def export_layer(_: Desk, arguments: Mapping[str, Any]) -> Deed:
    """Writes a layer to a file that is not there yet."""
    layer, format = find_vector_layer(arguments["layer"]), FORMATS[arguments["format"]]
    if layer.featureCount() > MOST_FEATURES:
        raise ToolRefused(f"the layer has more than {MOST_FEATURES} features: the user has to save it")
    target = _target(layer, format, arguments["file_name"])
    facts = {"layer": plain_text(layer.name()), "layer_id": layer.id(), "count": layer.featureCount()}
    facts.update(file=target.path.name, format=format.title)

    def save(work: Work) -> None:
        prepared = prepare_save(layer, target.path, format)
        work.in_background("LSpace: export", prepared.write, lambda saved: _done(saved, target, facts))

    return Deed(save, facts)


def _target(layer: QgsVectorLayer, format: ExportFormat, file_name: str) -> SaveTarget:
    """Where the file goes; ToolRefused where that is not free, or would lie elsewhere."""
    home = QgsProject.instance().homePath()
    if not QgsProject.instance().fileName() or not home or not Path(home).is_dir():
        raise ToolRefused("the project is not saved yet, so it has no folder to export to")
    name = file_name.strip()
    if not _FILE_NAME.fullmatch(name) or _RESERVED.fullmatch(name):
        raise ToolRefused("the file name may hold letters, digits, blanks, - and _ only, and no folder")
    target = SaveTarget.at(Path(home) / name, format, layer.name(), overwrite=False)
    if target.path.parent != Path(home) or target.path.is_symlink():
        raise ToolRefused("the file would lie outside of the project's folder")
    try:
        with os_errors(target):
            target.check_files()
    except TargetExists:
        raise ToolRefused(f"there is a file {target.path.name!r} already; choose another name") from None
    except ExportError:
        raise ToolRefused("the project's folder takes no files") from None
    return target


def _done(saved: SavedFiles, target: SaveTarget, facts: Mapping[str, Any]) -> Done:
    stamp = _stamp_of(target)
    told = {name: facts[name] for name in ("layer", "file", "format")}
    return Done({**told, "count": saved.feature_count}, lambda: _remove(target, stamp))


def _stamp_of(target: SaveTarget) -> Stamp:
    files = [target.path, *(target.path.with_suffix(ending) for ending in target.format.companions)]
    seen = {}
    for file in files:
        if file.exists():
            facts = file.stat()
            seen[file] = (facts.st_size, facts.st_mtime_ns)
    return seen


def _remove(target: SaveTarget, stamp: Stamp) -> bool:
    """Deletes the files, if they are as they were written and nobody reads them."""
    again = SaveTarget(target.path, target.format, target.table, overwrite=True)
    try:
        with os_errors(again):
            if _stamp_of(target) != stamp:
                return False
            again.check()
            for file in stamp:
                file.unlink()
    except ExportError:
        return False
    return True
