"""Reviewed proposals become rows that the worker trains on, box for box."""

from __future__ import annotations

import json
import subprocess

import pytest

pytest.importorskip("qgis")

from lspace.gis.errors import DiskFull, SaveCancelled
from lspace.gis.layers import add_detections
from lspace.gis.provenance import ChipRecord
from lspace.gis.saving.export_format import ExportFormat
from lspace.gis.saving.training_rows import RowCounts, collect_rows
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.proposal import Detection
from planted import ROOT, WORKER_PYTHON, crs_of, transformed
from proposals import files_limited_to
from qgis.core import QgsFeature, QgsVectorLayer
from reviewed import (
    TREES,
    UTM,
    VESSELS,
    WATER,
    ask_worker,
    chip_at,
    decide,
    outline,
    pictures_of,
    prompt_of,
    proposal_layer,
    propose,
    read_by_worker,
    run_of,
)
from saved import save_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

CONTRACTS = load_contracts()
LSPACE, MINI = CONTRACTS["lspace"], CONTRACTS["lspace-mini"]
SHIPS_PROMPT = LSPACE.task("vessels").prompt


def written(label, *boxes):
    """An answer; boxes in pixels of the model's grid, the last ones inside."""
    parts = [", ".join(json.dumps(round(edge / 224, 4)) for edge in box) for box in boxes]
    return "[" + ", ".join(f'{{"label": "{label}", "bbox": [{part}]}}' for part in parts) + "]"


def answers(batch):
    """The answer of each row by the words of its question."""
    return {
        entry["metadata"]["target"] or entry["metadata"]["task"]: entry["messages"][-1]["content"][-1]["text"]
        for entry in batch.entries.values()
    }


def facts(batch):
    (entry,) = batch.entries.values()
    return entry["metadata"]


def water_layer(*boxes, **fields):
    """A chip, and a layer of boxes about its water."""
    chip = chip_at()
    run = run_of(chip, **fields)
    layer = proposal_layer(run)
    for box in boxes:
        propose(layer, run, chip, box)
    return chip, run, layer


# what the model wrote and the reviewer let stand


@pytest.mark.parametrize(
    ("crs", "size", "turn_deg"),
    [
        ("EPSG:32604", (224, 224), 0),
        ("EPSG:32604", (300, 512), 33),
        ("EPSG:3857", (512, 384), 0),
        ("EPSG:4326", (224, 224), 0),
        ("EPSG:4326", (300, 512), -120),
        ("EPSG:32605", (512, 384), 33),
        ("custom", (224, 224), 7),
    ],
)
def test_an_accepted_box_is_exactly_what_the_model_wrote(crs, size, turn_deg):
    answer = written("water", (0, 0, 223, 223), (100, 7, 141, 60), (17, 200, 90, 223), (5, 9, 5, 9))
    chip, output_crs = chip_at(size=size, turn_deg=turn_deg), crs_of(crs)
    code = """
from model_backend.chip import Chip
from model_backend.contract import load_contracts
from model_backend.georeference.placement import Placement
from model_backend.inference.completion import Completion, FinishReason
from model_backend.inference.proposals import read_proposals

form = load_contracts()["lspace"].box
place = Placement(Chip.from_payload(chip), crs_wkt, None, form).place
reading = read_proposals(Completion(text, (), FinishReason.STOP))
print(json.dumps([place(proposal).to_payload() for proposal in reading.proposals]))
"""
    found = ask_worker(code, chip=chip.to_payload(), crs_wkt=output_crs.toWkt(), text=answer)
    run = run_of(chip)
    layer = proposal_layer(run, output_crs)
    detections = [Detection.from_payload(payload) for payload in found]
    for fid in add_detections(layer, run, detections, prompt_of(WATER)):
        decide(layer, fid, status="accepted")

    batch = collect_rows([layer], LSPACE, pictures_of(chip))

    assert answers(batch) == {WATER: answer}
    assert batch.counts == RowCounts(rows=1, boxes=4)


