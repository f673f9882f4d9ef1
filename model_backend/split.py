# SPDX-License-Identifier: GPL-2.0-or-later
"""Which rows of training data are held out: whole locations, so that no ground is both learned and tested."""

from __future__ import annotations

import hashlib


def split_of(location: str) -> str:
    """``train``, ``validation`` or ``test``: of ten locations eight, one and one, as in training."""
    tenth = int(hashlib.sha256(location.encode()).hexdigest()[:16], 16) % 10
    return "train" if tenth < 8 else "validation" if tenth == 8 else "test"
