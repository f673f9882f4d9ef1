"""Scores become probabilities without changing their order."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.contract import EMBEDDED_MODEL, load_contracts
from lspace.model_backend.errors import ModelInvalid, RequestError
from lspace.model_backend.inference.completion import Completion, CompletionChunk, FinishReason
from lspace.model_backend.inference.exact.checkpoint import open_checkpoint
from lspace.model_backend.inference.proposals import read_proposals
from lspace.model_backend.inference.scores import Calibration, calibration_of
from lspace.model_backend.training.corpus.row import write_rows
from lspace.model_backend.training.corpus.rows import build_rows
from lspace.model_backend.training.corpus.scene import load_scenes
from lspace.model_backend.training.evaluation.calibrate import fit_calibration, main, write_calibration
from lspace.model_backend.training.evaluation.calibration import equal_mass, expected_calibration_error
from torch import float32

DATA = Path(__file__).resolve().parents[3] / "data"
SHARES = st.floats(0, 1)


def over_confident(count=4000):
    """Scores of 0.05 to 0.4 of boxes that are right four times in five at the top, never at the bottom."""
    random = np.random.default_rng(0)
    scores = random.uniform(0.05, 0.4, count)
    return scores, random.uniform(size=count) < 0.8 * (scores - 0.05) / 0.35


def error_of(scores, right):
    return expected_calibration_error(equal_mass(scores, right))


def test_fitted_scores_are_right_as_often_as_they_say_on_boxes_they_have_not_seen():
    scores, right = over_confident()
    fitted = fit_calibration(scores[::2], right[::2])
    told = [fitted.score(score) for score in scores[1::2]]
    assert error_of(scores[1::2], right[1::2]) > 0.15
    assert error_of(told, right[1::2]) < 0.04


@given(st.floats(0.01, 20), st.floats(-20, 20), SHARES, SHARES)
def test_a_higher_raw_score_never_becomes_a_lower_one(slope, intercept, one, other):
    calibration = Calibration(slope, intercept)
    low, high = sorted([one, other])
    assert 0 <= calibration.score(low) <= calibration.score(high) <= 1


@pytest.mark.parametrize("right", [[True] * 40, [False] * 40, [True, False]])
def test_boxes_that_tell_nothing_are_refused(right):
    with pytest.raises(RequestError, match="too few"):
        fit_calibration([0.5] * len(right), right)


def test_a_checkpoint_keeps_its_calibration(tiny, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for path in tiny.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    write_calibration(folder, Calibration(2.5, 1.25, 0.75))
    assert open_checkpoint(folder, "cpu", float32).calibration == Calibration(2.5, 1.25, 0.75)
    assert open_checkpoint(tiny, "cpu", float32).calibration is None


def test_a_calibration_of_an_older_version_leaves_edges_as_they_are():
    assert calibration_of({"lspace_calibration": {"slope": 2, "intercept": 1}}) == Calibration(2, 1, 1.0)


@pytest.mark.parametrize(
    "written",
    [
        {"slope": -1, "intercept": 0},
        {"slope": "x", "intercept": 0},
        *({"slope": 1, "intercept": 0, "spread": spread} for spread in (0, -1, "x", None, float("nan"))),
        *({}, [1], 0),
    ],
)
def test_a_calibration_that_is_none_is_refused(written):
    with pytest.raises(ModelInvalid, match="lspace_calibration"):
        calibration_of({"lspace_calibration": written})


def test_a_proposal_has_the_calibrated_score():
    text = '[{"label": "water", "bbox": [0.1, 0.2, 0.3, 0.4]}]'
    completion = Completion().extended(CompletionChunk(text, float(np.log(0.25)), FinishReason.STOP))
    (raw,) = read_proposals(completion).proposals
    (told,) = read_proposals(completion, calibration=Calibration(1.0, 2.0)).proposals
    assert raw.score == pytest.approx(0.25)
    assert told.score == pytest.approx(1 / (1 + np.exp(-(2 + np.log(0.25)))))
    assert json.loads(told.raw)["bbox"] == [0.1, 0.2, 0.3, 0.4]


def test_a_proposal_has_the_calibrated_uncertainty_of_its_edges():
    edge = (("0.2", 0.5), ("0.4", 0.5))
    pieces = ['[{"label": "water", "bbox": [', "0.2", ", ", "0.2", ", ", "0.4", ", ", "0.4", "]}]"]
    chunks = [CompletionChunk(piece, -0.1, None, edge if piece[0] == "0" else ()) for piece in pieces]
    completion = replace(Completion.from_chunks(chunks), finish_reason=FinishReason.STOP)
    (raw,) = read_proposals(completion).proposals
    (told,) = read_proposals(completion, calibration=Calibration(1.0, 2.0, 1.5)).proposals
    assert raw.spread == pytest.approx((0.1,) * 4)
    assert told.spread == pytest.approx((0.15,) * 4)


@pytest.fixture
def harbour_rows(tmp_path):
    """Questions about the demo scene, which the embedded model was not trained on, with their answers."""
    values = {"1": "water", "2": "built areas", "3": "tree cover"}
    classes = {"raster": str(DATA / "honolulu_cover.tif"), "values": values}
    raster = str(EMBEDDED_MODEL.parents[1] / "demo" / "honolulu.tif")
    scenes = tmp_path / "scenes.json"
    scenes.write_text(
        json.dumps({"scenes": [{"location": "honolulu", "raster": raster, "classes": classes}]})
    )
    contract = load_contracts()["lspace-mini"]
    rows = build_rows(load_scenes(scenes), contract, tmp_path, stride_m=contract.chip.side_m)
    write_rows([row for row in rows if row.metadata["task"] == "ground"], tmp_path / "rows.jsonl")
    return tmp_path / "rows.jsonl"


def test_the_command_writes_what_it_found_of_scores_and_of_edges(harbour_rows, tmp_path, capsys):
    folder = Path(shutil.copytree(EMBEDDED_MODEL, tmp_path / "model"))
    before = json.loads((folder / "config.json").read_text())

    assert main(argparse.Namespace(model=folder, rows=[harbour_rows], batch=16)) == 0

    told = json.loads(capsys.readouterr().out)
    after = json.loads((folder / "config.json").read_text())
    assert after["lspace_calibration"] == pytest.approx(told, abs=1e-4)
    assert {**after, "lspace_calibration": 0} == {**before, "lspace_calibration": 0}
    assert told["slope"] > 0
    assert 0.3 < told["spread"] < 3
    assert told["spread"] != 1.0
