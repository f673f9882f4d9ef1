# SPDX-License-Identifier: GPL-2.0-or-later
"""Saves a layer as a file that lasts, or leaves everything as it was.

The writers of some formats report success on a full disk (seen with GeoJSON, KML, FlatGeobuf and
GeoPackage, GDAL 3.6). So a file is written into a folder beside the target, read back, and only then moved
into its place.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeatureRequest,
    QgsMapLayer,
    QgsProject,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from .dbf import FittedLayer, fit_to_dbf, is_whole_dbf
from .errors import (
    DiskFull,
    ExportError,
    FormatUnavailable,
    TargetExists,
    TargetInUse,
    TargetNotWritable,
    WriteFailed,
)
from .layers import Status

_PROBE_BYTES = 1 << 20
_STYLE_CATEGORIES = QgsMapLayer.StyleCategories(
    QgsMapLayer.StyleCategory.Symbology | QgsMapLayer.StyleCategory.Labeling
)
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_IN_USE = {errno.EBUSY, errno.ETXTBSY}
# ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION of Windows.
_IN_USE_WINDOWS = {32, 33}


class ExportFormat(Enum):
    """A file format to save as."""

    SHAPEFILE = ("ESRI Shapefile", ".shp", "Shapefile", False)
    GEOPACKAGE = ("GPKG", ".gpkg", "GeoPackage", False)
    GEOJSON = ("GeoJSON", ".geojson", "GeoJSON", True)
    FLATGEOBUF = ("FlatGeobuf", ".fgb", "FlatGeobuf", False)
    KML = ("KML", ".kml", "KML", True)

    def __init__(self, driver: str, extension: str, title: str, forces_wgs84: bool) -> None:
        self.driver = driver
        self.extension = extension
        self.title = title
        """The format's proper name, the same in every language."""
        self.forces_wgs84 = forces_wgs84
        """Whether the format knows only longitude and latitude (RFC 7946; KML 2.2)."""

    @property
    def companions(self) -> tuple[str, ...]:
        """Endings of the files that belong to the main one; those of an older layer must not outlive it."""
        sidecars = () if self is ExportFormat.GEOPACKAGE else (".qml", ".qmd")
        if self is ExportFormat.SHAPEFILE:
            return (".shx", ".dbf", ".prj", ".cpg", ".qpj", ".qix", ".sbn", ".sbx", ".shp.xml", *sidecars)
        return sidecars


@dataclass(frozen=True)
class SavedFiles:
    """What was saved, and what the format could not hold."""

    path: Path
    files: tuple[Path, ...]
    """The path itself first, then the files that belong to it."""
    uri: str
    """Opens the saved layer with QGIS's ``ogr`` provider."""
    feature_count: int
    shortened: dict[str, int] = field(default_factory=dict)
    """Field of the layer -> number of values that were cut."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Field of the layer -> its name in the file, where they differ."""


@dataclass(frozen=True)
class _Plan:
    """What to write, and where."""

    layer: QgsVectorLayer
    target: Path
    format: ExportFormat
    table: str

    @property
    def uri(self) -> str:
        """Where the saved layer will be."""
        return self.uri_in(self.target.parent)

    def uri_in(self, folder: Path) -> str:
        """Where the layer is if its file lies in the folder."""
        path = folder / self.target.name
        return f"{path}|layername={self.table}" if self.format is ExportFormat.GEOPACKAGE else str(path)


def save_layer(
    layer: QgsVectorLayer,
    path: str | Path,
    format: ExportFormat,
    *,
    status: Status | None = None,
    only_selected: bool = False,
    overwrite: bool = False,
    table: str | None = None,
) -> SavedFiles:
    """Saves the features as they are seen, uncommitted edits included, with style and provenance.

    Args:
        layer: stays as it is, whatever happens.
        path: gets the format's extension if it has another.
        format: GeoPackage keeps the file's other tables.
        status: takes only the proposals of that status.
        only_selected: takes only the selected features.
        overwrite: replaces what is there.
        table: name inside a GeoPackage; made from the layer's name if None.

    Raises:
        TargetExists: ``files`` would be replaced; of a GeoPackage only ``table``, if it is in ``tables``.
        TargetInUse: by ``layers`` of the project, or by another program if there are none.
        ExportError: another of its children. In each case nothing has changed.
    """
    target = _with_extension(Path(path), format)
    is_package = format is ExportFormat.GEOPACKAGE
    plan = _Plan(layer, target, format, _table_name(table or layer.name()) if is_package else target.stem)
    with _os_errors(target):
        _check_target(plan, overwrite)
        fitted = FittedLayer(_snapshot(layer, status, only_selected))
        if format is ExportFormat.SHAPEFILE:
            fitted = fit_to_dbf(fitted.features)
        with _folder_beside(target) as folder:
            _write(plan, fitted.features, folder)
            _write_style(plan, folder)
            files = _put_in_place(plan, folder)
    count = fitted.features.featureCount()
    return SavedFiles(target, files, plan.uri, count, fitted.shortened, fitted.renamed)


