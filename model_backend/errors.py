# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong on the model's side; each class has a code that survives the process border.

BackendError
├── ProtocolError          a line that is not a message
├── RequestError           a request that makes no sense
├── ToolRefused            a model's call of a tool that makes no sense, or is not allowed
├── RuntimePackageMissing  the interpreter lacks a package
├── ModelError
│   ├── ModelNotFound      no such folder, or not downloaded and offline
│   ├── ModelInvalid       files that do not make a model we can run
│   ├── DownloadFailed     the network or the disk gave up
│   └── ChecksumMismatch   the weights are not the pinned ones
├── DeviceError
│   └── OutOfMemory
├── RemoteFailed           a server that was to answer did not
├── GeoreferenceError      a box that cannot be placed on the map
├── RowInvalid             a row of training data that is not in the agreed form
└── Cancelled              asked to stop; not a failure
"""

from __future__ import annotations

from typing import Any


class BackendError(Exception):
    """Base of all errors that the worker reports by code."""

    code = "backend"

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.values = values

    def to_payload(self) -> dict[str, Any]:
        """The error as JSON-ready values."""
        return {"code": self.code, "message": str(self), "values": self.values}


class ProtocolError(BackendError):
    """A line could not be read as a message of this protocol version."""

    code = "protocol"


class RequestError(BackendError):
    """A request names an unknown task, option or value."""

    code = "request"


class ToolRefused(BackendError):
    """A model called a tool that there is not, or with arguments that it does not take."""

    code = "tool_refused"


class RuntimePackageMissing(BackendError):
    """The interpreter lacks a package that inference needs."""

    code = "package_missing"


class ModelError(BackendError):
    """The model could not be made ready."""

    code = "model"


class ModelNotFound(ModelError):
    """There is no model at the given folder or hub id."""

    code = "model_not_found"


class ModelInvalid(ModelError):
    """The files are there but do not make a model that we can run."""

    code = "model_invalid"


class DownloadFailed(ModelError):
    """The download broke off; what had arrived is kept for the next try."""

    code = "download_failed"


class ChecksumMismatch(ModelError):
    """The weights differ from the pinned sha256."""

    code = "checksum"


class DeviceError(BackendError):
    """The device cannot do what was asked of it."""

    code = "device"


class OutOfMemory(DeviceError):
    """The device or the machine has too little memory for the model or the chip."""

    code = "out_of_memory"


class RemoteFailed(BackendError):
    """The server at ``host`` did not answer as it should.

    ``reason`` is ``no network``, ``tls``, ``proxy login``, ``unauthorised``, ``no model``, ``too large``,
    ``refused`` (it does not take the question), ``busy``, ``failed`` (in itself), ``stalled``, ``cut`` or
    ``protocol``.
    """

    code = "remote_failed"


class GeoreferenceError(BackendError):
    """A box cannot be placed on the map without distorting it."""

    code = "georeference"


class RowInvalid(BackendError):
    """A row of training data is not in the agreed form."""

    code = "row_invalid"

    def __init__(self, reason: str, file: str | None = None, line: int | None = None) -> None:
        """``line`` counts from 1; None for the file as a whole."""
        place = [] if file is None else [file] if line is None else [f"{file}, line {line}"]
        super().__init__(": ".join([*place, reason]), file=file, line=line, reason=reason)

    def at(self, file: str, line: int) -> RowInvalid:
        """The same with its place."""
        return RowInvalid(self.values["reason"], file, line)


class Cancelled(BackendError):
    """The request was cancelled; not a failure."""

    code = "cancelled"
