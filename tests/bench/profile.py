"""``python -m tests.bench.profile FOLDER``: where the time of one list of boxes goes, in the fast engine.

Two answers to one question about a chip: one timed from outside, one by ONNX Runtime's own profile, which
costs a little itself. To be run on a quiet machine: these are no medians.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace

import onnxruntime

from .job import BOXES, CAPTION, chip
from .one_way import TRIES
from .ours import Ours

QUESTION = "reading the question"
SHOWN = 8
"""Kinds of operators."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.profile", description=__doc__)
    parser.add_argument("folder", type=Path, help="checkpoint of the full size")
    parser.add_argument("--precision", choices=("q8", "q4"), default="q8")
    options = parser.parse_args()
    ours = Ours(options.folder, options.precision, "cpu", options.folder.parent)
    ours.ask(chip(BOXES.side_px, 0), CAPTION, 2)
    spans = _Spans()
    watch(ours, spans)
    for shift in range(TRIES, 2 * TRIES):  # as where the engine is timed
        spans.seconds.clear()
        answer = ours.ask(chip(BOXES.side_px, shift), BOXES.question, BOXES.tokens)
        if len(answer.times) == BOXES.tokens:
            break
    print(f"{BOXES.words}, {options.precision}: {len(answer.times)} tokens, {answer.forced} of them forced\n")
    print(*spans.table(answer.times[-1]), "", *operators(options, shift), sep="\n")


class _Spans:
    """Seconds of each call, by what it is for."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)

    def timed(self, name: Callable[..., str], work: Callable) -> Callable:
        def timed(*arguments, **named):
            began = perf_counter()
            result = work(*arguments, **named)
            self.seconds[name(*arguments)].append(perf_counter() - began)
            return result

        return timed

    def table(self, whole: float) -> list[str]:
        # what looks at a picture also sees it
        self.seconds["reading the picture's tokens"] = [
            self.seconds.pop("look")[0] - sum(self.seconds["vision"])
        ]
        sums = {name: sum(each) for name, each in self.seconds.items()}
        sums["Python between the calls"] = whole - sum(sums.values())
        rows = [
            f"| {name} | {len(self.seconds.get(name, []))} | {part:.3f} | {100 * part / whole:.1f} |"
            for name, part in sums.items()
        ]
        head = ["| part | calls | s | % |", "|---|--:|--:|--:|"]
        return [*head, *rows, f"| whole answer | | {whole:.3f} | 100 |"]


def watch(ours: Ours, spans: _Spans) -> None:
    engine, network = ours._engine, ours._engine._network

    def read_name(_context, tokens, *_others):
        if QUESTION not in spans.seconds:
            return QUESTION
        return "passes of one token" if tokens.shape[1] == 1 else "passes of several"

    engine._cutter = SimpleNamespace(cut=spans.timed(lambda *_: "cutting", engine._cutter.cut))
    network._see = spans.timed(lambda *_: "vision", network._see)
    network.look = spans.timed(lambda *_: "look", network.look)
    network.read = spans.timed(read_name, network.read)
    network.read_each = spans.timed(read_name, network.read_each)


def operators(options: argparse.Namespace, shift: int) -> list[str]:
    """The kinds of operators that take most, by ONNX Runtime's profile of all graphs."""
    with tempfile.TemporaryDirectory() as folder:

        class Profiling(onnxruntime.SessionOptions):
            def __init__(self) -> None:
                super().__init__()
                self.enable_profiling = True
                self.profile_file_prefix = f"{folder}/profile"

        plain, onnxruntime.SessionOptions = onnxruntime.SessionOptions, Profiling
        ours = Ours(options.folder, options.precision, "cpu", options.folder.parent)
        onnxruntime.SessionOptions = plain
        ours.ask(chip(BOXES.side_px, shift), BOXES.question, BOXES.tokens)
        network = ours._engine._network
        spent: Counter[tuple[str, str]] = Counter()
        sessions = {
            "vision": network._tower,
            "language": network._reader,
            "head": network._head._whole,
            "part of the head": network._head._part,
        }
        for graph, session in sessions.items():
            for event in json.loads(Path(session.end_profiling()).read_text(encoding="utf-8")):
                if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                    spent[graph, event["args"]["op_name"]] += event["dur"] / 1e6
    whole = sum(spent.values())
    rows = [
        f"| {graph} | {kind} | {seconds:.3f} | {100 * seconds / whole:.1f} |"
        for (graph, kind), seconds in spent.most_common(SHOWN)
    ]
    return ["| graph | operator | s | % |", "|---|---|--:|--:|", *rows]


if __name__ == "__main__":
    main()
