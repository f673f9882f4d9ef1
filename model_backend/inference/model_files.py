# SPDX-License-Identifier: GPL-2.0-or-later
"""A checkpoint's settings, and what is told where its files are broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ModelInvalid

_BROKEN: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
)
"""What comes of settings that are not there, or of another kind or size than they have to be."""


def read_settings(file: Path) -> dict[str, Any]:
    """The object that a JSON file holds."""
    return dict(json.loads(file.read_text(encoding="utf-8")))


def settings_if_there(file: Path) -> dict[str, Any]:
    """As ``read_settings``; none where there is no such file."""
    return read_settings(file) if file.is_file() else {}


@contextmanager
def reporting_broken_files(folder: Path, *others: type[Exception]) -> Iterator[None]:
    """Raises ModelInvalid for what reading broken files of a checkpoint ends with, ``others`` among it."""
    try:
        yield
    except (*_BROKEN, *others) as error:
        raise ModelInvalid(f"{folder.name} cannot be read: {error}", folder=str(folder)) from error
