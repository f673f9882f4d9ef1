"""``python -m tests.bench.making MODE FOLDER CACHE``: makes the fast engine's graphs; prints JSON.

In a process of its own, whose memory is not that of daily use.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter

from model_backend.inference.fast.store import prepared


def main(arguments: list[str]) -> None:
    mode, folder, cache = arguments[0], Path(arguments[1]), Path(arguments[2])
    began = perf_counter()
    place = prepared(folder, mode, cache)
    seconds = perf_counter() - began
    size = sum(file.stat().st_size for file in place.iterdir())
    print(json.dumps({"seconds": seconds, "mib": size / 2**20}))


if __name__ == "__main__":
    main(sys.argv[1:])
