# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong on the QGIS side; ``ui`` makes the sentences from the class and its values.

PluginError
├── ChipError               no picture can be made of the area
│   ├── EmptyExtent         the area has no width or no height
│   ├── RenderFailed        QGIS could not draw the map
│   ├── BlankChip           nothing to see in the picture
│   ├── SourceUnreadable    a raster layer gives no pixels
│   ├── CrsUnknown          no coordinate reference system, or one that is of no use here
│   ├── NoUtmZone           the area lies outside the UTM zones
│   ├── SelectionTooLarge   more features are selected than are made into an area
│   ├── AoiTooLarge         the area needs more chips than one run takes
│   ├── ImageGone           a chosen layer, map theme or capture is no longer there
│   ├── SameImages          two images of one question are the same
│   └── MixedImages         the images of one question are of different kinds
├── LayerError              a result layer cannot be made or filled
│   ├── LayerRejected       QGIS would not make the layer
│   ├── FeaturesRejected    QGIS would not take all the features
│   ├── LayerRemoved        the user took the layer away while it was being filled
│   ├── StyleRejected       a style file would not load
│   ├── ValuesRejected      a layer takes no measured values or decisions, or holds no proposals
│   └── RecordInvalid       the record of a run in a layer's metadata is damaged
├── ExportError             a layer could not be saved; the layer and any older file are untouched
│   ├── NothingToSave       no proposal has the status that was asked for
│   ├── TargetExists        a file is there and replacing it was not allowed
│   ├── TargetNotWritable   the folder or the file does not allow writing
│   ├── TargetInUse         a layer of the project reads from the file, or another program locks it
│   ├── DiskFull            no room for the file
│   ├── FormatUnavailable   this GDAL has no driver for the format
│   ├── SaveCancelled       the user gave up
│   └── WriteFailed         the driver gave up for another reason
├── ScanError               a scan cannot go on
│   ├── ScanDiffers         its file holds another scan
│   └── JournalUnusable     its file is none of a scan, or cannot be written
├── RasterUnusable          a raster layer cannot be measured
├── TargetUnknown           no model here looks for that
├── MapToolError            a tool over the map cannot do what a model asked of it
├── ModelUnusable           a folder holds no model that can be run
├── ModelNotRemoved         a downloaded model cannot be deleted
├── RemoteUnusable          a server cannot be asked as it is set up
├── ProjectClosed           another project was opened in the middle of a run
├── RunCancelled            the user gave up while a thread waited for the worker
└── WorkerError             the worker process
    ├── RuntimeNotFound     no usable Python interpreter
    ├── RuntimeFailed       no runtime could be prepared; the one in use is untouched
    ├── WorkerFailed        it lives, but could not do what was asked
    ├── OtherContract       the model it loaded is of another kind than the run was made for
    └── WorkerCrashed       it ended by itself
"""

from __future__ import annotations

from typing import Any


class PluginError(Exception):
    """Base of all errors raised in ``gis``; ``values`` say what it is about."""

    def __init__(self, message: str = "", **values: Any) -> None:
        super().__init__(message)
        self.values = values

    def __str__(self) -> str:
        """The message, or the class, then the values: for logs, not for people."""
        values = ", ".join(f"{key}={value!r}" for key, value in self.values.items())
        message = super().__str__() or type(self).__name__
        return f"{message} ({values})" if values else message


class ChipError(PluginError):
    """No chip can be made of the area."""


class EmptyExtent(ChipError):
    """The area has no width or no height."""


class RenderFailed(ChipError):
    """QGIS could not draw the map."""


class BlankChip(ChipError):
    """The picture shows no data."""


class SourceUnreadable(ChipError):
    """A raster layer gives no pixels here."""


class CrsUnknown(ChipError):
    """There is no coordinate reference system, or one that cannot be measured in or reached."""


class NoUtmZone(ChipError):
    """The area lies outside the UTM zones."""


class SelectionTooLarge(ChipError):
    """More features are selected than are made into an area."""


class AoiTooLarge(ChipError):
    """The area needs more chips than one run takes."""


class ImageGone(ChipError):
    """What was chosen as an image, or a layer of it, ``name``, is no longer there."""


class SameImages(ChipError):
    """Images that are to be compared are one and the same."""


class MixedImages(ChipError):
    """One image of a question is as shown, another training grade: their grids differ."""


class LayerError(PluginError):
    """A result layer cannot be made or filled."""


class LayerRejected(LayerError):
    """QGIS would not make the layer as asked."""


class FeaturesRejected(LayerError):
    """QGIS would not take all of the features."""


class LayerRemoved(LayerError):
    """The user took a result layer away while it was being filled."""


class StyleRejected(LayerError):
    """A style file would not load."""


class ValuesRejected(LayerError):
    """A layer takes no values in its edit buffer, or holds no proposals that they could be about."""


class RecordInvalid(LayerError):
    """The record of a run in a layer's metadata is damaged."""


