"""The evaluation as a whole: known answers give known figures; a real model's answers fill the folder."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from lspace.model_backend.contract import CONTRACT_MARK, load_contracts
from lspace.model_backend.errors import ModelNotFound, RequestError, RowInvalid
from lspace.model_backend.inference.completion import Completion, FinishReason
from lspace.model_backend.inference.digest import sha256_of
from lspace.model_backend.trained_boxes import written_boxes
from lspace.model_backend.training.corpus.row import Message, Row, write_rows
from lspace.model_backend.training.corpus.validation import read_valid_rows
from lspace.model_backend.training.corpus.wording import caption
from lspace.model_backend.training.evaluation.asking import ask, spread
from lspace.model_backend.training.evaluation.evaluate import add_arguments, evaluate, main
from lspace.model_backend.training.evaluation.gathering import gather
from lspace.model_backend.training.evaluation.question import questions_of
from PIL import Image
from scripted import ScriptedEngine

LSPACE = load_contracts()["lspace"]
LEFT_HALF = (0, 0, 111, 223)
FIRST_SIXTEENTH = (0, 0, 55, 55)
LAST_QUARTER = (112, 112, 223, 223)
SHIP = (10, 20, 19, 24)
SEVENTH_BAND = (0, 0, 223, 31)


class BatchedScript(ScriptedEngine):
    """Says what it was told to, one answer after the other."""

    def complete_batch(self, questions, is_cancelled):
        return [
            Completion.from_chunks(self.complete(prompt, images, is_cancelled))
            for prompt, images in questions
        ]


def boxes(label, *found):
    return written_boxes([(label, box) for box in found], LSPACE.box)


@pytest.fixture
def make_row(tmp_path):
    """Makes a row about one grey chip, in the trained wording of a contract."""

    def make(name, task, answer, target="", label="", shares=(), contract=LSPACE):
        folder = tmp_path / "set"
        (folder / "chips").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (224, 224), (90, 90, 90)).save(folder / "chips" / f"{name}.png")
        asked = contract.task(task)
        system = [Message("system", asked.system)] if asked.system else []
        prompt = asked.prompt.replace("{target}", target)
        facts = {"sample_id": name, "task": task, "contract": contract.name, "target": target, "label": label}
        shares = [{"name": name, "share": share} for name, share in dict(shares).items()]
        messages = [*system, Message("user", prompt, (f"chips/{name}.png",)), Message("assistant", answer)]
        return Row(tuple(messages), {**facts, "shares": shares}, folder)

    return make


@pytest.fixture
def water(make_row):
    """Makes a row that looks for water."""
    return lambda name, *found: make_row(name, "ground", boxes("water", *found), "water", "water")


def measure(engine, rows):
    """All figures of an engine's answers to rows."""
    return gather(ask(engine, questions_of(rows, LSPACE), 2, lambda done: None), LSPACE)


@pytest.fixture
def written(tmp_path):
    """Evaluates an engine on rows; returns the folder that holds all of it."""

    def run(engine, rows):
        folder = tmp_path / "written"
        folder.mkdir()
        evaluate(engine, rows, 2, folder, [])
        return folder

    return run


@pytest.fixture
def mini_checkpoint(tiny, tmp_path):
    """Random weights under the small model's contract, whose answers are short."""
    folder = Path(shutil.copytree(tiny, tmp_path / "checkpoint"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, CONTRACT_MARK: "lspace-mini"}))
    return folder