def test_the_worker_takes_the_rows_for_training_and_for_evaluation(tmp_path):
    chip = chip_at()
    run = run_of(chip, task="detect", targets=(WATER, VESSELS, "red roofs"))
    layer = proposal_layer(run)
    propose(layer, run, chip, (10, 10, 60, 40))
    propose(layer, run, chip, (70, 70, 90, 90), status="rejected")
    propose(layer, run, chip, (20, 15, 24, 19), VESSELS, prompt=SHIPS_PROMPT)
    propose(layer, run, chip, (100, 15, 140, 19), "red roofs")

    collect_rows([layer], LSPACE, pictures_of(chip)).write(tmp_path)

    rows = {row["metadata"]["task"]: row for row in read_by_worker(tmp_path)}
    assert {name: row["answer"] for name, row in rows.items()} == {
        "ground": written("water", (10, 10, 59, 39)),
        "vessels": written("vessel_candidate", (20, 15, 23, 18)),
        "words": written("red roofs", (100, 15, 139, 18)),
    }
    assert [row["truth"] for row in rows.values()] == [1, 1, 1]
    assert rows["vessels"]["system"] == LSPACE.task("vessels").system
    assert rows["vessels"]["metadata"]["label"] == "vessel_candidate"
    assert rows["ground"]["images"] == [f"{chip.chip_id}.png"]
    assert (tmp_path / "chips" / f"{chip.chip_id}.png").read_bytes() == chip.png


@pytest.mark.parametrize("task", [task for task in LSPACE.offered if task.answer == "boxes"])
def test_the_prompt_is_the_one_that_the_worker_asks(task, tmp_path):
    dates = ("2022-05-01", "2022-07-01")[-task.images :]
    chips = [chip_at(seed=seed, date=date) for seed, date in enumerate(dates)]
    targets = (TREES,) if task.takes_targets else ()
    label = TREES if task.takes_targets else LSPACE.words_for_label(task.label)
    run = run_of(*chips, task=task.name, targets=targets, images=len(chips))
    layer = proposal_layer(run)
    propose(layer, run, chips[-1], (10, 10, 60, 40), label, prompt="whatever was asked")

    collect_rows([layer], LSPACE, pictures_of(*chips)).write(tmp_path)

    code = """
from model_backend.contract import load_contracts
from model_backend.inference.prompts import build_prompts

prompt = build_prompts(load_contracts()["lspace"], task, targets, dates=dates)[-1]
print(json.dumps([prompt.system, prompt.text]))
"""
    (row,) = read_by_worker(tmp_path)
    asked = ask_worker(code, task=task.name, targets=targets, dates=dates)
    assert [row["system"], row["prompt"]] == asked
    assert row["answer"] == written(task.label or TREES, (10, 10, 59, 39))
    assert row["images"] == [f"{chip.chip_id}.png" for chip in chips]


