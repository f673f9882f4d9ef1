"""A run learns its rows, can be broken off at any moment, and ends in a checkpoint that the engine runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from lspace.model_backend.errors import RequestError, RowInvalid
from lspace.model_backend.inference.exact.checkpoint import load_model
from lspace.model_backend.inference.exact.engine import load_engine
from lspace.model_backend.inference.prompts import Prompt
from lspace.model_backend.request import ModelChoice
from lspace.model_backend.training.corpus.row import Message, Row, write_rows
from lspace.model_backend.training.fine_tuning.collation import Collator
from lspace.model_backend.training.fine_tuning.curve import read_log
from lspace.model_backend.training.fine_tuning.export import export_model
from lspace.model_backend.training.fine_tuning.fit import fit, last_checkpoint
from lspace.model_backend.training.fine_tuning.plan import Plan
from lspace.model_backend.training.fine_tuning.start import open_start
from painted import QUESTION, paint, write_plan
from peft import PeftModel
from PIL import Image
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[4]
FAST_LORA = {"method": "lora", "learning_rate": 3e-2, "lora_dropout": 0.3}
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def base(tiny, tmp_path_factory):
    """The tiny checkpoint in float32, so that small steps are not rounded away."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
    export_model(load_model(tiny, torch.float32), folder, readers=tiny, dtype=torch.float32)
    return folder


@pytest.fixture
def run(tmp_path, base):
    """Trains on painted rows from the tiny checkpoint; gives the output folder."""
    paint(tmp_path)

    def make(out="out", **values) -> Path:
        fit(write_plan(tmp_path, **{"base": str(base), **values}), tmp_path / out)
        return tmp_path / out

    return make


def exported(out):
    return load_file(out / "model" / WEIGHTS)


def written(out):
    """When each file was written, but for the one that only locks."""
    files = [path for path in out.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path: path.stat().st_mtime_ns for path in files}


def greatest_difference(one, other):
    assert one.keys() == other.keys()
    return max((one[name] - other[name]).abs().max().item() for name in one)


def greatest_step(before, after, vision):
    names = [name for name in before if ("vision_tower" in name) is vision]
    return max((after[name] - before[name]).abs().max().item() for name in names)


def answers(folder, rows):
    engine = load_engine(
        ModelChoice(str(folder), device="cpu", precision="float32", threads=1), lambda *_: None
    )
    prompt = Prompt("test", None, QUESTION, "text", 12, trained=False)
    questions = [(prompt, [Image.open(path) for path in row.images]) for row in rows]
    return [completion.text for completion in engine.complete_batch(questions, lambda: False)]


def test_a_dozen_rows_are_learned_until_the_engine_gives_their_answers(run, tiny, tmp_path):
    rows = paint(tmp_path)
    out = run(base=str(tiny), max_steps=40, held_out=["rows.jsonl"], save_steps=20, log_steps=5)
    assert answers(out / "model", rows) == [row.answer for row in rows]
    assert answers(tiny, rows) != [row.answer for row in rows]
    assert {weights.dtype for weights in exported(out).values()} == {torch.bfloat16}


def test_every_log_step_is_a_line_on_stdout_and_in_the_log(run, capsys):
    out = run(max_steps=4, held_out=["rows.jsonl"], log_steps=2, save_steps=2)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed == read_log(out / "log.jsonl")
    assert [line["step"] for line in printed if "loss" in line] == [1, 2, 4]
    assert [line["step"] for line in printed if "held_out_loss" in line] == [0, 2, 4]
    assert {line["of"] for line in printed} == {4}
    assert printed[-1]["seconds_left"] == 0
    assert Image.open(out / "curve.png").format == "PNG"


