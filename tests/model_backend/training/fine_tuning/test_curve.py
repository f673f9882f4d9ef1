"""The log holds every step once, and the curve shows it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.training.fine_tuning.curve import cut_log, draw_curve, read_log, smoothed
from PIL import Image

LINES = [{"step": step, "of": 9, "loss": 9.0 - step, "lr": 1e-5} for step in range(1, 10)]
HELD_OUT = [{"step": step, "of": 9, "held_out_loss": 9.5 - step} for step in (0, 3, 6, 9)]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return path


def inked(path):
    """How many pixels of the curve are of a colour, neither white nor grey."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return int((np.ptp(pixels, axis=2) > 60).sum())


def test_a_last_line_that_was_cut_off_is_left_out(log):
    with log.open("a") as stream:
        stream.write('{"step": 10, "of"')
    assert read_log(log) == LINES


def test_cutting_keeps_the_lines_up_to_the_step_and_leaves_no_traces(log):
    cut_log(log, 4)
    assert read_log(log) == LINES[:4]
    assert [path.name for path in log.parent.iterdir()] == ["log.jsonl"]


def test_a_log_that_is_not_there_is_empty(tmp_path):
    cut_log(tmp_path / "log.jsonl", 3)
    assert read_log(tmp_path / "log.jsonl") == []


def test_the_curve_is_a_picture_with_both_losses(tmp_path):
    draw_curve(LINES, tmp_path / "training.png")
    draw_curve([*LINES, *HELD_OUT], tmp_path / "both.png")
    assert Image.open(tmp_path / "both.png").size == (960, 540)
    assert inked(tmp_path / "training.png") > 500
    assert inked(tmp_path / "both.png") > inked(tmp_path / "training.png") + 200
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.png", "training.png"]


def test_a_curve_without_any_loss_yet_can_be_drawn(tmp_path):
    draw_curve([], tmp_path / "curve.png")
    assert Image.open(tmp_path / "curve.png").format == "PNG"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_the_smoothed_loss_stays_within_the_losses_so_far(values):
    for index, mean in enumerate(smoothed(values), start=1):
        assert min(values[:index]) - 1e-6 <= mean <= max(values[:index]) + 1e-6


def test_the_smoothed_loss_follows_a_change():
    means = smoothed([4.0] * 20 + [1.0] * 40)
    assert means[19] == pytest.approx(4.0)
    assert means[20] > 3.3
    assert means[-1] < 1.1