def test_rows_are_mixed_and_split_by_the_training_command(tmp_path):
    for east_m in (0, 30_000):
        chip = chip_at(east_m)
        run = run_of(chip)
        layer = proposal_layer(run)
        propose(layer, run, chip, (10, 10, 60, 40))
        collect_rows([layer], LSPACE, pictures_of(chip)).write(tmp_path)
    mix = {"sets": [{"rows": "rows.jsonl", "repeat": 3}], "hold_out": {"share": 0.5}}
    (tmp_path / "mix.json").write_text(json.dumps(mix))

    command = [WORKER_PYTHON, "-m", "model_backend.training", "mix"]
    command += [str(tmp_path / "mix.json"), str(tmp_path / "mixed")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "train.jsonl: 3 rows, 1 locations" in done.stdout
    assert "held_out.jsonl: 1 rows, 1 locations" in done.stdout


# what the reviewer decided


def test_a_question_with_a_pending_proposal_waits():
    chip = chip_at()
    run = run_of(chip, targets=(WATER, TREES))
    layer = proposal_layer(run)
    propose(layer, run, chip, (10, 10, 60, 40))
    propose(layer, run, chip, (70, 70, 90, 90), status="pending")
    propose(layer, run, chip, (100, 100, 120, 120), TREES)

    batch = collect_rows([layer], LSPACE, pictures_of(chip))

    assert answers(batch) == {TREES: written(TREES, (100, 100, 119, 119))}
    assert batch.counts == RowCounts(rows=1, boxes=1, pending=1)


def test_a_rejected_box_is_kept_beside_the_answer():
    chip, run, layer = water_layer((10, 10, 60, 40))
    propose(layer, run, chip, (70, 70, 90, 90), status="rejected")

    batch = collect_rows([layer], LSPACE, pictures_of(chip))

    assert answers(batch) == {WATER: written("water", (10, 10, 59, 39))}
    assert facts(batch)["rejected"] == json.loads(written("water", (70, 70, 89, 89)))
    assert facts(batch)["reviewed"] == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize("wanted", [False, True])
def test_an_empty_answer_is_written_only_where_it_is_wanted(wanted, tmp_path):
    chip, run, layer = water_layer()
    propose(layer, run, chip, (70, 70, 90, 90), status="rejected")

    batch = collect_rows([layer], LSPACE, pictures_of(chip), empty=wanted)

    assert answers(batch) == ({WATER: "[]"} if wanted else {})
    assert batch.counts == (RowCounts(rows=1) if wanted else RowCounts(empty=1))
    batch.write(tmp_path)
    assert [row["answer"] for row in read_by_worker(tmp_path)] == ["[]"] * wanted


def test_a_question_without_any_proposal_was_not_reviewed():
    chip, _, layer = water_layer((10, 10, 60, 40), targets=(WATER, TREES))
    batch = collect_rows([layer], LSPACE, pictures_of(chip), empty=True)
    assert list(answers(batch)) == [WATER]


def test_a_relabelled_box_answers_the_question_for_its_new_label():
    chip = chip_at()
    run = run_of(chip, targets=(WATER, TREES))
    layer = proposal_layer(run)
    propose(layer, run, chip, (10, 10, 60, 40))
    relabelled = propose(layer, run, chip, (100, 100, 120, 120))
    decide(layer, relabelled, label=TREES)

    batch = collect_rows([layer], LSPACE, pictures_of(chip))

    assert answers(batch) == {
        WATER: written("water", (10, 10, 59, 39)),
        TREES: written("tree cover", (100, 100, 119, 119)),
    }


@pytest.mark.parametrize(("words", "label"), [(VESSELS, "vessel_candidate"), ("shadow", "shadow")])
def test_a_label_that_nothing_asked_for_is_kept_beside_the_answer(words, label):
    chip, run, layer = water_layer((10, 10, 60, 40))
    fid = propose(layer, run, chip, (70, 70, 90, 90))
    decide(layer, fid, label=words)

    batch = collect_rows([layer], LSPACE, pictures_of(chip))

    assert answers(batch) == {WATER: written("water", (10, 10, 59, 39))}
    assert facts(batch)["unwritten"] == json.loads(written(label, (70, 70, 89, 89)))
    assert batch.counts == RowCounts(rows=1, boxes=1, unwritten=1)


def test_the_models_own_word_for_what_it_was_asked_becomes_the_trained_one():
    chip = chip_at()
    run = run_of(chip, task="vessels", targets=())
    layer = proposal_layer(run)
    propose(layer, run, chip, (20, 15, 24, 19), "ship", prompt=SHIPS_PROMPT)
    batch = collect_rows([layer], LSPACE, pictures_of(chip))
    assert answers(batch) == {VESSELS: written("vessel_candidate", (20, 15, 23, 18))}


def test_a_prompt_of_the_users_own_becomes_the_trained_one():
    asked = "Where is {target}, please?"
    chip = chip_at()
    run = run_of(chip, targets=(WATER, TREES), options={"wordings": {"ground": asked}})
    layer = proposal_layer(run)
    # the label leaves open which question it answers, the prompt does not
    propose(layer, run, chip, (10, 10, 60, 40), "lake", prompt="Where is water, please?")

    batch = collect_rows([layer], LSPACE, pictures_of(chip))

    assert answers(batch) == {WATER: written("water", (10, 10, 59, 39))}
    (entry,) = batch.entries.values()
    assert entry["messages"][0]["content"][-1]["text"] == prompt_of(WATER)


def test_one_prompt_for_all_targets_is_told_apart_by_the_label():
    chip = chip_at()
    run = run_of(chip, targets=(WATER, TREES), options={"wordings": {"ground": "Box everything."}})
    layer = proposal_layer(run)
    propose(layer, run, chip, (10, 10, 60, 40), TREES, prompt="Box everything.")
    propose(layer, run, chip, (70, 70, 90, 90), "lake", prompt="Box everything.")

    batch = collect_rows([layer], LSPACE, pictures_of(chip))

    assert answers(batch) == {TREES: written(TREES, (10, 10, 59, 39))}
    assert batch.counts == RowCounts(rows=1, boxes=1, strange=1)


# shapes


@pytest.mark.parametrize("crs", ["EPSG:32604", "EPSG:4326"])
def test_a_reshaped_box_is_the_box_around_its_new_shape(crs):
    chip, run = chip_at(), run_of(chip_at())
    layer = proposal_layer(run, crs_of(crs))
    fid = propose(layer, run, chip, (10, 10, 60, 40))
    shape = outline(chip, (20, 30, 80, 50)).combine(outline(chip, (70, 45, 75, 90)))
    assert layer.startEditing()
    assert layer.changeGeometry(fid, transformed(shape, UTM, layer.crs()))

    batch = collect_rows([layer], LSPACE, pictures_of(chip))  # not committed yet

    assert answers(batch) == {WATER: written("water", (20, 30, 79, 89))}


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ((-30, 10, 40, 40), (0, 10, 39, 39)),
        ((190, 200, 240, 230), (190, 200, 223, 223)),
        ((-30, 10, 20, 40), None),
        ((300, 300, 320, 320), None),
    ],
)
def test_what_lies_outside_of_the_chip_is_cut_off_or_told(box, kept):
    chip, _, layer = water_layer((100, 100, 110, 110), box)

    batch = collect_rows([layer], LSPACE, pictures_of(chip))

    larger = [kept] if kept else []
    assert answers(batch) == {WATER: written("water", *larger, (100, 100, 109, 109))}
    assert batch.counts.outside == (kept is None)


