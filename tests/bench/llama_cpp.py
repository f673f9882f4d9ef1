"""The peer llama.cpp, in 4 bits, built from the package index's source of llama-cpp-python.

``python -m tests.bench.llama_cpp prepare CHECKPOINT`` builds it and converts the model, once, in a quarter of
an hour; it needs cmake, ninja, a C++ compiler and, meanwhile, 3 GB of disk. ``... measure CHECKPOINT THREADS
REPEATS`` prints seconds as JSON.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from model_backend.contract import load_contracts
from model_backend.inference.prompts import build_prompts

from .job import BOXES, CAPTION, CAPTIONED, ROOT, Job, chip

VERSION = "0.3.36"
HOME = ROOT / ".venv" / "llama_cpp"
SOURCE = HOME / f"llama_cpp_python-{VERSION}" / "vendor" / "llama.cpp"
PROGRAMS = HOME / "build" / "bin"
MODEL, PICTURES = HOME / "Q4_0.gguf", HOME / "mmproj-F16.gguf"
COMMAND = "./run bench prepare"
_OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "BUILD_SHARED_LIBS": "OFF",
    "GGML_NATIVE": "ON",
    "LLAMA_OPENSSL": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_BUILD_SERVER": "OFF",
    "LLAMA_BUILD_TESTS": "OFF",
}
_CONVERTER = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from conversion.base import TextModel
TextModel.get_vocab_base_pre = lambda *_: "lfm2"  # a made-up tokenizer is in no list of known ones
import convert_hf_to_gguf
convert_hf_to_gguf.main()
"""
_LINE = re.compile(r"^(\d+)\.(\d+)\.(\d+)\.(\d+) \w (.*)$", re.MULTILINE)
"""A log line: minutes, seconds, milliseconds, microseconds, level, words."""
_EVALUATED = re.compile(r" eval time = +([\d.]+) ms / +(\d+) (tokens|runs)")


def main(arguments: list[str]) -> None:
    checkpoint = Path(arguments[1])
    if arguments[0] == "prepare":
        build()
        convert(checkpoint)
    else:
        print(json.dumps(measured(int(arguments[2]), int(arguments[3]))))


def is_prepared() -> bool:
    return (PROGRAMS / "llama-mtmd-cli").is_file() and MODEL.is_file() and PICTURES.is_file()


def build() -> None:
    if not SOURCE.is_dir():
        HOME.mkdir(parents=True, exist_ok=True)
        wanted = f"llama-cpp-python=={VERSION}"
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python"]
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([*pip, "--dest", folder, wanted], check=True)
            shutil.unpack_archive(next(Path(folder).glob("*.tar.gz")), HOME)
    options = [f"-D{name}={value}" for name, value in _OPTIONS.items()]
    subprocess.run(["cmake", "-G", "Ninja", "-S", SOURCE, "-B", HOME / "build", *options], check=True)
    subprocess.run(["ninja", "-C", HOME / "build", "llama-quantize", "llama-mtmd-cli"], check=True)


def convert(checkpoint: Path) -> None:
    with tempfile.TemporaryDirectory(dir=HOME) as name:
        folder = Path(name) / "checkpoint"
        folder.mkdir()
        for file in checkpoint.iterdir():
            (folder / file.name).symlink_to(file.resolve())
        config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
        config["text_config"]["architectures"] = ["Lfm2ForCausalLM"]  # by which the converter knows it
        (folder / "config.json").unlink()
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        run = [sys.executable, "-c", _CONVERTER, SOURCE, folder]
        subprocess.run([*run, "--mmproj", "--outtype", "f16", "--outfile", PICTURES], check=True)
        whole = Path(name) / "whole.gguf"
        subprocess.run([*run, "--outtype", "bf16", "--outfile", whole], check=True)
        subprocess.run([PROGRAMS / "llama-quantize", whole, MODEL, "Q4_0", f"{os.cpu_count()}"], check=True)


def measured(threads: int, repeats: int) -> dict[str, object]:
    """Seconds of each repeat, by the names that the other engines' have."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    prompt_tokens = {}
    for repeat in range(1, repeats + 1):
        for name, job in (("boxes", BOXES), ("caption", CAPTIONED)):
            log = answer_log(job, threads, repeat)
            first, last, prompt_tokens[name] = legs(log)
            seconds[f"{name}_first"].append(first)
            seconds[f"{name}_last"].append(last)
            if name == "caption":
                seconds["step"].append((last - first) / (job.tokens - 1))
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "threads": threads,
        "peak_mib": {"alone": peak_mib},
        "seconds": seconds,
        "extrapolated": [],
        "prompt_tokens": prompt_tokens,
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