def write_scene(folder, location, width_px, height_px):
    """Noise over water on the left and trees on the right, 10 m in UTM; no built areas."""
    grid = {"crs": "EPSG:32629", "transform": Affine(10, 0, 600_000, 0, -10, 3_700_000), "dtype": "uint8"}
    size = {"driver": "GTiff", "width": width_px, "height": height_px}
    noise = np.random.default_rng(0).integers(1, 256, (3, height_px, width_px), dtype=np.uint8)
    with rasterio.open(folder / f"{location}.tif", "w", count=3, **size, **grid) as file:
        file.write(noise)
    cover = np.ones((1, height_px, width_px), dtype=np.uint8)
    cover[..., width_px // 2 :] = 3
    with rasterio.open(folder / f"{location}_cover.tif", "w", count=1, **size, **grid) as file:
        file.write(cover)
    values = {"1": "water", "2": "built areas", "3": "tree cover"}
    classes = {"raster": f"{location}_cover.tif", "values": values}
    scene = {"location": location, "raster": f"{location}.tif", "classes": classes}
    (folder / "scenes.json").write_text(json.dumps({"scenes": [scene]}))


def options(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([str(argument) for argument in arguments])


def test_known_answers_about_boxes_give_known_figures(water):
    # found; invented; missed; rightly nothing
    rows = [water("a", LEFT_HALF), water("b"), water("c", LAST_QUARTER, FIRST_SIXTEENTH), water("d")]
    engine = BatchedScript([boxes("water", LEFT_HALF)], [boxes("water", SEVENTH_BAND)], ["[", "]"], ["[]"])
    figures = measure(engine, rows)["labels"]["water"]

    every = figures["all"]
    assert (every["chips"], every["chips_with_truth"], every["chips_with_false_alarm"]) == (4, 2, 1)
    assert (every["truth"], every["proposals"], every["proposals_of_other_labels"]) == (3, 2, 0)
    for overlap in ("iou_0.25", "iou_0.5"):
        quality = every["model"][overlap]
        assert (quality["precision"], quality["f1"]) == (0.5, 0.4)
        assert quality["recall"] == pytest.approx(1 / 3, abs=1e-6)
        assert quality["average_precision"] == pytest.approx(1 / 6, abs=1e-6)
    near = {"abs": 1e-3}  # coordinates are written with four decimals
    best = {name: every[name]["mean_best_iou"] for name in ("model", "full_frame", "prior_box")}
    assert best["model"] == pytest.approx({"largest": 1 / 2, "every": 1 / 3}, **near)
    assert best["full_frame"] == pytest.approx(
        {"largest": (1 / 2 + 1 / 4) / 2, "every": (1 / 2 + 1 / 4 + 1 / 16) / 3}, **near
    )
    assert every["prior_box"]["edges"] == pytest.approx([0, 0, 0.5, 1], **near)
    assert best["prior_box"] == pytest.approx({"largest": 1 / 2, "every": (1 + 1 / 8) / 3}, **near)
    assert every["full_frame"]["iou_0.25"]["average_precision"] is None


def test_partial_figures_leave_out_chips_that_the_full_frame_answers(water):
    rows = [water("full", (0, 0, 223, 200)), water("half", LEFT_HALF), water("none")]
    engine = BatchedScript([boxes("water", (0, 0, 223, 200))], [boxes("water", SHIP)], ["[]"])
    figures = measure(engine, rows)["labels"]["water"]
    assert (figures["all"]["chips_with_truth"], figures["partial"]["chips"]) == (2, 1)
    assert figures["all"]["model"]["iou_0.5"]["recall"] == 0.5
    assert figures["partial"]["model"]["iou_0.5"]["recall"] == 0


def test_the_form_of_the_answers_is_counted(water):
    rows = [water(name, LEFT_HALF) for name in "abcdef"]
    box = boxes("water", LEFT_HALF)
    engine = BatchedScript(
        [box],
        [box[:-1] + ", " + box[1:]],  # twice
        [box.replace('"', "'")],
        ["There is water on the left."],
        ["[]"],
        [box[1:-1]],  # no list
    )
    form = measure(engine, rows)["answers"]["boxes"]
    assert form["answers"] == form["with_truth"] == 6
    assert form["malformed"] == pytest.approx(4 / 6, abs=1e-6)
    assert form["repeated"] == form["empty_wrong"] == pytest.approx(1 / 6, abs=1e-6)
    assert form["empty_right"] == 0


def test_an_answer_that_was_cut_is_malformed_though_its_list_is_whole(water):
    engine = BatchedScript([boxes("water", LEFT_HALF)], ending=FinishReason.LENGTH)
    assert measure(engine, [water("a", LEFT_HALF)])["answers"]["boxes"]["malformed"] == 1


def test_a_box_of_another_label_is_a_wrong_proposal_of_the_label_asked_for(water):
    engine = BatchedScript([boxes("tree cover", LEFT_HALF)])
    labels = measure(engine, [water("a", LEFT_HALF)])["labels"]
    assert list(labels) == ["water"]
    figures = labels["water"]["all"]
    assert (figures["proposals"], figures["proposals_of_other_labels"]) == (1, 1)
    assert (figures["model"]["iou_0.5"]["f1"], figures["model"]["mean_best_iou"]["largest"]) == (0, 0)


def test_a_question_about_all_classes_counts_for_each_of_them(make_row):
    truth = [("water", LEFT_HALF), ("tree cover", LAST_QUARTER)]
    row = make_row("a", "ground", written_boxes(truth, LSPACE.box))
    engine = BatchedScript([boxes("water", LEFT_HALF)])
    labels = measure(engine, [row])["labels"]
    recalls = {label: figures["all"]["model"]["iou_0.5"]["recall"] for label, figures in labels.items()}
    assert recalls == {"tree cover": 0, "water": 1}


def test_a_single_pixel_that_is_found_counts_in_full(make_row):
    pixel = (100, 100, 100, 101)
    row = make_row("a", "vessels", boxes("vessel_candidate", pixel), "vessel candidate", "vessel_candidate")
    labels = measure(BatchedScript([boxes("vessel_candidate", pixel)]), [row])["labels"]
    assert labels["vessel candidate"]["all"]["model"]["mean_best_iou"]["largest"] == 1


def test_scores_are_held_against_what_was_right(water):
    # the scripted engine is sure to 0.9 of each token; two of three boxes are right
    rows = [water("a", LEFT_HALF, LAST_QUARTER), water("b", LEFT_HALF)]
    engine = BatchedScript([boxes("water", LEFT_HALF, LAST_QUARTER)], [boxes("water", SHIP)])
    found = measure(engine, rows)["calibration"]["iou_0.5"]
    assert (found["proposals"], found["mean_score"]) == (3, pytest.approx(0.9))
    for kind in ("equal_mass", "equal_width"):
        assert found[kind]["error"] == pytest.approx(0.9 - 2 / 3, abs=1e-6)


def test_captions_are_measured_beside_trivial_ones(make_row):
    truths = [{"water": 0.6, "tree cover": 0.4}, {"water": 0.8, "tree cover": 0.2}]
    rows = [make_row(str(number), "caption", caption(LSPACE, truth), shares=truth)
            for number, truth in enumerate(truths)]  # fmt: skip
    told = caption(LSPACE, {"tree cover": 0.75, "water": 0.15, "cropland": 0.05})
    engine = BatchedScript([told], ["A lake."])
    evaluation = measure(engine, rows)

    figures = evaluation["captions"]
    assert (figures["captions"], figures["with_known_shares"], figures["unreadable"]) == (2, 2, 0.5)
    # nine classes; the unreadable one names nothing
    error = ((45 + 35 + 5) + (80 + 20)) / 18
    assert figures["model"] == pytest.approx({"share_error": error, "dominant_right": 0}, abs=1e-6)
    assert figures["majority_class"]["share_error"] == pytest.approx((80 + 40) / 18, abs=1e-6)
    assert figures["majority_class"]["dominant_right"] == 1
    assert figures["mean_shares"]["share_error"] == pytest.approx(40 / 18, abs=1e-6)
    assert figures["trained"] == {"share_error": 0, "dominant_right": 1}
    assert evaluation["answers"]["text"]["malformed"] == 0.5


def test_answers_stay_with_their_questions_whatever_the_batch(water, make_row, written):
    # captions are asked before boxes
    rows = [water("a", LEFT_HALF), make_row("b", "caption", caption(LSPACE, {"water": 1})), water("c")]
    engine = BatchedScript(["Of b."], ["[]"], [boxes("water", SHIP)])
    folder = written(engine, rows)
    lines = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    assert [(line["id"], line["text"]) for line in lines] == [
        ("a", "[]"), ("b", "Of b."), ("c", boxes("water", SHIP))
    ]  # fmt: skip
    assert [(prompt.task, prompt.max_new_tokens) for prompt in engine.prompts] == [
        ("caption", 160), ("ground", 1024), ("ground", 1024)
    ]  # fmt: skip
    assert [prompt.text for prompt in engine.prompts] == [rows[1].prompt, rows[0].prompt, rows[2].prompt]


def test_the_table_says_what_the_figures_say(water, written):
    engine = BatchedScript([boxes("water", LEFT_HALF)])
    folder = written(engine, [water("a", LEFT_HALF, LAST_QUARTER)])
    table = (folder / "evaluation.md").read_text()
    # precision, recall, F1, average precision at both overlaps
    assert "| water | 1 | 2 | 1 | 0 | 0 | 1.000 | 0.500 | 0.667 | 0.500 | 1.000 |" in table


def test_the_command_fills_its_folder_with_a_real_model_s_answers(
    mini_checkpoint, make_row, tmp_path, capsys
):
    mini = load_contracts()["lspace-mini"]
    ship = boxes("vessel_candidate", SHIP)
    rows = [
        make_row("a", "caption", caption(mini, {"water": 0.9}), shares={"water": 0.9}, contract=mini),
        make_row("b", "ground", boxes("water", LEFT_HALF), "water", "water", contract=mini),
        make_row("c", "vessels", ship, "vessel candidate", "vessel_candidate", contract=mini),
        make_row("d", "ground", "[]", "built areas", "built areas", contract=mini),
    ]
    source = tmp_path / "set" / "rows.jsonl"
    write_rows(rows, source)
    arguments = ("--model", mini_checkpoint, "--rows", source, "--device", "cpu", "--batch", 3, "--out")

    assert main(options(*arguments, tmp_path / "out" / "one")) == 0
    assert capsys.readouterr().out == (tmp_path / "out" / "one" / "evaluation.md").read_text()
    assert {path.name for path in (tmp_path / "out" / "one").iterdir()} == {
        *("evaluation.json", "evaluation.md", "answers.jsonl"),
        *("reliability.png", "edges.png", "precision_recall.png", "chips.png"),
    }
    for picture in (tmp_path / "out" / "one").glob("*.png"):
        assert Image.open(picture).convert("L").getextrema() != (255, 255), picture.name
    assert main(options(*arguments, tmp_path / "out" / "two")) == 0
    first, second = (
        json.loads((tmp_path / "out" / name / "evaluation.json").read_text()) for name in ("one", "two")
    )
    assert first.pop("timing")["median_seconds_per_answer"] > 0
    second.pop("timing")
    assert first == second
    assert (first["contract"], first["questions"], first["model"]["random_weights"]) == (
        "lspace-mini",
        4,
        True,
    )
    assert sorted(first["labels"]) == ["built areas", "vessel candidate", "water"]
    assert first["answers"]["every"]["answers"] == 4


def test_a_limit_takes_rows_from_everywhere():
    assert list(spread("abcdef", 3)) == ["a", "c", "e"]
    assert spread("abcdef", 7) == spread("abcdef", None) == "abcdef"


def test_scenes_are_cut_side_by_side_and_kept_with_their_rows(mini_checkpoint, tmp_path):
    write_scene(tmp_path, "lake", width_px=256, height_px=128)
    out = tmp_path / "out"
    scenes = ("--scenes", tmp_path / "scenes.json", "--limit", 4)
    assert main(options("--model", mini_checkpoint, *scenes, "--out", out)) == 0

    rows = read_valid_rows(out / "rows.jsonl", load_contracts()["lspace-mini"])
    assert len({image for row in rows for image in row.images}) == 2
    asked = {(row.metadata["task"], row.metadata["target"]): row.answer for row in rows}
    assert asked["ground", "built areas"] == "[]"
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["rows"] == [
        {"file": "rows.jsonl", "rows": len(rows), "sha256": sha256_of([out / "rows.jsonl"])}
    ]
    assert evaluation["questions"] == 4


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(RequestError, match="is there already"):
        main(options("--model", tmp_path, "--rows", tmp_path / "none.jsonl", "--out", tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_after_an_error_nothing_is_left_behind(water, tmp_path):
    rows, out = tmp_path / "set" / "rows.jsonl", tmp_path / "out" / "deep"
    write_rows([water("a")], rows)
    with pytest.raises(ModelNotFound):
        main(options("--model", tmp_path / "no model", "--rows", rows, "--out", out))
    rows.write_text('{"messages": "none"}\n')
    with pytest.raises(RowInvalid, match="line 1"):
        main(options("--model", tmp_path / "no model", "--rows", rows, "--out", out))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_row_without_a_contract_is_held_against_the_model_s(water):
    row = water("a", LEFT_HALF)
    facts = {key: value for key, value in row.metadata.items() if key != "contract"}
    engine = BatchedScript([boxes("water", LEFT_HALF)])
    assert measure(engine, [replace(row, metadata=facts)])["labels"]["water"]["all"]["truth"] == 1
    broken = (*row.messages[:-1], Message("assistant", "On the left."))
    with pytest.raises(RowInvalid, match="not JSON"):
        measure(engine, [Row(broken, facts, row.folder)])


def test_rows_for_another_contract_are_refused(make_row):
    mini = load_contracts()["lspace-mini"]
    with pytest.raises(RowInvalid, match="made for lspace-mini"):
        measure(BatchedScript(), [make_row("a", "caption", "Water.", contract=mini)])


def test_a_row_answered_with_a_label_it_does_not_ask_for_is_refused(make_row):
    row = make_row("a", "ground", boxes("tree cover", SHIP), "water", "water")
    with pytest.raises(RowInvalid, match="asks for water and is answered with tree cover"):
        measure(BatchedScript(), [row])


def test_no_rows_are_an_error_and_no_figures(written):
    with pytest.raises(RequestError, match="no rows"):
        written(BatchedScript(), [])


@pytest.mark.parametrize("number", ["0", "-3", "many"])
def test_a_batch_that_is_no_number_of_questions_is_refused(number):
    with pytest.raises(SystemExit):
        options("--model", "m", "--rows", "r.jsonl", "--out", "o", "--batch", number)