def _with_extension(path: Path, format: ExportFormat) -> Path:
    if path.suffix.lower() == format.extension:
        return path.with_suffix(format.extension)
    return path.with_name(path.name + format.extension)


def _table_name(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_").lower() or "proposals"


# --- the target -------------------------------------------------------------------------------------


@contextmanager
def _os_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _export_error(error, target) from error


def _export_error(error: OSError, target: Path) -> ExportError:
    if error.errno in _DISK_FULL:
        return DiskFull(str(error), path=str(target))
    if error.errno in _IN_USE or getattr(error, "winerror", None) in _IN_USE_WINDOWS:
        return TargetInUse(str(error), path=str(target), layers=[])
    return TargetNotWritable(str(error), path=str(target))


def _files_of(target: Path, format: ExportFormat) -> list[Path]:
    return [target, *(target.with_suffix(ending) for ending in format.companions)]


def _check_target(plan: _Plan, overwrite: bool) -> None:
    target = plan.target
    present = [file for file in _files_of(target, plan.format) if file.exists()]
    if present and not overwrite:
        tables = _tables_in(target) if plan.format is ExportFormat.GEOPACKAGE else []
        raise TargetExists(
            path=str(target), files=[str(file) for file in present], table=plan.table, tables=tables
        )
    for file in present:
        # Renaming over a read-only file would succeed; who made it read-only would not like it.
        if not file.is_file() or not os.access(file, os.W_OK) or not file.stat().st_mode & stat.S_IWRITE:
            raise TargetNotWritable("read-only, or not a file", path=str(file))
    readers = _layers_reading(present)
    if readers:
        raise TargetInUse(path=str(target), layers=readers)
    journals = [target.with_name(target.name + ending) for ending in ("-wal", "-journal")]
    if plan.format is ExportFormat.GEOPACKAGE and any(journal.exists() for journal in journals):
        raise TargetInUse("another program has the GeoPackage open", path=str(target), layers=[])


def _tables_in(package: Path) -> list[str]:
    """Names of the layers in a GeoPackage, read without touching it; none if it is something else."""
    with closing(sqlite3.connect(f"{package.resolve().as_uri()}?immutable=1", uri=True)) as database:
        try:
            query = "SELECT table_name FROM gpkg_contents WHERE data_type = 'features'"
            return [name for (name,) in database.execute(query)]
        except sqlite3.Error:
            return []


def _layers_reading(files: list[Path]) -> list[str]:
    wanted = {_canonical(file) for file in files}
    return [
        layer.name() for layer in QgsProject.instance().mapLayers().values() if _source_of(layer) in wanted
    ]


def _source_of(layer: QgsMapLayer) -> str | None:
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return _canonical(parts["path"]) if parts.get("path") else None


def _canonical(path: str | Path) -> str:
    return os.path.normcase(os.path.realpath(path))


@contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".lspace-", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(plan: _Plan, folder: Path) -> tuple[Path, ...]:
    """Moves the files beside the target, the main one last and at once; or moves none."""
    target, draft, backup = plan.target, folder / plan.target.name, folder / "old"
    sidecars = sorted(file for file in folder.iterdir() if file != draft)
    for file in (draft, *sidecars):
        _flush(file)
    backup.mkdir()
    moved: list[Path] = []
    try:
        for old in _files_of(target, plan.format)[1:]:
            if old.exists():
                os.replace(old, backup / old.name)
        for sidecar in sidecars:
            os.replace(sidecar, target.with_name(sidecar.name))
            moved.append(target.with_name(sidecar.name))
        os.replace(draft, target)
    except OSError:
        for file in moved:
            file.unlink()
        for old in backup.iterdir():
            os.replace(old, target.with_name(old.name))
        raise
    return (target, *moved)


def _flush(file: Path) -> None:
    # Some file systems notice only here that they are full.
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


# --- the features -----------------------------------------------------------------------------------


def _snapshot(layer: QgsVectorLayer, status: Status | None, only_selected: bool) -> QgsVectorLayer:
    """The features to write, apart from the layer and its edit buffer."""
    request = QgsFeatureRequest()
    if only_selected:
        request.setFilterFids(layer.selectedFeatureIds())
    features = layer.materialize(request)
    if features is None or not features.isValid():
        raise WriteFailed("the layer cannot be read", layer=layer.name())
    if status is not None:
        _keep_only(features, status)
    return features


def _keep_only(features: QgsVectorLayer, status: Status) -> None:
    others = QgsFeatureRequest().setFilterExpression(f"coalesce(\"status\", '') <> '{status.value}'")
    ids = [feature.id() for feature in features.getFeatures(others)]
    if ids and not features.dataProvider().deleteFeatures(ids):
        raise WriteFailed("the features cannot be filtered", status=status.value)


def _write(plan: _Plan, features: QgsVectorLayer, folder: Path) -> None:
    draft = folder / plan.target.name
    options = _writer_options(plan, features)
    if plan.format is ExportFormat.GEOPACKAGE and plan.target.exists():
        shutil.copyfile(plan.target, draft)
        options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    context = QgsProject.instance().transformContext()
    code, message, *_ = QgsVectorFileWriter.writeAsVectorFormatV3(features, str(draft), context, options)
    if code == QgsVectorFileWriter.WriterError.ErrDriverNotFound:
        raise FormatUnavailable(message, format=plan.format.title)
    if code != QgsVectorFileWriter.WriterError.NoError or not _is_whole(plan, features, folder):
        _check_room(folder)
        raise WriteFailed("\n".join(message.splitlines()[:3]), path=str(plan.target))


def _writer_options(plan: _Plan, features: QgsVectorLayer) -> QgsVectorFileWriter.SaveVectorOptions:
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = plan.format.driver
    options.fileEncoding = "UTF-8"
    options.layerName = plan.table
    options.saveMetadata = True
    options.layerMetadata = plan.layer.metadata()
    if plan.format is ExportFormat.GEOJSON:
        options.layerOptions = ["RFC7946=YES"]
    if plan.format.forces_wgs84:
        wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
        options.ct = QgsCoordinateTransform(features.crs(), wgs84, QgsProject.instance())
    return options


def _is_whole(plan: _Plan, features: QgsVectorLayer, folder: Path) -> bool:
    """Whether every feature can be read back."""
    written = QgsVectorLayer(plan.uri_in(folder), plan.table, "ogr")
    if not written.isValid():
        # A KML file without features is a document without layers.
        return plan.format is ExportFormat.KML and features.featureCount() == 0
    if plan.format.forces_wgs84:
        # A text that is cut off does not open, so that counting will do, and reading it again is slow.
        return written.featureCount() == features.featureCount()
    if plan.format is ExportFormat.SHAPEFILE and not is_whole_dbf(folder / f"{plan.target.stem}.dbf"):
        return False
    return _count_geometries(written) == _count_geometries(features)


def _count_geometries(layer: QgsVectorLayer) -> int:
    return sum(feature.hasGeometry() for feature in layer.getFeatures(QgsFeatureRequest().setNoAttributes()))


def _check_room(folder: Path) -> None:
    """Raises the OSError of a full disk, if it is one."""
    probe = folder / "probe"
    probe.write_bytes(bytes(_PROBE_BYTES))
    _flush(probe)


def _write_style(plan: _Plan, folder: Path) -> None:
    sidecar = (folder / plan.target.name).with_suffix(".qml")
    message, saved = plan.layer.saveNamedStyle(str(sidecar), _STYLE_CATEGORIES)
    # QGIS does not notice when a style or a metadata file breaks off.
    texts = [file.read_bytes().rstrip() for file in folder.glob("*.qm[dl]")]
    if not saved or not all(text.endswith(b"</qgis>") for text in texts):
        _check_room(folder)
        raise WriteFailed(message, path=str(sidecar))
    if plan.format is ExportFormat.GEOPACKAGE:
        _move_style_into_package(plan, folder, sidecar)


def _move_style_into_package(plan: _Plan, folder: Path, sidecar: Path) -> None:
    written = QgsVectorLayer(plan.uri_in(folder), plan.table, "ogr")
    message, loaded = written.loadNamedStyle(str(sidecar))
    if loaded:
        _delete_style(written, plan.table)
        message = written.saveStyleToDatabase(plan.table, "", True, "")
    del written
    if message or not _leaves_wal_mode(folder / plan.target.name):
        _check_room(folder)
        raise WriteFailed(message, path=str(plan.target))
    sidecar.unlink()


def _leaves_wal_mode(package: Path) -> bool:
    # QGIS leaves its journal mode in the file; such a file does not open where the folder is read-only.
    with closing(sqlite3.connect(package)) as database:
        try:
            return database.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
        except sqlite3.Error:
            return False


def _delete_style(layer: QgsVectorLayer, name: str) -> None:
    # The provider opens a message box when a style of that name is there (QGIS 3.22).
    related, ids, names, *_ = layer.listStylesInDatabase()
    for style_id, style_name in list(zip(ids, names))[:related]:
        if style_name == name:
            deleted, message = layer.deleteStyleFromDatabase(style_id)
            if not deleted:
                raise WriteFailed(message, style=name)
