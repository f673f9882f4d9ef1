"""A worker made of nothing but the standard library, which goes wrong as its argument says.

Modes: ``well``, ``slow-start``, ``killed``, ``aborts``, ``exits``, ``exits-at-start``, ``garbage``,
``endless-line``, ``deaf``, ``deaf-while-loading``, ``deaf-to-the-end``, ``noisy``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

MODE = sys.argv[1]
INFO = {
    "name": "fake",
    "revision": "0",
    "device": "cpu",
    "precision": "float32",
    "reason": "It is a fake.",
    "probe_s": 0.0,
    "load_s": 0.0,
    "threads": 1,
    "random_weights": True,
}

ASKED = {"task": "caption", "target": None, "prompt": "?", "trained": True, "answer": "text"}


def send(kind, request_id, **body):
    sys.stdout.write(json.dumps({"v": 2, "type": kind, "id": request_id, "body": body}) + "\n")
    sys.stdout.flush()


def sleep_forever():
    while True:
        time.sleep(60)


def write_garbage():
    sys.stdout.write("Segmentation fault in libfoo\n")
    sys.stdout.flush()
    sleep_forever()


def write_endlessly():
    while True:
        sys.stdout.write("x" * 65536)


def chatter():
    sys.stderr.write("z" * 3_000_000 + "\nthe last line\n")
    sys.stderr.flush()


MISDEEDS = {
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "aborts": os.abort,
    "exits": lambda: sys.exit(3),
    "garbage": write_garbage,
    "endless-line": write_endlessly,
    "deaf": sleep_forever,
    "deaf-to-the-end": sleep_forever,
    "noisy": chatter,
}


def load(message):
    if MODE == "deaf-while-loading":
        send("stage", message["id"], stage="loading", step="weights", share=None)
        sleep_forever()
    send("result", message["id"], info=INFO, contract="lspace")


def run(message):
    chip_id = message["body"]["chips"][-1]["chip_id"] if message["body"].get("chips") else "c"
    send("stage", message["id"], stage="reading", chip_id=chip_id, **ASKED)
    for piece in ("first ", "second "):
        send("text", message["id"], chip_id=chip_id, target=None, text=piece, tokens=1, boxes=0)
    sys.stderr.write("about to go wrong: Málaga\n")
    sys.stderr.flush()
    MISDEEDS.get(MODE, lambda: None)()
    answer = {**ASKED, "text": "first second ", "outcome": None, "finish_reason": "stop", "negative": False}
    send("chip_done", message["id"], chip_id=chip_id, answers=[answer], gated=False, seconds=0.0)
    send("result", message["id"], seconds=0.0)


if MODE == "slow-start":
    time.sleep(1.0)
if MODE == "exits-at-start":
    sys.stderr.write("ImportError: DLL load failed\n")
    sys.exit(1)
send("ready", 0, protocol=2)
for line in sys.stdin:
    request = json.loads(line)
    {"load": load, "run": run, "batch": run}.get(request["type"], lambda _: None)(request)
if MODE == "deaf-to-the-end":
    sleep_forever()
