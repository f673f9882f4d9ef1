# SPDX-License-Identifier: GPL-2.0-or-later
"""Result layers that are in memory, kept with the project: as tables of a GeoPackage beside its file.

The layer in the project stays as it is, with its edit buffer and what can be undone. Only its element in the
project file names the table, so that QGIS finds the proposals there when it opens the project again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qgis.core import Qgis, QgsMapLayer, QgsMessageLog, QgsProject, QgsVectorLayer
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QTimer, pyqtBoundSignal, pyqtSignal
from qgis.PyQt.QtXml import QDomDocument, QDomElement

from ..errors import ExportError
from ..layers import is_proposal_layer, is_result_layer
from .kept_table import write_table

SKIP_CHECK = "skipMemoryLayersCheck"
"""QGIS does not warn of losing a layer in memory that has this property."""


@dataclass(frozen=True)
class KeptWithProject:
    """What became of the result layers when the project was saved; layers without features do not count."""

    package: Path | None = None
    """The GeoPackage; None where nothing had to go there, or the project has no file of its own."""
    lost: bool = False
    """Whether a layer is in memory only."""
    error: ExportError | None = None
    """Why, unless the project has no file; it opens with what was kept before, if anything was."""
    uncommitted: tuple[str, ...] = ()
    """Names of proposal layers in files, with edits that those files lack."""


class KeptLayers(QObject):
    """Follows the saving of the project, and keeps what it would lose."""

    project_saved = pyqtSignal(object)
    """A ``KeptWithProject``, after each time."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._uris: dict[tuple[str, Path], str] = {}
        """By layer id and GeoPackage: what was written in this session."""
        self._fresh: list[QgsVectorLayer] = []
        self._error: ExportError | None = None
        self._marks: list[_UpToDate] = []
        project = QgsProject.instance()
        self._followed = [
            (project.writeProject, self._on_writing),
            (project.writeMapLayer, self._on_layer_written),
            (project.projectSaved, self._on_saved),
        ]
        for signal, follow in self._followed:
            signal.connect(follow)

    def shut_down(self) -> None:
        """Keeps nothing any more; from now on QGIS warns of what is in memory."""
        while self._followed:
            signal, follow = self._followed.pop()
            signal.disconnect(follow)
        self._lift_marks()

    def _on_writing(self, _document: QDomDocument) -> None:
        self._lift_marks()  # they are not to stand in the project file
        self._fresh, self._error = [], None

    def _on_layer_written(self, layer: QgsMapLayer, element: QDomElement, document: QDomDocument) -> None:
        if not _is_in_memory(layer):
            return
        package = package_of(QgsProject.instance())
        uri = None if package is None else self._write(layer, package)
        if uri is not None:
            _name_source(element, document, uri)

    def _write(self, layer: QgsVectorLayer, package: Path) -> str | None:
        """What the project file is to name; None where that is the layer as it is."""
        key = (layer.id(), package)
        try:
            self._uris[key] = write_table(layer, package, _table_of(layer))
        except ExportError as error:
            QgsMessageLog.logMessage(f"not kept: {error}", "LSpace", Qgis.MessageLevel.Warning, False)
            self._error = error
        else:
            self._fresh.append(layer)
        return self._uris.get(key)

    def _on_saved(self) -> None:
        layers = [layer for layer in QgsProject.instance().mapLayers().values() if is_result_layer(layer)]
        fresh = [layer for layer in self._fresh if not sip.isdeleted(layer)]
        self._marks = [_UpToDate(layer) for layer in fresh]
        filled = [layer for layer in layers if _is_in_memory(layer) and layer.featureCount()]
        buffered = [layer for layer in layers if is_proposal_layer(layer) and not _is_in_memory(layer)]
        has_kept = any(layer.featureCount() for layer in fresh)
        self.project_saved.emit(
            KeptWithProject(
                package=package_of(QgsProject.instance()) if has_kept else None,
                lost=any(layer not in fresh for layer in filled),
                error=self._error,
                uncommitted=tuple(layer.name() for layer in buffered if layer.isModified()),
            )
        )

    def _lift_marks(self) -> None:
        for mark in self._marks:
            if not sip.isdeleted(mark):
                mark.lift()
        self._marks = []


class _UpToDate(QObject):
    """Spares the user QGIS's warning of losing a layer, until there is something to lose again."""

    def __init__(self, layer: QgsVectorLayer) -> None:
        super().__init__(layer)
        self._layer = layer
        self._is_lifted = False
        self._watched: tuple[pyqtBoundSignal, ...] = ()
        self._commit_timer = QTimer(self)
        self._commit_timer.setSingleShot(True)
        self._commit_timer.timeout.connect(self._watch)
        layer.setCustomProperty(SKIP_CHECK, 1)
        layer.beforeCommitChanges.connect(self._on_commit)
        layer.willBeDeleted.connect(self._look_away)  # a layer that goes empties its undo stack
        self._watch()

    def lift(self) -> None:
        """Takes the mark away, if it is still there."""
        if not self._is_lifted:
            self._is_lifted = True
            self._look_away()
            self._layer.removeCustomProperty(SKIP_CHECK)
            self.deleteLater()

    def _watch(self) -> None:
        if not self._is_lifted and not self._watched:
            layer = self._layer
            self._watched = (layer.undoStack().indexChanged, layer.dataChanged, layer.afterRollBack)
            for signal in self._watched:
                signal.connect(self._on_changed)

    def _look_away(self) -> None:
        for signal in self._watched:
            signal.disconnect(self._on_changed)
        self._watched = ()

    def _on_commit(self) -> None:
        """What the edit buffer held is in the copy already."""
        self._look_away()
        self._commit_timer.start(0)

    def _on_changed(self) -> None:
        self.lift()
        QgsProject.instance().setDirty(True)  # saving it again keeps the change


def package_of(project: QgsProject) -> Path | None:
    """The GeoPackage beside the project's file; None where that is in a database, or there is none yet."""
    if not project.fileName() or project.projectStorage() is not None:
        return None
    path = Path(project.absoluteFilePath())
    return path.with_name(f"{path.stem}_lspace.gpkg")


def _is_in_memory(layer: QgsMapLayer) -> bool:
    is_vector = isinstance(layer, QgsVectorLayer) and layer.isValid()
    return is_vector and layer.providerType() == "memory" and is_result_layer(layer)


def _table_of(layer: QgsVectorLayer) -> str:
    """The same at each saving, and no other layer's."""
    return re.sub(r"\W", "_", layer.id(), flags=re.ASCII)


def _name_source(element: QDomElement, document: QDomDocument, uri: str) -> None:
    """As QGIS writes a layer of the provider ``ogr``."""
    path, _, table = uri.partition("|")
    source = f"{QgsProject.instance().pathResolver().writePath(path)}|{table}"
    for tag, text in (("datasource", source), ("provider", "ogr")):
        child = element.firstChildElement(tag)
        while child.hasChildNodes():
            child.removeChild(child.firstChild())
        child.appendChild(document.createTextNode(text))
