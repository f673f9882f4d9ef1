"""``python -m tests.bench.engine FOLDER``: how fast the engine is, beside the model card's own way.

Prints Markdown. Figures are medians; nothing is asserted, because a busy machine is no fault of the code.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from .worker_trip import worker_trip

OURS = ("ours-float32", "ours-q8", "ours-q4")
SLOW_TOKENS, SLOW_REPEATS = 8, 2
"""For the card's bfloat16, of which a whole answer would take minutes on most CPUs."""
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}


@dataclass(frozen=True)
class Way:
    """One engine's medians, in seconds but for ``rate`` and ``memory``."""

    title: str
    medians: dict[str, float]
    extrapolated: bool
    threads: int

    def cell(self, key: str, digits: int) -> str:
        mark = " (extrapolated)" if key == "answer" and self.extrapolated else ""
        return f"{self.medians[key]:.{digits}f}{mark}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.add_argument("folder", type=Path, help="checkpoint of the full size")
    parser.add_argument("--tokens", type=int, default=64, help="length of an answer")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    for weights in options.folder.glob("*.safetensors"):
        weights.read_bytes()  # all find the file in the page cache, as the second start of a day does
    slow = min(SLOW_TOKENS, options.tokens), min(SLOW_REPEATS, options.repeats)
    ways = [
        *(measure(way, options, options.tokens, options.repeats) for way in OURS),
        measure("card-bfloat16", options, *slow),
        measure("card-float32", options, options.tokens, options.repeats),
    ]
    trips = [worker_trip(options.folder, options.tokens, repeat) for repeat in range(options.repeats)]
    print(*heading(ways, options, load_before), "", *comparison(ways, options.tokens), sep="\n")
    print("", *notes(slow), "", *trip_table(trips, options.tokens), sep="\n")


def measure(way: str, options: argparse.Namespace, tokens: int, repeats: int) -> Way:
    """Runs one engine in a process of its own."""
    print(f"measuring {way} ...", file=sys.stderr)
    command = [sys.executable, "-m", "tests.bench.one_way", way, options.folder, f"{tokens}", f"{repeats}"]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    medians = {name: median(seconds) for name, seconds in told["figures"].items()}
    medians["rate"], medians["memory"] = 1 / medians["step"], told["peak_mib"]
    extrapolated = tokens < options.tokens
    if extrapolated:
        medians["answer"] = medians["first_large"] + (options.tokens - 1) * medians["step"]
    title = f"{'LSpace' if way in OURS else 'model card'}, {told['precision']}"
    return Way(title, medians, extrapolated, told["threads"])


def heading(ways: list[Way], options: argparse.Namespace, load: float) -> list[str]:
    threads = ", ".join(f"{way.threads} ({way.title})" for way in ways)
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "onnxruntime"))
    return [
        f"{cpu_name()}, {os.cpu_count()} cores, {bfloat16_words()}; threads: {threads}; "
        f"{packages}, Python {platform.python_version()}; medians of {options.repeats}; load average "
        f"{load:.1f} before the first figure; random weights of the published shapes."
    ]


def comparison(ways: list[Way], tokens: int) -> list[str]:
    ours, card = ways[: len(OURS)], ways[len(OURS)]
    rows = [
        ("import", "s", "import", 1),
        ("load, files in the page cache", "s", "load", 1),
        ("512 px chip to patches", "s", "patches", 3),
        ("first token, 512 px chip", "s", "first_large", 2),
        ("first token, 224 px chip", "s", "first_small", 2),
        ("first token, another question on the same 512 px chip", "s", "again", 2),
        ("writing", "tokens/s", "rate", 1),
        (f"answer of {tokens} tokens, 512 px chip", "s", "answer", 1),
        ("peak memory of the process", "MiB", "memory", 0),
    ]
    titles = [way.title for way in ways] + [f"{way.title} / {card.title}" for way in ours]
    lines = [f"| | unit | {' | '.join(titles)} |", "|---|---|" + "--:|" * len(titles)]
    for words, unit, key, digits in rows:
        cells = [way.cell(key, digits) for way in ways]
        cells += [f"{way.medians[key] / card.medians[key]:.2f}" for way in ours]
        lines.append(f"| {words} | {unit} | {' | '.join(cells)} |")
    return lines


def notes(slow: tuple[int, int]) -> list[str]:
    return [
        "Each engine in a process of its own, on the same pictures with the same words, greedily. "
        "Model card: its quickstart (`AutoModelForImageTextToText`, `generate`) with our picture "
        "processor, because its own needs torchvision. "
        f"In bfloat16 it was timed {slow[1]} times with {slow[0]} tokens; a longer answer is "
        "extrapolated from the first token and the median of the further ones."
    ]


def trip_table(trips: list[dict[str, float]], tokens: int) -> list[str]:
    rows = {
        "ready": "worker process, start to ready",
        "loaded": "load request to model loaded",
        "first text": "caption request with a 224 px chip to first text",
        "result": f"the same request to its result, {tokens} tokens",
    }
    lines = ["| worker process over its pipes | s |", "|---|--:|"]
    return lines + [f"| {words} | {median(trip[key] for trip in trips):.2f} |" for key, words in rows.items()]


def cpu_name() -> str:
    return cpu_field("model name") or platform.processor() or platform.machine()


def bfloat16_words() -> str:
    flags = cpu_field("flags")
    if not flags:
        return "bfloat16 in hardware: unknown"
    return f"bfloat16 in hardware: {'yes' if BFLOAT16_FLAGS & set(flags.split()) else 'no'}"


def cpu_field(name: str) -> str:
    """A field of the first processor, on Linux; empty elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


if __name__ == "__main__":
    main()
