"""``python -m tests.bench.engine FOLDER``: how fast the engine is, beside the model card's way and llama.cpp.

Prints Markdown, and writes every repeat's seconds to ``bench-out/engine.json``. Figures are medians; nothing
is asserted, because a busy machine is no fault of the code.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from model_backend.inference.looking import KEPT_BYTES

from ..servers.llama_cpp import VERSION
from . import llama_cpp
from .figures import FAST, LLAMA, TITLES, Figures, Results
from .goal import goal_table
from .job import ROOT
from .machine import machine
from .one_way import SLOW_TOKENS
from .table import figure_table
from .turns import Turns
from .worker_trip import worker_trip

OUT = ROOT / "bench-out" / "engine.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.add_argument("folder", type=Path, help="checkpoint of the full size")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ways", nargs="+", choices=TITLES, default=ways_here(), help="engines to time")
    options = parser.parse_args()
    before = os.getloadavg()
    for weights in options.folder.glob("*.safetensors"):
        warm(weights)
    with tempfile.TemporaryDirectory(dir=options.folder.parent, prefix="bench-") as cache:
        results = measured(options, Path(cache))
    facts = {
        "machine": machine(),
        "load_average": {"before": before, "after": os.getloadavg()},
        "repeats": options.repeats,
        "ways": {way: asdict(figures) for way, figures in results.items()},
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    print(heading(results, facts), *goal_table(results), "", *figure_table(results), "", sep="\n")
    print(*notes(results), sep="\n")


def warm(file: Path) -> None:
    """Into the page cache, where the second start of a day finds it, but not into this process's memory.

    That would count as the peak of all processes which it starts.
    """
    with file.open("rb") as source, Path(os.devnull).open("wb") as nowhere:
        shutil.copyfileobj(source, nowhere)


def ways_here() -> list[str]:
    """What this machine can do."""
    missing = {LLAMA} if not llama_cpp.is_prepared() else set()
    has_card = shutil.which("nvidia-smi") is not None
    return [way for way in TITLES if way not in missing and (has_card or not way.endswith("-cuda"))]


def measured(options: argparse.Namespace, cache: Path) -> Results:
    """All engines, their graphs made before."""
    made = {way: graphs_made(way, options.folder, cache) for way in options.ways if way in FAST}
    turns = {way: started(way, options.folder, cache) for way in options.ways}
    trips = {way: defaultdict(list) for way in made}
    for repeat in range(1, options.repeats + 1):
        said(f"questions one by one, {repeat} of {options.repeats}")
        for way, each in turns.items():
            each.take("single", repeat)
            if way in made:
                add_trip(trips[way], worker_trip(options.folder, mode_of(way), cache, repeat - 1))
    others(turns, options.repeats)
    results = Results({way: Figures(**each.end()) for way, each in turns.items()})
    for way, facts in made.items():
        results[way].seconds.update(trips[way], making=[facts["seconds"]])
        results[way].disk_mib = facts["mib"]
    return results


def add_trip(trips: defaultdict[str, list[float]], trip: dict[str, float]) -> None:
    for leg, seconds in trip.items():
        trips[leg].append(seconds)


def others(turns: dict[str, Turns], repeats: int) -> None:
    """What llama.cpp is not timed at."""
    for part, words in (("together", "questions and chips side by side"), ("load", "loading")):
        for repeat in range(1, repeats + 1):
            said(f"{words}, {repeat} of {repeats}")
            for way, each in turns.items():
                if way != LLAMA:
                    each.take(part, repeat)


def graphs_made(way: str, folder: Path, cache: Path) -> dict:
    said(f"making graphs, {TITLES[way]}")
    command = [sys.executable, "-m", "tests.bench.making", mode_of(way), folder, cache]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def started(way: str, folder: Path, cache: Path) -> Turns:
    """An engine in a process of its own, loaded and warm."""
    said(f"starting {TITLES[way]}")
    if way == LLAMA:  # it loads its model anew for each answer
        return Turns("llama_cpp", "measure", len(os.sched_getaffinity(0)))
    turns = Turns("one_way", way, folder, cache)
    turns.take("start")
    return turns


def mode_of(way: str) -> str:
    return way.rpartition("-")[2]


def said(words: str) -> None:
    print(f"{words} ...", file=sys.stderr)


def heading(results: Results, facts: dict) -> str:
    named = ", ".join(f"{name} {value}" for name, value in facts["machine"].items() if name != "cpu")
    threads = ", ".join(f"{figures.threads} ({TITLES[way]})" for way, figures in results.items())
    load = facts["load_average"]["before"][0]
    return (
        f"{facts['machine']['cpu']}; {named}; threads: {threads}; medians of {facts['repeats']}; load "
        f"average {load:.1f} before the first figure; random weights of the published shapes.\n"
    )


def notes(results: Results) -> list[str]:
    lines = [
        "Each engine in a process of its own, all in memory and one at work at a time, by turns; on the same "
        "pictures with the same words, greedily. LSpace "
        "holds lists of boxes to the trained form, as it does for users. Model card: its quickstart "
        "(`AutoModelForImageTextToText`, `generate`) with our picture processor, because its own needs "
        "torchvision. `~`: fewer tokens were written, and the rest is extrapolated at the same pace; in "
        f"bfloat16 from answers of {SLOW_TOKENS}. Ten quickstart calls are always added up "
        "so. Lists of boxes are timed on pictures of which random weights write long enough ones. For a list "
        "as a trained model writes it, every pass of the network is run in full, then its likeliest token is "
        "made to be the next of a fixed list of boxes on the trained grid, so that guesses come true as they "
        "do there; the others' time is that of their 128 tokens. Peaks are "
        f"those after a few pictures; what is kept of more adds {KEPT_BYTES / 2**20:.0f} MiB at most."
    ]
    if llama_cpp.is_prepared():
        lines.append(
            f"llama.cpp: as in llama-cpp-python {VERSION}, built for this machine; weights in "
            "Q4_0, vision in float16, after its own warm-up, without loading and reading the picture."
        )
    else:
        lines.append(f"llama.cpp: not prepared (`{llama_cpp.COMMAND}`).")
    return lines


if __name__ == "__main__":
    main()
