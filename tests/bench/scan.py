"""What a scan costs beside the model, and what it gains by asking about several pictures at once.

``python -m tests.bench.scan PART``. In the worker's Python: ``merging [COUNT ...]``, ``engine FOLDER``; in
QGIS's: ``journal [COLUMNS ROWS]``, ``whole [COLUMNS ROWS]``, ``kills``. Each prints Markdown, and writes its
figures into ``bench-out/scan.json``.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from .job import CAPTIONED, ROOT, chip

OUT = ROOT / "bench-out" / "scan.json"
COUNTS = (100_000, 1_000_000)
BOXES_A_CHIP = 3
PLACES, BATCH = 50, 8
KILLS = ROOT / "tests" / "gis" / "test_scan_killed.py"


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def keep(part: str, figures: list[dict] | dict) -> None:
    """Beside those of the other parts."""
    known = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({**known, part: figures}, indent=1), encoding="utf-8")


def merging(*counts: str) -> None:
    print("| proposals | seconds | of a core | of which reading | merged | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    measured = []
    for count in map(int, counts) if counts else COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            one = json.loads(in_child(measured_merge, Path(folder) / "scan.gpkg", count))
        measured.append(one)
        shown = [f"{value:,}" if isinstance(value, int) else f"{value:.1f}" for value in one.values()]
        print(f"| {' | '.join(shown)} |", flush=True)
    keep("merging", measured)


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
    figures = {"proposals": count, "seconds": seconds, "core_s": core, "reading_s": reading}
    return json.dumps({**figures, "merged": merged, "peak_mib": round(peak_mib())})


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
    grown = peak_mib() - before
    print(f"memory grew by {grown:.1f} MiB")
    keep("journal", {"chips": count, "ms_a_chip": recording, "core_ms_a_chip": of_a_core, "grown_mib": grown})


def whole(columns: str = "100", rows: str = "100") -> None:
    """Peaks are those of this process and of the worker's; the raster and the grid are in the first."""
    from qgis.core import QgsApplication

    from .instant_scan import scanned

    application = QgsApplication([], False)
    application.initQgis()
    figures = scanned(int(columns), int(rows))
    figures["ms_a_chip"] = 1000 * figures["scanning_s"] / figures["chips"]
    figures["peak_mib"] = peak_mib()
    figures["worker_peak_mib"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    keep("whole", figures)
    print(
        f"{figures['chips']} chips with an instant engine: {figures['ms_a_chip']:.1f} ms each; of "
        f"{figures['proposals']} proposals {figures['merged']} merged in {figures['merging_s']:.1f} s; peak "
        f"memory {figures['peak_mib']:.0f} MiB, the worker's {figures['worker_peak_mib']:.0f} MiB"
    )


def engine(folder: str, precision: str = "q8") -> None:
    """Captions of many chips, as a scan asks for them and one after the other."""
    from .ours import Ours

    ours = Ours(Path(folder), precision, "cpu", Path(folder).parent)
    ours.ask(chip(CAPTIONED.side_px, 0), CAPTIONED.question, 2)
    chips = [chip(CAPTIONED.side_px, place) for place in range(1, PLACES + 1)]
    seconds = {1: 0.0, BATCH: 0.0}
    for start in range(0, PLACES, BATCH):  # in turns, so that a busy moment hits both
        places = chips[start : start + BATCH]
        for size in seconds:
            ours.forget()
            for place in range(0, len(places), size):
                seconds[size] += ours.ask_batch(places[place : place + size], CAPTIONED.tokens)
    alone, together = 60 * PLACES / seconds[1], 60 * PLACES / seconds[BATCH]
    keep("engine", {"chips": PLACES, "alone_a_minute": alone, "batch": BATCH, "together_a_minute": together})
    print(
        f"{PLACES} chips, captions of {CAPTIONED.tokens} tokens, {precision}: {together:.1f} a minute in "
        f"batches of {BATCH}, {alone:.1f} one by one, {together / alone:.1f} times as many"
    )


def kills() -> None:
    """Whether nothing is lost or doubled by them, as the test has it."""
    command = [sys.executable, "-m", "pytest", "-q", str(KILLS)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    ended = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, cwd=ROOT, check=False)
    passed = ended.returncode == 0
    keep("kills", {"kills": 20, "nothing_lost_or_doubled": passed})
    print(f"20 kills: {'nothing lost, nothing doubled' if passed else 'FAILED'} ({KILLS.name})")


if __name__ == "__main__":
    parts = {"merging": merging, "journal": journal, "whole": whole, "engine": engine, "kills": kills}
    parts[sys.argv[1]](*sys.argv[2:])
