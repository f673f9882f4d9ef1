# SPDX-License-Identifier: GPL-2.0-or-later
"""A layer as a table of a GeoPackage that others may be reading; every feature keeps its id."""

from __future__ import annotations

import os
from pathlib import Path

from osgeo import gdal
from qgis.core import (
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..errors import WriteFailed
from ..imaging.gdal_file import gdal_errors_as
from ..layers import make_field
from .export_format import ExportFormat
from .save_target import SaveTarget, check_room, flush, folder_beside, os_errors
from .saved_style import UNSTYLED


def write_table(layer: QgsVectorLayer, package: Path, table: str) -> str:
    """Writes the features as they are seen, uncommitted edits included; returns what opens them with ``ogr``.

    For the GUI thread. A table of that name is replaced as a whole or stays as it was; other tables stay.
    Times of day and lists become texts, as a GeoPackage has no such fields.

    Raises:
        ExportError: nothing has changed.
    """
    target = SaveTarget(package, ExportFormat.GEOPACKAGE, table, overwrite=True)
    with os_errors(target):
        target.check_files()
        with folder_beside(target) as folder:
            _write_draft(layer, target, folder)
            flush(folder / package.name)
            if package.exists():
                _merge(target, folder)
            else:
                os.replace(folder / package.name, package)
    return target.uri


def _write_draft(layer: QgsVectorLayer, target: SaveTarget, folder: Path) -> None:
    """The table alone in a file of its own, read back."""
    fields, features = _keyed(layer)
    taken = {name.lower() for name in fields.names()}
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = target.format.driver
    options.fileEncoding = "UTF-8"
    options.layerName = target.table
    options.layerOptions = [f"FID={fields.names()[-1]}", f"GEOMETRY_NAME={_free_name('geom', taken)}"]
    draft = str(folder / target.path.name)
    context = QgsCoordinateTransformContext()
    writer = QgsVectorFileWriter.create(draft, fields, layer.wkbType(), layer.crs(), context, options)
    is_open = writer.hasError() == QgsVectorFileWriter.WriterError.NoError
    is_filled = is_open and writer.addFeatures(features, QgsFeatureSink.Flag.FastInsert)
    message = writer.errorMessage()
    del writer  # closes the file
    if not is_filled or not _has_all(target.uri_in(folder), features):
        check_room(folder)
        raise WriteFailed(message, path=str(target.path))


def _keyed(layer: QgsVectorLayer) -> tuple[QgsFields, list[QgsFeature]]:
    """The features with their id as last value; what is not committed yet gets the ids behind the others.

    Without virtual and joined fields: the project makes those anew.
    """
    fields, features = QgsFields(layer.fields()), _all_features(layer)
    origins = (QgsFields.FieldOrigin.OriginProvider, QgsFields.FieldOrigin.OriginEdit)
    made_anew = [at for at in reversed(range(fields.count())) if fields.fieldOrigin(at) not in origins]
    for column in made_anew:
        fields.remove(column)
    fields.append(make_field(_free_name("fid", {name.lower() for name in fields.names()}), int))
    last = max((feature.id() for feature in features if feature.id() > 0), default=0)
    for feature in features:
        for column in made_anew:
            feature.deleteAttribute(column)
        if feature.id() < 0:
            last += 1
            feature.setId(last)
        # the values stay where they are: having each of them pass through Python takes ten times as long
        feature.setFields(fields, False)
        feature.resizeAttributes(fields.count())
        feature.setAttribute(fields.count() - 1, feature.id())
    return fields, features


def _free_name(name: str, taken: set[str]) -> str:
    return name if name not in taken else _free_name(f"{name}_", taken)


def _all_features(layer: QgsVectorLayer) -> list[QgsFeature]:
    """Also those that a filter of the layer hides."""
    hidden_by, provider = layer.subsetString(), layer.dataProvider()
    if hidden_by and not provider.setSubsetString("", False):
        raise WriteFailed("the filter stays", layer=layer.name())
    features = list(layer.getFeatures())
    if hidden_by and not provider.setSubsetString(hidden_by, False):
        raise WriteFailed("the filter does not come back", layer=layer.name())
    return features


def _has_all(uri: str, features: list[QgsFeature]) -> bool:
    # what has no shape gets an empty one
    written, wanted = (
        {feature.id(): feature.geometry().isEmpty() for feature in each} for each in (_read(uri), features)
    )
    return written == wanted


def _merge(target: SaveTarget, folder: Path) -> None:
    """Puts the table among those of the package in one transaction: layers may be reading from it."""
    draft = folder / target.path.name
    options = gdal.VectorTranslateOptions(
        options=["-ds_transaction", "-preserve_fid"],
        accessMode="overwrite",
        layers=[target.table],
        layerName=target.table,
    )
    with gdal_errors_as(WriteFailed, path=str(target.path)):
        package = gdal.OpenEx(str(target.path), gdal.OF_VECTOR | gdal.OF_UPDATE)
        done = package is not None and gdal.VectorTranslate(package, str(draft), options=options)
        message = gdal.GetLastErrorMsg()
        done, package = bool(done), None  # closes the file
    if not done or _read(target.uri) != _read(target.uri_in(folder)):
        check_room(folder)
        raise WriteFailed(message, path=str(target.path))


def _read(uri: str) -> list[QgsFeature]:
    """Every feature in the file; none where it cannot be read."""
    layer = QgsVectorLayer(uri, "", "ogr", UNSTYLED)
    return list(layer.getFeatures()) if layer.isValid() else []