def test_a_sliver_is_a_pixel_at_the_least():
    chip, _, layer = water_layer((10.2, 10, 10.4, 40))
    assert answers(collect_rows([layer], LSPACE, pictures_of(chip))) == {
        WATER: written("water", (10, 10, 10, 39))
    }


@pytest.mark.parametrize("task", ["ground", "vessels"])
@pytest.mark.parametrize("contract", [LSPACE, MINI], ids=["lspace", "mini"])
def test_the_answer_has_the_trained_order_and_no_more_than_the_most(contract, task, tmp_path):
    label = contract.task(task).label
    most = contract.objects.max_boxes if label else contract.regions.max_boxes
    chip, words = chip_at(), VESSELS if label else WATER
    run = run_of(chip, task=task, targets=() if label else (WATER,))
    layer = proposal_layer(run)
    for number in range(most + 2):
        left = 8 * (number * 5 % (most + 2))  # neither in the order of size nor from the left
        propose(layer, run, chip, (left, 0, left + 4, 10 + number), words, prompt="?")

    batch = collect_rows([layer], contract, pictures_of(chip))
    batch.write(tmp_path)

    (row,) = read_by_worker(tmp_path, contract.name)
    assert (batch.counts.boxes, batch.counts.unwritten) == (most, 2)
    boxes = [entry["bbox"] for entry in json.loads(row["answer"])]
    goes_left = label and contract.objects.order == "left"
    assert boxes == sorted(boxes, key=(lambda box: box[0]) if goes_left else (lambda box: -box[3]))


