"""The peer llama.cpp, in 4 bits, built as ``tests.servers.llama_cpp`` does.

``python -m tests.bench.llama_cpp prepare CHECKPOINT`` builds it and converts the model, once, in a quarter of
an hour; it needs cmake, ninja, a C++ compiler and, meanwhile, 3 GB of disk. ``... measure THREADS`` times it
by turns and prints seconds as JSON.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from model_backend.contract import load_contracts
from model_backend.inference.prompts import build_prompts

from ..servers.llama_cpp import HOME, PROGRAMS, build, convert
from .job import BOXES, CAPTION, CAPTIONED, Job, chip
from .turns import take_turns

MODEL, PICTURES = HOME / "Q4_0.gguf", HOME / "mmproj-F16.gguf"
COMMAND = "./run bench prepare"
_LINE = re.compile(r"^(\d+)\.(\d+)\.(\d+)\.(\d+) \w (.*)$", re.MULTILINE)
"""A log line: minutes, seconds, milliseconds, microseconds, level, words."""
_EVALUATED = re.compile(r" eval time = +([\d.]+) ms / +(\d+) (tokens|runs)")


def main(arguments: list[str]) -> None:
    if arguments[0] == "prepare":
        build()
        prepare(Path(arguments[1]))
    else:
        bench = _Bench(int(arguments[1]))
        take_turns({"single": bench.single})
        print(json.dumps(bench.told()))


def is_prepared() -> bool:
    return (PROGRAMS / "llama-mtmd-cli").is_file() and MODEL.is_file() and PICTURES.is_file()


def prepare(checkpoint: Path) -> None:
    with tempfile.TemporaryDirectory(dir=HOME) as folder:
        whole = Path(folder) / "whole.gguf"
        convert(checkpoint, whole, PICTURES, "bf16")
        subprocess.run([PROGRAMS / "llama-quantize", whole, MODEL, "Q4_0", f"{os.cpu_count()}"], check=True)


class _Bench:
    """Seconds of each repeat, by the names that the other engines' have."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self._prompt_tokens: dict[str, int] = {}

    def single(self, repeat: int) -> None:
        for name, job in (("boxes", BOXES), ("caption", CAPTIONED)):
            log = answer_log(job, self._threads, repeat)
            first, last, self._prompt_tokens[name] = legs(log)
            self._seconds[f"{name}_first"].append(first)
            self._seconds[f"{name}_last"].append(last)
            if name == "caption":
                self._seconds["step"].append((last - first) / (job.tokens - 1))

    def told(self) -> dict[str, object]:
        peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        return {
            "threads": self._threads,
            "peak_mib": {"alone": peak_mib},
            "seconds": self._seconds,
            "extrapolated": [],
            "prompt_tokens": self._prompt_tokens,
        }


def answer_log(job: Job, threads: int, repeat: int) -> str:
    """What the program logs of one answer, after it has warmed up."""
    with tempfile.NamedTemporaryFile(suffix=".png") as picture:
        chip(job.side_px, repeat).save(picture, "PNG")
        picture.flush()
        files = ["-m", MODEL, "--mmproj", PICTURES, "--image", picture.name]
        # a room for as many tokens as the model knows would take more memory than all else
        greedily = ["-c", "2048", "--temp", "0", "--ignore-eos", "-n", f"{job.tokens}", "-t", f"{threads}"]
        told = ["--perf", "-lv", "4", "-p", words(job)]
        command = [PROGRAMS / "llama-mtmd-cli", *files, *greedily, *told]
        return subprocess.run(command, check=True, capture_output=True, text=True, errors="replace").stderr


def words(job: Job) -> str:
    contract = load_contracts()["lspace"]
    task, targets = (CAPTION, ()) if job.question == CAPTION else ("detect", (job.question,))
    return build_prompts(contract, task, targets)[0].text


def legs(log: str) -> tuple[float, float, int]:
    """Seconds to the first and to the last token, and the prompt's tokens.

    From the log's clock: the program's own "prompt eval time" begins before the picture is encoded.
    """
    lines = [
        (60 * int(minutes) + int(seconds) + int(milli) / 1e3 + int(micro) / 1e6, text)
        for minutes, seconds, milli, micro, text in _LINE.findall(log)
    ]
    began = next(time for time, text in lines if text.startswith("encoding mtmd batch"))
    ended = next(time for time, text in lines if "perf_context_print" in text)
    evaluated = {kind: (float(milli), int(count)) for milli, count, kind in _EVALUATED.findall(log)}
    return ended - began - evaluated["runs"][0] / 1000, ended - began, evaluated["tokens"][1]


if __name__ == "__main__":
    main(sys.argv[1:])
