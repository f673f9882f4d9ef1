# SPDX-License-Identifier: GPL-2.0-or-later
"""Which packages this Python has, and what to say of those that it lacks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from .errors import RuntimePackageMissing

_OF_TORCH = ("torch", "transformers", "safetensors")
"""What ``requirements.txt`` has beyond ``requirements-small.txt``."""


def has_torch() -> bool:
    """Whether the exact engine's packages are here; imports none of them."""
    return all(find_spec(name) is not None for name in _OF_TORCH)


@contextmanager
def reporting_missing_packages() -> Iterator[None]:
    """Turns what a failed import raises into RuntimePackageMissing."""
    try:
        yield
    except (ImportError, OSError) as error:  # OSError: torch without a library of the system
        package = getattr(error, "name", None) or ""
        raise RuntimePackageMissing(str(error), package=package, python=sys.executable) from error