# pictures and places


def test_a_question_whose_picture_is_gone_is_counted():
    first, second = chip_at(), chip_at(east_m=4000, seed=1)
    run = run_of(first, second)
    layer = proposal_layer(run)
    propose(layer, run, first, (10, 10, 60, 40))
    propose(layer, run, second, (10, 10, 60, 40))

    batch = collect_rows([layer], LSPACE, pictures_of(second))

    assert list(batch.pictures) == [second.chip_id]
    assert batch.counts == RowCounts(rows=1, boxes=1, without_picture=1)


def test_a_pair_needs_both_pictures():
    before, after = chip_at(seed=0), chip_at(seed=1)
    run = run_of(before, after, task="flood", targets=(), images=2)
    layer = proposal_layer(run)
    propose(layer, run, after, (10, 10, 60, 40), "inundation", prompt="?")

    assert collect_rows([layer], LSPACE, pictures_of(after)).counts == RowCounts(without_picture=1)
    assert set(collect_rows([layer], LSPACE, pictures_of(before, after)).pictures) == {
        before.chip_id,
        after.chip_id,
    }


def test_chips_that_overlap_are_in_one_split_and_far_ones_have_a_location_of_their_own():
    places = []
    for east_m in (0, 2560, 40_000):
        chip = chip_at(east_m)
        run = run_of(chip)
        layer = proposal_layer(run)
        propose(layer, run, chip, (10, 10, 60, 40))
        places.append(facts(collect_rows([layer], LSPACE, pictures_of(chip))))
    assert [place["location"] for place in places] == ["21.4N-157.9W", "21.4N-157.9W", "21.4N-157.6W"]
    assert places[0]["split"] == places[1]["split"]


def test_what_answers_no_question_is_counted():
    chip, _, layer = water_layer((10, 10, 60, 40))
    drawn = QgsFeature(layer.fields())
    drawn.setGeometry(outline(chip, (70, 70, 90, 90)))
    assert layer.dataProvider().addFeature(drawn)
    foreign = QgsVectorLayer("MultiPolygon?crs=EPSG:4326&field=status:string", "foreign", "memory")
    assert foreign.dataProvider().addFeature(QgsFeature(foreign.fields()))
    text_run = run_of(chip, task="caption", targets=())
    unasked = proposal_layer(text_run)
    propose(unasked, text_run, chip, (10, 10, 60, 40))

    batch = collect_rows([layer, foreign, unasked], LSPACE, pictures_of(chip))

    assert batch.counts == RowCounts(rows=1, boxes=1, strange=3)


def test_a_layer_that_was_saved_and_opened_again_gives_the_same_rows(tmp_path):
    chip, _, layer = water_layer((10, 10, 60, 40), (70, 70, 90, 90))
    saved = save_layer(layer, tmp_path / "reviewed", ExportFormat.GEOPACKAGE)
    again = QgsVectorLayer(saved.uri, "again", "ogr")
    again.loadDefaultMetadata()

    rows = [collect_rows([each], LSPACE, pictures_of(chip)) for each in (layer, again)]

    assert rows[0] == rows[1]
    assert rows[1].counts.boxes == 2


def test_the_last_run_about_the_same_picture_counts():
    chip = chip_at()
    layers = []
    for day, box in (("02", (70, 70, 90, 90)), ("01", (10, 10, 60, 40))):
        run = run_of(chip, created=f"2026-01-{day}T00:00:00Z")
        layers.append(proposal_layer(run))
        propose(layers[-1], run, chip, box)
    batch = collect_rows(layers, LSPACE, pictures_of(chip))
    assert answers(batch) == {WATER: written("water", (70, 70, 89, 89))}
    assert batch.counts == RowCounts(rows=1, boxes=1)


