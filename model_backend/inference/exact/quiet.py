# SPDX-License-Identifier: GPL-2.0-or-later
"""transformers without its chatter: fallback warnings and progress bars say nothing to our users."""

from __future__ import annotations

from transformers.utils import logging


def quiet_transformers() -> None:
    """Errors only, and no progress bars, for the whole process."""
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
