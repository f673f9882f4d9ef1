"""What a scan costs beside the model: merging, in the worker's Python; the journal, in QGIS's.

``python -m tests.bench.scan merging [COUNT ...]`` or ``python -m tests.bench.scan journal [COLUMNS ROWS]``.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

COUNTS = (100_000, 1_000_000)
BOXES_A_CHIP = 3


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def merging(*counts: str) -> None:
    print("| proposals | seconds | of a core | of which reading | merged | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for count in map(int, counts) if counts else COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            print(in_child(measured_merge, Path(folder) / "scan.gpkg", count), flush=True)


def in_child(work, *arguments) -> str:
    """Its answer, from a process of its own, so that each peak is its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, work(*arguments).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


def measured_merge(package: Path, count: int) -> str:
    from model_backend.georeference.proposal_table import merged_pairs, read_proposals
    from model_backend.request import MergeRequest

    in_child(write_proposals, package, count)
    started = process_time()
    read_proposals(package)
    reading, started, begin = process_time() - started, process_time(), perf_counter()
    merged = sum(len(pairs) for pairs in merged_pairs(MergeRequest(str(package))))
    seconds, core = perf_counter() - begin, process_time() - started
    return f"| {count:,} | {seconds:.1f} | {core:.1f} | {reading:.1f} | {merged:,} | {peak_mib():.0f} |"


def write_proposals(package: Path, count: int) -> str:
    """Every second one a slightly other view of the one before, slanted as UTM is in degrees."""
    import numpy as np
    import pyogrio
    import shapely

    dice, half = np.random.default_rng(0), count // 2
    x, y = dice.uniform(0, 300 * np.sqrt(count), (2, half))
    w, h = dice.uniform(30, 300, (2, half))
    x, y, w, h = (np.concatenate([of, of + dice.normal(0, 8, half)]) for of in (x, y, w, h))
    w, h = np.maximum(w, 20), np.maximum(h, 20)
    lean = 0.01
    corners = [(x, y), (x + w, y + lean * w), (x + w - lean * h, y + lean * w + h), (x - lean * h, y + h)]
    shapes = shapely.polygons(np.stack([np.stack(corner, axis=1) for corner in corners], axis=1))
    labels = np.array([f"class {at}" for at in np.tile(np.arange(half) % 9, 2)], object)
    chips = np.array([f"{at // 20}-{at // half}" for at in range(len(shapes))], object)
    columns = [labels, dice.uniform(0, 1, len(shapes)), chips, np.full(len(shapes), "pending", object)]
    names = ["label", "score", "chip_id", "status"]
    form = {"layer": "proposals", "driver": "GPKG", "geometry_type": "MultiPolygon", "crs": "EPSG:32604"}
    pyogrio.raw.write(package, shapely.to_wkb(shapes), columns, names, promote_to_multi=True, **form)
    return ""


def journal(columns: str = "100", rows: str = "100") -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import conftest  # noqa: F401 - knows the plugin folder as ``lspace``
    from lspace.gis.scan.journal import Journal
    from qgis.core import QgsApplication
    from scan_file import CONTEXT, grid_of, outcome_of, settings_for

    application = QgsApplication([], False)
    application.initQgis()
    settings = settings_for(int(columns), int(rows))
    with tempfile.TemporaryDirectory() as folder:
        seconds = {}
        started = perf_counter()
        opened = Journal.at(Path(folder) / "scan.gpkg", settings)
        seconds["file made"] = perf_counter() - started
        opened.plan(grid_of(settings), CONTEXT)
        seconds["grid planned"] = perf_counter() - started
        before, count, of_a_core = peak_mib(), 0, process_time()
        while cells := opened.waiting():
            for cell in cells:
                opened.record(cell.index, outcome_of(cell.index, settings.run, BOXES_A_CHIP))
            count += len(cells)
        seconds["all recorded"] = perf_counter() - started
        of_a_core = 1000 * (process_time() - of_a_core) / count
        opened.close()
    for name, value in seconds.items():
        print(f"{name}: {value:.2f} s")
    recording = 1000 * (seconds["all recorded"] - seconds["grid planned"]) / count
    print(f"{count} chips, {recording:.2f} ms each, {of_a_core:.2f} ms of a core")
    print(f"memory grew by {peak_mib() - before:.1f} MiB")


if __name__ == "__main__":
    {"merging": merging, "journal": journal}[sys.argv[1]](*sys.argv[2:])
