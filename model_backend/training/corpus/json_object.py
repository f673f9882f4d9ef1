# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON objects that a person wrote: read and checked, with errors that say where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import RequestError

Kind = type | tuple[type, ...]


def read_object(path: Path) -> Any:
    """The value in a JSON file; RequestError if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{path} cannot be read: {error}", path=str(path)) from error


def fields_of(entry: object, where: str, kinds: Mapping[str, Kind], *needed: str) -> dict[str, Any]:
    """The fields of an object that are not null.

    Raises:
        RequestError: not an object, or a field is missing, unknown or of the wrong kind.
    """
    if not isinstance(entry, dict):
        raise RequestError(f"{where} is not an object")
    fields = {key: value for key, value in entry.items() if value is not None}
    for key in needed:
        if key not in fields:
            raise RequestError(f"{where} lacks {key!r}")
    for key, value in fields.items():
        if key not in kinds:
            raise RequestError(f"{where} has an unknown {key!r}; known are {', '.join(kinds)}")
        if not isinstance(value, kinds[key]) or isinstance(value, bool):
            raise RequestError(f"{where}: {key!r} has the wrong kind of value: {value!r}")
    return fields
