# SPDX-License-Identifier: GPL-2.0-or-later
"""How far pip is, read from its lines: bytes, where it tells them."""

from __future__ import annotations

import re

_MB = 1e6
_SIZES = {"bytes": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}
_FILE = re.compile(r"\s*(?P<verb>Downloading|Using cached) (?P<name>\S+) \((?P<size>[\d.]+) (?P<unit>\w+)\)")
_BYTES = re.compile(r"Progress (?P<done>\d+) of (?P<total>\d+)")
_INSTALLING = re.compile(r"Installing collected packages: (?P<names>.*)")


class PipProgress:
    """Adds up what has arrived against what is expected in all."""

    def __init__(self, expected_mb: int) -> None:
        """``expected_mb`` 0 means that nobody knows, or that nothing is downloaded."""
        self._expected = expected_mb * _MB
        self._before = self._current = self._size = 0.0
        self.detail = ""
        """The file or the packages that pip is busy with."""
        self.is_installing = False
        """Whether everything has arrived."""

    @property
    def share(self) -> float | None:
        """Of the download, 0 to 1; None where it cannot be told."""
        if not self._expected:
            return None
        return min(1.0, (self._before + self._current) / self._expected)

    def take(self, line: str) -> bool:
        """Whether the line was for us alone, and is nothing for a log."""
        step = _BYTES.match(line)
        if step:
            self._current = float(step["done"])
            return True
        file = _FILE.match(line)
        if file:
            self._take_file(file)
        installing = _INSTALLING.match(line)
        if installing:
            self._count_file()
            self.is_installing = True
            self.detail = installing["names"]
        return False

    def _take_file(self, file: re.Match[str]) -> None:
        self._count_file()
        self._size = float(file["size"]) * _SIZES.get(file["unit"], 0)
        self.detail = f"{file['name']} ({file['size']} {file['unit']})"
        if file["verb"] == "Using cached":
            self._count_file()

    def _count_file(self) -> None:
        """The last one has arrived; of small ones pip tells no bytes."""
        self._before += self._size
        self._current = self._size = 0.0