# the folder


def lines_of(folder):
    return (folder / "rows.jsonl").read_text().splitlines()


def test_rows_are_added_and_those_of_the_same_question_replaced(tmp_path):
    chip, run, layer = water_layer((10, 10, 60, 40))
    other = chip_at(east_m=8000, seed=3)
    other_run = run_of(other)
    other_layer = proposal_layer(other_run)
    propose(other_layer, other_run, other, (1, 1, 9, 9))
    first = collect_rows([layer], LSPACE, pictures_of(chip)).write(tmp_path)
    collect_rows([other_layer], LSPACE, pictures_of(other)).write(tmp_path)
    propose(layer, run, chip, (70, 70, 90, 90))

    second = collect_rows([layer], LSPACE, pictures_of(chip)).write(tmp_path)

    assert (first.replaced, second.replaced) == (0, 1)
    assert sorted(row["answer"] for row in read_by_worker(tmp_path)) == [
        written("water", (1, 1, 8, 8)),
        written("water", (10, 10, 59, 39), (70, 70, 89, 89)),
    ]
    assert len(list((tmp_path / "chips").iterdir())) == 2


def test_lines_that_cannot_be_read_stay_as_they_are(tmp_path):
    strange = ['{"messages": [], "metadata": 3}', "no JSON at all", '["\u2028"]']
    (tmp_path / "rows.jsonl").write_text("\n".join(strange), encoding="utf-8")
    chip, _, layer = water_layer((10, 10, 60, 40))

    collect_rows([layer], LSPACE, pictures_of(chip)).write(tmp_path)

    text = (tmp_path / "rows.jsonl").read_text(encoding="utf-8")
    assert text.split("\n")[:3] == strange
    assert text.count("\n") == 4


def test_a_full_disk_leaves_the_older_rows(tmp_path):
    chip, _, layer = water_layer((10, 10, 60, 40))
    collect_rows([layer], LSPACE, pictures_of(chip)).write(tmp_path)
    before = lines_of(tmp_path)
    large = chip_at(seed=5, size=(512, 512))
    new_run = run_of(large)
    new_layer = proposal_layer(new_run)
    propose(new_layer, new_run, large, (1, 1, 90, 90))
    batch = collect_rows([new_layer], LSPACE, pictures_of(large))

    with files_limited_to(300_000), pytest.raises(DiskFull):
        batch.write(tmp_path)

    assert len(large.png) > 300_000
    assert lines_of(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chips", "rows.jsonl"]
    assert [path.stem for path in (tmp_path / "chips").iterdir()] == [chip.chip_id]


@pytest.mark.parametrize("said", [(True,), (False, True)])
def test_giving_up_between_the_steps_leaves_nothing(tmp_path, said):
    chip, _, layer = water_layer((10, 10, 60, 40))
    answer = iter(said)
    with pytest.raises(SaveCancelled):
        collect_rows([layer], LSPACE, pictures_of(chip)).write(tmp_path, lambda: next(answer))
    assert list(tmp_path.iterdir()) == []


def test_a_batch_no_longer_needs_its_layer(tmp_path):
    chip, _, layer = water_layer((10, 10, 60, 40))
    batch = collect_rows([layer], LSPACE, pictures_of(chip))
    assert layer.dataProvider().truncate()
    assert batch.write(tmp_path).counts.rows == 1
    assert len(read_by_worker(tmp_path)) == 1


def test_the_row_knows_its_run_and_its_place():
    chip, run, layer = water_layer((10, 10, 60, 40))
    known = facts(collect_rows([layer], LSPACE, pictures_of(chip)))
    assert known["geotransform"] == list(ChipRecord.of(chip).transform)
    assert (known["model"], known["revision"], known["run_id"]) == (run.model, run.revision, run.run_id)
    assert known["crs"] == chip.crs_wkt
