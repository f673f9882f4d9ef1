# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a model fits into memory, said before it is loaded."""

from __future__ import annotations

from pathlib import Path

import torch

from ...main_memory import main_memory
from ...model_folder import count_parameters, stored_precisions
from ..room import check_free, check_limit
from .linear import has_kernel

# Measured on a CPU with an untrained model of lspace's size: 374 MB with the packages alone; as much more as
# the weights have, and 0.2 times float32's for four pictures of 512 px or five views at once.
_PROGRAM = 400_000_000
"""Bytes of Python with its packages."""
_AT_WORK = 0.25
"""What pictures and answers take, as a share of the weights."""
_PACKED = 3.5
"""Bytes a weight that is packed, at the most: two afterwards, and while it is packed four for its layer."""
_AT_LEAST = 64_000_000


def check_memory(folder: Path, device: str, dtype: torch.dtype, limit_mb: int | None) -> None:
    """Refuses a model that needs more than the limit, or more than is free.

    Args:
        device: as torch names it.
        limit_mb: megabytes of the card's memory on CUDA, else of the main memory; None for no limit.

    Raises:
        OutOfMemory: with ``needed`` and ``free`` or ``limit`` in bytes.
        ModelInvalid: the folder's weights cannot be read.
    """
    count = count_parameters(folder)
    weights = count * dtype.itemsize
    is_packed = device == "cpu" and dtype == torch.float32 and has_kernel() and _is_short(folder)
    needed = int(count * _PACKED if is_packed else weights * (1 + _AT_WORK)) + _AT_LEAST
    on_card = device.startswith("cuda")
    check_limit(needed + (0 if on_card else _PROGRAM), limit_mb)
    memory = main_memory()
    if memory is not None:  # on their way to a card the weights pass through here
        check_free(weights if on_card else needed, memory.available, "main memory")
    if on_card:
        torch.cuda.empty_cache()  # what a former model left counts as taken
        check_free(needed, torch.cuda.mem_get_info(device)[0], "the card's memory")


def _is_short(folder: Path) -> bool:
    """Whether the weights are written in 16 bits, which packing keeps."""
    return stored_precisions(folder) in ({"BF16"}, {"F16"})
