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

from .job import CAPTION, CAPTIONED, chip

COMMAND = (sys.executable, "-m", "model_backend", "worker")


def worker_trip(folder: Path, precision: str, cache: Path, repeat: int) -> dict[str, float]:
    """Seconds of each leg, by name.

    ``ready``: from the start; ``loaded``: from the load request; ``worker_begun``: from the first request for
    a caption to its first text; ``worker_first`` and ``worker_last``: the second's first text and result.
    """
    choice = ModelChoice(str(folder), device="cpu", precision=precision, cache_dir=str(cache))
    requests = [caption_request(2 * repeat + place) for place in range(2)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    started = perf_counter()
    with subprocess.Popen(COMMAND, **pipes) as process:
        wait_for(process, MessageType.READY)
        ready = perf_counter()
        send(process, Message(MessageType.LOAD, 1, choice.to_payload()))
        wait_for(process, MessageType.RESULT)
        loaded = perf_counter()
        begun, _last = answered(process, requests[0])
        first, last = answered(process, requests[1])
        process.stdin.close()
    return {
        "ready": ready - started,
        "loaded": loaded - ready,
        "worker_begun": begun,
        "worker_first": first,
        "worker_last": last,
    }


def answered(process: subprocess.Popen[bytes], request: RunRequest) -> tuple[float, float]:
    """Seconds to the first text of a run and to its result."""
    began = perf_counter()
    send(process, Message(MessageType.RUN, 2, request.to_payload()))
    wait_for(process, MessageType.TEXT)
    first = perf_counter()
    wait_for(process, MessageType.RESULT)
    return first - began, perf_counter() - began


def caption_request(shift: int) -> RunRequest:
    png = io.BytesIO()
    chip(CAPTIONED.side_px, shift).save(png, "PNG")
    wkt = CRS.from_epsg(32604).to_wkt("WKT2_2019")
    picture = Chip(
        chip_id="1",
        kind=ChipKind.TRAINING_GRADE,
        png=png.getvalue(),
        width_px=CAPTIONED.side_px,
        height_px=CAPTIONED.side_px,
        transform=GeoTransform(22.9, 0, 607000, 0, -22.9, 2365000),
        crs_wkt=wkt,
        gsd_m=22.9,
        valid_share=1.0,
    )
    return RunRequest(CAPTION, (picture,), wkt, max_new_tokens=CAPTIONED.tokens)


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