class ExportError(PluginError):
    """A layer could not be saved; the layer and any older file are as they were."""


class NothingToSave(ExportError):
    """No proposal of the layer has the ``status``."""


class TargetExists(ExportError):
    """A file is there already and replacing it was not allowed."""


class TargetNotWritable(ExportError):
    """The folder or the file does not allow writing."""


class TargetInUse(ExportError):
    """A layer of the project reads from the file, or another program locks it."""


class DiskFull(ExportError):
    """There is no room for the file."""


class FormatUnavailable(ExportError):
    """This GDAL has no driver for the format."""


class SaveCancelled(ExportError):
    """The user gave up."""


class WriteFailed(ExportError):
    """The driver gave up for a reason it put in words of its own."""


class ScanError(PluginError):
    """A scan cannot begin or go on; what its file holds stays."""


class ScanDiffers(ScanError):
    """The file holds another scan: ``differences`` as of ``ScanSettings``."""


class JournalUnusable(ScanError):
    """The file cannot be used: ``reason`` is ``no scan``, ``locked``, ``full`` or ``broken``."""


class RasterUnusable(PluginError):
    """``layer`` cannot be measured: ``reason`` is ``provider``, ``crs``, ``place`` or ``pixels``."""


class TargetUnknown(PluginError):
    """No model here was trained to look for a target; ``known`` are the names of those that it looks for."""


class MapToolError(PluginError):
    """A tool over the map cannot do what a model asked of it: the message says why, without paths."""


class ModelUnusable(PluginError):
    """The folder ``path`` holds no model that can be run: ``reason`` of ``check_model_folder``, or
    ``no folder``, ``unreadable``, or ``half`` for a download that is not complete.
    """


class ModelNotRemoved(PluginError):
    """The files at ``path`` are no download of ours, or another program has them open."""


class RemoteUnusable(PluginError):
    """The server that is to answer cannot be asked: ``reason`` is ``address``, ``offline``, ``insecure``
    (a login would travel readable), or, of the login, ``gone``, ``locked``, ``kind`` or ``letters``.
    """


class ProjectClosed(PluginError):
    """The project that a run was about was closed before its end."""


class RunCancelled(PluginError):
    """The user gave up while a thread waited for the worker."""


class WorkerError(PluginError):
    """The worker process cannot be used."""


class RuntimeNotFound(WorkerError):
    """There is no usable Python interpreter to run the worker with."""


class RuntimeFailed(WorkerError):
    """A runtime could not be prepared: ``reason`` is the value of a ``Fault``, ``log`` the last lines."""


class WorkerFailed(WorkerError):
    """The worker answered with an error: ``code`` as in ``model_backend/errors.py``, and its ``detail``."""

    @classmethod
    def told(cls, body: dict[str, Any]) -> WorkerFailed:
        """From the ``body`` of an ``error`` message."""
        reason = body["values"].get("reason", "")
        return cls(code=body["code"], detail=body["message"], reason=reason)


class OtherContract(WorkerError):
    """The loaded model has the contract ``found``, and the run was made for ``expected``."""


class WorkerCrashed(WorkerError):
    """The worker ended by itself."""
