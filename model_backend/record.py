# SPDX-License-Identifier: GPL-2.0-or-later
"""Records (frozen dataclasses) read from the JSON values of a request, or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, TypeVar

from .errors import GeoreferenceError, RequestError

_Record = TypeVar("_Record")
Readers = Mapping[str, Callable[[Any], Any]]

_JSON_TYPES = {"str": (str,), "int": (int,), "float": (float, int), "bool": (bool,), "None": (type(None),)}


def read_record(record: type[_Record], payload: Any, readers: Readers = MappingProxyType({})) -> _Record:
    """Reads a payload field by field.

    Args:
        readers: by name, for the fields whose type is not one of JSON's own; they say what is wrong with
            TypeError, ValueError, OverflowError or GeoreferenceError.

    Raises:
        RequestError: not an object, or a field that is unknown, missing or of the wrong type.
    """
    if not isinstance(payload, dict):
        raise RequestError(f"{record.__name__} has to be an object, not {_shown(payload)}")
    annotations = {field.name: str(field.type) for field in fields(record)}  # type: ignore[arg-type]
    unknown = sorted(set(payload) - set(annotations))
    if unknown:
        raise RequestError(f"unknown fields of {record.__name__}: {_shown(unknown)}")
    values = {}
    for name, value in payload.items():
        try:
            values[name] = readers[name](value) if name in readers else _plain(value, annotations[name])
        except (TypeError, ValueError, OverflowError, GeoreferenceError) as error:
            raise RequestError(f"{name} of {record.__name__}: {error}") from error
    try:
        return record(**values)
    except TypeError as error:  # names what is missing
        raise RequestError(str(error)) from error


def number(value: Any) -> float:
    """The value if it is a number."""
    return float(_plain(value, "float"))


def strings(values: Any) -> tuple[str, ...]:
    """The values if they are a list of strings."""
    if not isinstance(values, list):
        raise TypeError(f"has to be a list, not {_shown(values)}")
    return tuple(str(_plain(value, "str")) for value in values)


def string_map(values: Any) -> dict[str, str]:
    """The values if they are an object of strings."""
    if not isinstance(values, dict):
        raise TypeError(f"has to be an object, not {_shown(values)}")
    return {str(_plain(name, "str")): str(_plain(value, "str")) for name, value in values.items()}


def _plain(value: Any, annotation: str) -> Any:
    allowed = [json_type for name in annotation.split(" | ") for json_type in _JSON_TYPES[name]]
    if type(value) not in allowed:  # bool is an int to isinstance
        raise TypeError(f"has to be {annotation}, not {_shown(value)}")
    return float(value) if annotation == "float" else value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
