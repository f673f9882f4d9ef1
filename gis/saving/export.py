# SPDX-License-Identifier: GPL-2.0-or-later
"""Saves a layer as a file that lasts, or leaves everything as it was.

The writers of some formats report success on a full disk (seen with GeoJSON, KML, FlatGeobuf and
GeoPackage, GDAL 3.6). So a file is written into a folder beside the target, read back, and only then moved
into its place.

All that needs the layer and the project is done first, in the GUI thread and quickly; the rest needs neither.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsGeometry,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..errors import FormatUnavailable, SaveCancelled, WriteFailed
from ..layers import Status
from ..reprojection import LONLAT
from .dbf import FittedLayer, fit_to_dbf, is_whole_dbf
from .export_format import ExportFormat
from .layer_snapshot import LayerSnapshot
from .save_target import SaveTarget, check_room, folder_beside, os_errors
from .saved_style import UNSTYLED, write_style


@dataclass(frozen=True)
class SavedFiles:
    """What was saved, and what the format could not hold."""

    path: Path
    uri: str
    """Opens the saved layer with QGIS's ``ogr`` provider."""
    feature_count: int
    shortened: dict[str, int] = field(default_factory=dict)
    """Field of the layer -> number of values that were cut."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Field of the layer -> its name in the file, where they differ."""


@dataclass(frozen=True)
class PreparedSave:
    """What is to be written, and where; no longer tied to the layer."""

    target: SaveTarget
    snapshot: LayerSnapshot

    def write(self, gives_up: Callable[[], bool] = lambda: False) -> SavedFiles:
        """Writes the files; in any thread, and once.

        Args:
            gives_up: asked between the steps.

        Raises:
            SaveCancelled: ``gives_up`` said so.
            TargetExists: files that were not there when the save was prepared.
            ExportError: another of its children. In each case nothing has changed.
        """
        with os_errors(self.target):
            fitted = self._fitted_features()
            with folder_beside(self.target) as folder:
                _go_on_unless(gives_up)
                _write_features(self, fitted.features, folder)
                _go_on_unless(gives_up)
                write_style(self.target, self.snapshot.style, folder)
                _go_on_unless(gives_up)
                self.target.put_in_place(folder)
        count = len(self.snapshot.features)
        return SavedFiles(self.target.path, self.target.uri, count, fitted.shortened, fitted.renamed)

    def _fitted_features(self) -> FittedLayer:
        changes_crs = self.target.format.forces_wgs84
        features = self.snapshot.to_layer(bends_edges=changes_crs and self.snapshot.crs != _wgs84())
        return fit_to_dbf(features) if self.target.format is ExportFormat.SHAPEFILE else FittedLayer(features)


def prepare_save(
    layer: QgsVectorLayer,
    path: str | Path,
    format: ExportFormat,
    *,
    status: Status | None = None,
    overwrite: bool = False,
) -> PreparedSave:
    """Takes the features as they are seen, uncommitted edits included, with style and provenance.

    For the GUI thread. What happens to the layer or the project afterwards does not change what is written.

    Args:
        layer: stays as it is, whatever happens.
        path: gets the format's extension if it has another.
        format: a GeoPackage keeps its other tables, and gets one of the layer's name.
        status: takes only the proposals of that status.
        overwrite: replaces what is there.

    Raises:
        TargetExists: ``files`` would be replaced; of a GeoPackage only ``table``, if it is in ``tables``.
        TargetInUse: by ``layers`` of the project, or by another program if there are none.
        NothingToSave: no proposal has the status.
        ExportError: another of its children.
    """
    target = SaveTarget.at(Path(path), format, layer.name(), overwrite)
    with os_errors(target):
        target.check()
    return PreparedSave(target, LayerSnapshot.of(layer, status))


def _go_on_unless(gives_up: Callable[[], bool]) -> None:
    if gives_up():
        raise SaveCancelled("given up")


def _wgs84() -> QgsCoordinateReferenceSystem:
    return QgsCoordinateReferenceSystem(LONLAT)


