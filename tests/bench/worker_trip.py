"""A real worker process, from its start to the end of an answer, over the pipes that QGIS uses."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from pyproj import CRS

from model_backend.chip import Chip, ChipKind
from model_backend.georeference.geotransform import GeoTransform
from model_backend.protocol import Message, MessageType, parse_line
from model_backend.request import ModelChoice, RunRequest

from .one_way import chip

SIDE_PX = 224
COMMAND = (sys.executable, "-m", "model_backend", "worker")


def worker_trip(folder: Path, tokens: int, repeat: int) -> dict[str, float]:
    """Seconds of each leg: until the worker is ready, has loaded, writes the first text, has answered."""
    load = Message(MessageType.LOAD, 1, ModelChoice(str(folder), device="cpu").to_payload())
    run = Message(MessageType.RUN, 2, caption_request(tokens, repeat).to_payload())
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    started = perf_counter()
    with subprocess.Popen(COMMAND, **pipes) as process:
        wait_for(process, MessageType.READY)
        ready = perf_counter()
        send(process, load)
        wait_for(process, MessageType.RESULT)
        loaded = perf_counter()
        send(process, run)
        wait_for(process, MessageType.TEXT)
        first = perf_counter()
        wait_for(process, MessageType.RESULT)
        ended = perf_counter()
        process.stdin.close()
    return {
        "ready": ready - started,
        "loaded": loaded - ready,
        "first text": first - loaded,
        "result": ended - loaded,
    }


def caption_request(tokens: int, repeat: int) -> RunRequest:
    png = io.BytesIO()
    chip(SIDE_PX, repeat).save(png, "PNG")
    wkt = CRS.from_epsg(32604).to_wkt("WKT2_2019")
    picture = Chip(
        chip_id="1",
        kind=ChipKind.TRAINING_GRADE,
        png=png.getvalue(),
        width_px=SIDE_PX,
        height_px=SIDE_PX,
        transform=GeoTransform(22.9, 0, 607000, 0, -22.9, 2365000),
        crs_wkt=wkt,
        gsd_m=22.9,
        valid_share=1.0,
    )
    return RunRequest("caption", (picture,), wkt, max_new_tokens=tokens)


def send(process: subprocess.Popen[bytes], message: Message) -> None:
    process.stdin.write(message.to_line())
    process.stdin.flush()


def wait_for(process: subprocess.Popen[bytes], wanted: MessageType) -> None:
    for line in process.stdout:
        message = parse_line(line)
        if message.type is wanted:
            return
        if message.type is MessageType.ERROR:
            raise RuntimeError(f"the worker says: {message.body['message']}")
    raise RuntimeError(f"the worker ended before its {wanted.value!r}")
