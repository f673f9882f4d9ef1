"""Processes of this machine."""

from __future__ import annotations

from pathlib import Path


def is_running(process_id: int) -> bool:
    """Whether a process still does something; one that has ended and is not yet waited for does not."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().split()[2] != "Z"
    except OSError:  # it can go between the opening and the reading
        return False