def _write_features(save: PreparedSave, features: QgsVectorLayer, folder: Path) -> None:
    target = save.target
    draft = folder / target.path.name
    if target.is_package and target.path.exists():
        shutil.copyfile(target.path, draft)
    message = _write_draft(save, features, draft) or _write_metadata(save, folder)
    if message or not _is_whole(target, features, folder):
        check_room(folder)
        raise WriteFailed("\n".join(message.splitlines()[:3]), path=str(target.path))


def _write_draft(save: PreparedSave, features: QgsVectorLayer, draft: Path) -> str:
    """Writes feature by feature, and returns what the driver complains about.

    QGIS's function for whole layers asks the project, which only the GUI thread may.
    """
    crs = _wgs84() if save.target.format.forces_wgs84 else features.crs()
    context = save.snapshot.transform_context
    to_target = QgsCoordinateTransform(features.crs(), crs, context)
    options = _writer_options(save.target, draft)
    writer = QgsVectorFileWriter.create(
        str(draft), features.fields(), features.wkbType(), crs, context, options
    )
    try:
        if writer.hasError() == QgsVectorFileWriter.WriterError.ErrDriverNotFound:
            raise FormatUnavailable(writer.errorMessage(), format=save.target.format.title)
        if writer.hasError() == QgsVectorFileWriter.WriterError.NoError:
            _add_all(features, to_target, writer)
        return writer.errorMessage()
    finally:
        del writer  # closes the file


def _add_all(
    features: QgsVectorLayer, to_target: QgsCoordinateTransform, writer: QgsVectorFileWriter
) -> None:
    for feature in features.dataProvider().getFeatures():
        _move(feature, to_target)
        if not writer.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            return  # the writer knows why
    writer.flushBuffer()


def _move(feature: QgsFeature, to_target: QgsCoordinateTransform) -> None:
    shape = feature.geometry()
    if to_target.isShortCircuited() or shape.isNull():
        return
    try:
        outcome = shape.transform(to_target)
    except QgsCsException as error:
        raise WriteFailed(str(error)) from error
    if outcome != QgsGeometry.OperationResult.Success or not shape.boundingBox().isFinite():
        raise WriteFailed("a shape has no place in the target CRS", fid=feature.id())
    feature.setGeometry(shape)


def _writer_options(target: SaveTarget, draft: Path) -> QgsVectorFileWriter.SaveVectorOptions:
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = target.format.driver
    options.fileEncoding = "UTF-8"
    options.layerName = target.table
    if draft.exists():
        options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    if target.format is ExportFormat.GEOJSON:
        options.layerOptions = ["RFC7946=YES"]
    return options


def _write_metadata(save: PreparedSave, folder: Path) -> str:
    """Returns what the provider complains about."""
    registry = QgsProviderRegistry.instance()
    _, message = registry.saveLayerMetadata("ogr", save.target.uri_in(folder), save.snapshot.metadata)
    return message


def _is_whole(target: SaveTarget, features: QgsVectorLayer, folder: Path) -> bool:
    """Whether every feature can be read back, and the metadata."""
    # QGIS does not notice when a metadata file breaks off.
    if not all(file.read_bytes().rstrip().endswith(b"</qgis>") for file in folder.glob("*.qmd")):
        return False
    written = QgsVectorLayer(target.uri_in(folder), target.table, "ogr", UNSTYLED)
    if not written.isValid():
        # A KML file without features is a document without layers.
        return target.format is ExportFormat.KML and features.featureCount() == 0
    if target.format.forces_wgs84:
        # A text that is cut off does not open, so that counting will do, and reading it again is slow.
        return written.featureCount() == features.featureCount()
    if target.format is ExportFormat.SHAPEFILE and not is_whole_dbf(folder / f"{target.path.stem}.dbf"):
        return False
    return _count_geometries(written) == _count_geometries(features)


def _count_geometries(layer: QgsVectorLayer) -> int:
    """Those with an extent: a missing shape comes back as an empty one from some formats."""
    features = layer.getFeatures(QgsFeatureRequest().setNoAttributes())
    return sum(feature.hasGeometry() and not feature.geometry().isEmpty() for feature in features)