def test_adapters_lower_the_loss_and_the_export_equals_the_adapted_model(run, base, tmp_path):
    out = run(max_steps=24, held_out=["rows.jsonl"], save_steps=24, **FAST_LORA)
    losses = [line["held_out_loss"] for line in read_log(out / "log.jsonl") if "held_out_loss" in line]
    assert losses[-1] < losses[0] / 4

    merged = load_model(out / "model", torch.float32).eval()
    adapted = PeftModel.from_pretrained(load_model(base, torch.float32), str(out / "checkpoint-24")).eval()
    start = open_start(Plan(("rows.jsonl",), base="tiny"), base, tmp_path / "readers", None)
    batch = Collator(start.chat, start.cutter, start.architecture)(paint(tmp_path)[:4])
    with torch.no_grad():
        expected, logits = adapted(**batch).logits, merged(**batch).logits
    assert torch.allclose(logits, expected, atol=1e-3)
    assert (load_model(base, torch.float32).eval()(**batch).logits - expected).abs().max() > 1


@pytest.mark.parametrize("method", [{"method": "full"}, FAST_LORA], ids=["full", "lora"])
def test_a_killed_run_ends_with_the_weights_and_log_of_an_unbroken_one(run, tmp_path, base, method):
    values = {"epochs": 4.0, "held_out": ["rows.jsonl"], **method}
    unbroken = run("unbroken", **values)  # 12 rows, 3 steps an epoch, checkpoints at 4, 8, 12

    plan = write_plan(tmp_path, **{"base": str(base), **values})
    code = "import sys; from model_backend.training.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "fit", str(plan), str(tmp_path / "killed")]
    # sums of several threads are rounded in another order
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as process:
        while json.loads(process.stdout.readline())["step"] < 6:
            pass
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model").exists()
    assert last_checkpoint(tmp_path / "killed").name == "checkpoint-4"

    killed = run("killed", **values)
    assert greatest_difference(exported(killed), exported(unbroken)) < 1e-4
    steps, again = (
        [(line["step"], line.get("loss"), line.get("held_out_loss")) for line in read_log(out / "log.jsonl")]
        for out in (unbroken, killed)
    )
    assert [step[0] for step in again] == [step[0] for step in steps]
    assert again == [pytest.approx(step, abs=1e-4) for step in steps]


@pytest.mark.parametrize("left", [1000, None], ids=["a piece", "all"])
def test_a_checkpoint_that_was_not_written_to_its_end_is_not_used(run, left):
    values = {"epochs": 4.0, **FAST_LORA}
    out = run(**values)
    weights = exported(out)
    # as it was in the middle of writing the last checkpoint
    shutil.rmtree(out / "model")
    (out / "checkpoint-12" / "whole").unlink()
    (out / "checkpoint-12" / "trainer_state.json").unlink()
    optimizer = out / "checkpoint-12" / "optimizer.pt"
    optimizer.write_bytes(optimizer.read_bytes()[:left])
    assert last_checkpoint(out).name == "checkpoint-8"
    assert greatest_difference(exported(run(**values)), weights) < 1e-5


def test_a_run_killed_while_exporting_only_exports(run):
    out = run(max_steps=4)
    weights, log = exported(out), (out / "log.jsonl").read_text()
    shutil.rmtree(out / "model")
    assert greatest_difference(exported(run(max_steps=4)), weights) == 0
    assert (out / "log.jsonl").read_text() == log


def test_a_finished_run_is_left_as_it_is(run):
    out = run(max_steps=2)
    before = written(out)
    run(max_steps=2)
    assert written(out) == before


def test_a_changed_plan_is_refused_with_what_differs(run):
    out = run(max_steps=1)
    with pytest.raises(RequestError, match=r"seed was 0, is 1") as caught:
        run(max_steps=1, seed=1)
    assert caught.value.values["changed"] == ["seed"]
    assert last_checkpoint(out).name == "checkpoint-1"


def test_changed_rows_are_refused(run, tmp_path):
    run(max_steps=1)
    paint(tmp_path, shades=2)
    with pytest.raises(RequestError, match=r"rows\.jsonl"):
        run(max_steps=1)


