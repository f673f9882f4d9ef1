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
from dataclasses import asdict
from pathlib import Path

from model_backend.inference.looking import KEPT_BYTES

from ..servers.llama_cpp import VERSION
from . import llama_cpp
from .figures import FAST, TITLES, Figures, Results
from .goal import goal_table
from .job import CAPTIONED, ROOT
from .machine import machine
from .one_way import SLOW_REPEATS, SLOW_TOKENS
from .table import figure_table
from .worker_trip import worker_trip

OUT = ROOT / "bench-out" / "engine.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.add_argument("folder", type=Path, help="checkpoint of the full size")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=TITLES, default=ways_here(), help="engines to time")
    options = parser.parse_args()
    before = os.getloadavg()
    for weights in options.folder.glob("*.safetensors"):
        warm(weights)
    with tempfile.TemporaryDirectory(dir=options.folder.parent, prefix="bench-") as cache:
        results = Results({way: measured(way, options, Path(cache)) for way in options.ways})
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
    missing = {"llama-q4"} if not llama_cpp.is_prepared() else set()
    has_card = shutil.which("nvidia-smi") is not None
    return [way for way in TITLES if way not in missing and (has_card or not way.endswith("-cuda"))]


def measured(way: str, options: argparse.Namespace, cache: Path) -> Figures:
    """Each engine in a process of its own, its graphs made before."""
    print(f"measuring {TITLES[way]} ...", file=sys.stderr)
    load, mode = os.getloadavg()[0], way.rpartition("-")[2]
    repeats = f"{options.repeats}"
    if way == "llama-q4":
        threads = f"{len(os.sched_getaffinity(0))}"
        return Figures(**told("llama_cpp", "measure", options.folder, threads, repeats), load_average=load)
    made = told("making", mode, options.folder, cache) if way in FAST else None
    figures = Figures(**told("one_way", way, options.folder, cache, repeats), load_average=load)
    if made is not None:
        figures.seconds["making"], figures.disk_mib = [made["seconds"]], made["mib"]
        for repeat in range(options.repeats):
            trip = worker_trip(options.folder, mode, cache, CAPTIONED.tokens, repeat)
            for leg, seconds in trip.items():
                figures.seconds.setdefault(leg, []).append(seconds)
    return figures


def told(module: str, *arguments: object) -> dict:
    """What one of the neighbouring programs prints."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


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
        "Each engine in a process of its own, on the same pictures with the same words, greedily; LSpace "
        "holds lists of boxes to the trained form, as it does for users. Model card: its quickstart "
        "(`AutoModelForImageTextToText`, `generate`) with our picture processor, because its own needs "
        "torchvision. `~`: fewer tokens were written, and the rest is extrapolated at the same pace; in "
        f"bfloat16 from {SLOW_REPEATS} answers of {SLOW_TOKENS}. Ten quickstart calls are always added up "
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
