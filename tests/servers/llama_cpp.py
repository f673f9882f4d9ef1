"""llama.cpp's own server: built from the package index's source of llama-cpp-python, run on 127.0.0.1.

``python -m tests.servers.llama_cpp`` builds it, once, in a quarter of an hour; it needs cmake, ninja and a
C++ compiler. ``$LLAMA_CPP`` may name another folder than ``.venv/llama_cpp``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.3.36"
HOME = Path(os.environ.get("LLAMA_CPP") or ROOT / ".venv" / "llama_cpp")
SOURCE = HOME / f"llama_cpp_python-{VERSION}" / "vendor" / "llama.cpp"
PROGRAMS = HOME / "build" / "bin"
SERVER = PROGRAMS / "llama-server"
_TARGETS = ("llama-quantize", "llama-mtmd-cli", "llama-server")
_OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "BUILD_SHARED_LIBS": "OFF",
    "GGML_NATIVE": "ON",
    "LLAMA_OPENSSL": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_BUILD_SERVER": "ON",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_UI": "OFF",
    "LLAMA_USE_PREBUILT_UI": "OFF",  # which would be downloaded
}
_CONVERTER = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from conversion.base import TextModel
TextModel.get_vocab_base_pre = lambda *_: "lfm2"  # a made-up tokenizer is in no list of known ones
import gguf
named = gguf.get_tensor_name_map
gguf.get_tensor_name_map = lambda arch, blocks: named(arch, max(blocks, 3))  # of the projector, too
import convert_hf_to_gguf
convert_hf_to_gguf.main()
"""
_LISTENS = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")
_BEGIN_S = 120


def build() -> None:
    """Builds what is not built yet."""
    if not SOURCE.is_dir():
        HOME.mkdir(parents=True, exist_ok=True)
        wanted = f"llama-cpp-python=={VERSION}"
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python"]
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([*pip, "--dest", folder, wanted], check=True)
            shutil.unpack_archive(next(Path(folder).glob("*.tar.gz")), HOME)
    options = [f"-D{name}={value}" for name, value in _OPTIONS.items()]
    subprocess.run(["cmake", "-G", "Ninja", "-S", SOURCE, "-B", HOME / "build", *options], check=True)
    subprocess.run(["ninja", "-C", HOME / "build", *_TARGETS], check=True)


def convert(checkpoint: Path, model: Path, pictures: Path, precision: str) -> None:
    """Writes a checkpoint as GGUF: the language model in that precision, and what reads pictures in half."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "checkpoint"
        folder.mkdir()
        for file in checkpoint.iterdir():
            (folder / file.name).symlink_to(file.resolve())
        config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
        config["text_config"]["architectures"] = ["Lfm2ForCausalLM"]  # by which the converter knows it
        (folder / "config.json").unlink()
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        run = [sys.executable, "-c", _CONVERTER, SOURCE, folder]
        subprocess.run([*run, "--mmproj", "--outtype", "f16", "--outfile", pictures], check=True)
        subprocess.run([*run, "--outtype", precision, "--outfile", model], check=True)


class LlamaServer:
    """A server of one model, on a port that the system chose; a context manager."""

    def __init__(self, model: Path, log: Path, *options: object) -> None:
        self.url = ""
        self._log = log
        self._command = [SERVER, "-m", model, "--host", "127.0.0.1", "--port", "0", "--offline", *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> LlamaServer:
        with self._log.open("wb") as log:
            command = list(map(str, self._command))
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        end = time.monotonic() + _BEGIN_S
        while not (listens := _LISTENS.search(self.log)):
            if self._process.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise RuntimeError(f"llama.cpp's server did not begin: {self.log[-2000:]}")
            time.sleep(0.05)
        self.url = listens[1]
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()


if __name__ == "__main__":
    build()