def test_a_folder_with_the_checkpoints_of_something_else_is_not_touched(run, tmp_path):
    (tmp_path / "out" / "checkpoint-5").mkdir(parents=True)
    with pytest.raises(RequestError, match=r"run\.json"):
        run(max_steps=1)
    assert (tmp_path / "out" / "checkpoint-5").is_dir()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(run):
    one, again, other = (
        exported(run(out, max_steps=2, seed=seed)) for out, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert greatest_difference(one, again) == 0
    assert greatest_difference(one, other) > 1e-4


def test_rows_side_by_side_teach_the_same_as_one_after_the_other(run, tmp_path):
    rows = [
        Row((Message("user", QUESTION, row.images), Message("assistant", row.answer * count)), {}, tmp_path)
        for row, count in zip(paint(tmp_path)[::3], (1, 5, 2, 9))
    ]
    rows = [
        Row((Message("user", QUESTION, (row.images[0].name,)), *row.messages[1:]), {}, tmp_path)
        for row in rows
    ]
    write_rows(rows, tmp_path / "rows.jsonl")
    beside = run("beside", max_steps=3, batch=4, accumulation=1)
    after = run("after", max_steps=3, batch=1, accumulation=4)
    losses = [[line["loss"] for line in read_log(out / "log.jsonl")] for out in (beside, after)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_the_vision_tower_learns_at_its_own_rate(run, base):
    # Adam's first step is the learning rate, whatever the gradient
    out = run(max_steps=1, warm_up=0.0, learning_rate=1e-3, vision_lr_multiplier=0.05)
    before, after = load_file(base / WEIGHTS), exported(out)
    assert greatest_step(before, after, vision=False) == pytest.approx(1e-3, rel=0.01)
    assert greatest_step(before, after, vision=True) == pytest.approx(5e-5, rel=0.01)


@pytest.mark.parametrize("method", [{"method": "full"}, FAST_LORA], ids=["full", "lora"])
def test_a_frozen_vision_tower_stays_as_it_was(run, base, method):
    out = run(max_steps=2, freeze_vision=True, **method)
    before, after = load_file(base / WEIGHTS), exported(out)
    assert greatest_step(before, after, vision=True) == 0
    assert greatest_step(before, after, vision=False) > 0


def test_recomputing_activations_changes_nothing_but_time(run):
    kept, recomputed = (
        exported(run(out, max_steps=2, gradient_checkpointing=on)) for out, on in (("a", False), ("b", True))
    )
    assert greatest_difference(kept, recomputed) < 1e-6


def test_a_model_from_scratch_learns_and_counts_as_trained(run):
    out = run(base=None, shape="tiny", max_steps=20, save_steps=20)
    losses = [line["loss"] for line in read_log(out / "log.jsonl")]
    assert losses[-1] < losses[0] / 1.5
    engine = load_engine(ModelChoice(str(out / "model"), device="cpu", precision="float32"), lambda *_: None)
    assert not engine.info.random_weights


def test_a_cpu_trains_in_bfloat16_where_that_is_asked_for_and_keeps_the_weights_in_float32(run):
    precise, rough = (
        exported(run(out, max_steps=2, precision=precision))
        for out, precision in (("a", "float32"), ("b", "bfloat16"))
    )
    assert {weights.dtype for weights in rough.values()} == {torch.float32}
    assert 0 < greatest_difference(precise, rough) < 0.01


def test_two_programs_do_not_train_in_one_folder(run, tmp_path):
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(RequestError, match="another program"):
        run(max_steps=1)


def test_a_loss_that_is_no_number_stops_the_run(run, tmp_path):
    with pytest.raises(RequestError, match="no number any more"):
        run(max_steps=4, learning_rate=1e30, warm_up=0.0, precision="float32")
    assert not (tmp_path / "out" / "model").exists()


def test_adapters_for_layers_that_are_not_there_are_refused(run):
    with pytest.raises(RequestError, match="lora_modules"):
        run(method="lora", lora_modules=["no_such_layer"])


def test_a_row_that_cannot_be_trained_on_is_named_with_its_line(run, tmp_path):
    rows = paint(tmp_path)
    write_rows([rows[0], Row(rows[1].messages[:1], {}, tmp_path)], tmp_path / "rows.jsonl")
    with pytest.raises(RowInvalid, match=r"rows\.jsonl, line 2: no answer"):
        run(max_steps=1)


def test_no_rows_at_all_are_refused(run, tmp_path):
    (tmp_path / "rows.jsonl").write_text("")
    with pytest.raises(RequestError, match="no rows"):
        run(max_steps=1)
