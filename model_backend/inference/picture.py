# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures as a model is shown them: 8-bit RGB in memory."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from PIL import Image

from ..errors import RequestError

# Pillow lets each of these out of a broken file
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def read_picture(
    source: Path | BinaryIO, name: str, formats: list[str] | None = None, size: tuple[int, int] | None = None
) -> Image.Image:
    """The picture in a file or in memory.

    Args:
        name: what to call the picture where something is wrong with it.
        formats: those that are read, as Pillow names them; None for all.
        size: width and height that it has to have.

    Raises:
        RequestError: not a readable picture, or not of that size.
    """
    try:
        picture = Image.open(source, formats=formats)
        if size is not None and picture.size != size:
            raise RequestError(f"{name} should have {size} pixels, has {picture.size}")
        return picture.convert("RGB")
    except _UNREADABLE as error:
        raise RequestError(f"{name} is not a readable picture: {error}") from error
