"""The real worker with an engine that sees: it finds planted magenta targets in the chip's own pixels.

It knows nothing of maps, and answers in the trained form: inclusive pixel indices on a grid of 224, four
decimals. Asked about a change, it tells what the second image shows and the first does not. Usage:
``bright_targets.py [SECONDS_A_TOKEN]``.
"""

from __future__ import annotations

import json
import math
import sys
import time
from itertools import zip_longest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from model_backend import worker
from model_backend.contract import load_contracts
from model_backend.errors import Cancelled
from model_backend.inference.completion import CompletionChunk, FinishReason
from model_backend.inference.engine import ModelInfo

PAUSE_S = float(sys.argv[1]) if __name__ == "__main__" and len(sys.argv) > 1 else 0.0
PIECE = 7


class TargetEngine:
    """Has the signature of the real engine, and no weights."""

    contract = load_contracts()["lspace"]
    info = ModelInfo(
        name="bright-targets",
        revision="scripted",
        device="cpu",
        precision="float32",
        reason="It counts pixels.",
        probe_s=0.0,
        load_s=0.0,
        threads=1,
        random_weights=False,
    )

    def prompt_tokens(self, prompt, images):
        return sum(len(turn.text.split()) for turn in prompt.turns)

    def complete(self, prompt, images, is_cancelled):
        pixels = [np.asarray(image) for image in images]
        answer = self._said(prompt.turns[-1].text, pixels) if prompt.turns else self._answer(prompt, pixels)
        pieces = [answer[start : start + PIECE] for start in range(0, len(answer), PIECE)]
        for index, piece in enumerate(pieces):
            if is_cancelled():
                raise Cancelled("cancelled between two tokens")
            time.sleep(PAUSE_S)
            last = index == len(pieces) - 1
            yield CompletionChunk(piece, math.log(0.9), FinishReason.STOP if last else None)

    def complete_together(self, questions, is_cancelled):
        streams = [self.complete(prompt, images, is_cancelled) for prompt, images in questions]
        yield from map(list, zip_longest(*streams))

    def _answer(self, prompt, images):
        task = self.contract.task(prompt.task)
        boxes = target_boxes(images[-1], self.contract.box.grid_px)
        if task.images == 2:
            boxes = [box for box in boxes if not was_there(box, images[0])]
        count, pictures = len(boxes), len(images)
        if prompt.answer == "boxes":
            label = task.label or prompt.target
            return json.dumps([{"label": label, "bbox": box} for box in boxes])
        if task.name.endswith("_report"):
            facts = {"percent": "5.9", "quality": "good", "pixels": 278, "ratio": "0.059"}
            return (task.found if boxes else task.none).format(count=count, **facts)
        if task.name == "focus":
            return f"In this satellite imagery, {prompt.target} has {count} bright targets."
        if task.name == "brief":
            return f"Executive summary: {pictures} images, {count} bright targets in the last one."
        if task.name == "question":
            return self._said(prompt.text, images)
        return f"This picture shows {count} bright targets."

    def _said(self, question, images):
        count = len(target_boxes(images[-1], self.contract.box.grid_px))
        return f"{question} Of {len(images)} images, the last shows {count} bright targets."


def was_there(box, before):
    """Whether the earlier image of a pair shows the target too."""
    x_min, y_min, x_max, y_max = box
    height, width, _ = before.shape
    return bright(before)[int((y_min + y_max) / 2 * height), int((x_min + x_max) / 2 * width)]


def target_boxes(rgb, grid_px):
    """Boxes of the magenta areas, largest first."""
    height, width, _ = rgb.shape
    boxes = []
    for columns, rows in areas(bright(rgb)):
        x_min, y_min = min(columns) / width, min(rows) / height
        x_max, y_max = (max(columns) + 1) / width - 1 / grid_px, (max(rows) + 1) / height - 1 / grid_px
        box = [round(max(value, 0.0), 4) for value in (x_min, y_min, x_max, y_max)]
        boxes.append((len(rows), box))
    return [box for _, box in sorted(boxes, key=lambda item: -item[0])]


def bright(rgb):
    return (rgb[..., 0] > 128) & (rgb[..., 1] < 110) & (rgb[..., 2] > 128)


def areas(mask):
    todo = mask.copy()
    while todo.any():
        row, column = (int(value) for value in np.argwhere(todo)[0])
        todo[row, column] = False
        stack, columns, rows = [(row, column)], [], []
        while stack:
            row, column = stack.pop()
            columns.append(column)
            rows.append(row)
            for r, c in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if 0 <= r < mask.shape[0] and 0 <= c < mask.shape[1] and todo[r, c]:
                    todo[r, c] = False
                    stack.append((r, c))
        yield columns, rows


if __name__ == "__main__":
    sys.exit(worker.main(lambda: lambda *_: TargetEngine()))
