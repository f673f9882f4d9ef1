"""Rows about pictures of one colour, which even a tiny model learns in seconds."""

from __future__ import annotations

import json
from pathlib import Path

from lspace.model_backend.training.corpus.row import Message, Row, write_rows
from PIL import Image

COLOURS = {
    "water": (20, 40, 160),
    "tree cover": (10, 90, 20),
    "built areas": (200, 200, 210),
    "bare ground": (180, 140, 90),
}
QUESTION = "What is here?"


def paint(folder: Path, name: str = "rows.jsonl", shades: int = 3) -> list[Row]:
    """Writes a file of rows, some shades of each colour, and their pictures."""
    rows = []
    for words, colour in COLOURS.items():
        for shade in range(shades):
            picture = f"{words} {shade}.png"
            Image.new("RGB", (64, 64), tuple(level + 6 * shade for level in colour)).save(folder / picture)
            messages = (Message("user", QUESTION, (picture,)), Message("assistant", words))
            rows.append(Row(messages, {"sample_id": picture}, folder))
    write_rows(rows, folder / name)
    return rows


def write_plan(folder: Path, **values: object) -> Path:
    """Writes a plan that trains in full, fast; ``values`` say what is different."""
    plan = {
        "rows": ["rows.jsonl"],
        "method": "full",
        "learning_rate": 3e-3,
        "vision_lr_multiplier": 1.0,
        "batch": 4,
        "accumulation": 1,
        "log_steps": 1,
        "save_steps": 4,
        **values,
    }
    path = folder / "plan.json"
    path.write_text(json.dumps(plan))
    return path
