"""N2-Eye learns conversations: its projection and language model change, its vision encoder does not."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch
from lspace.model_backend.errors import RowInvalid
from lspace.model_backend.inference.exact.engine import load_engine
from lspace.model_backend.inference.exact.n2_eye import load_n2_eye
from lspace.model_backend.inference.prompts import Prompt
from lspace.model_backend.inference.random_n2_eye import write_random_n2_eye
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

FAST_LORA = {"method": "lora", "learning_rate": 2e-2}
EITHER = pytest.mark.parametrize("method", [{"method": "full"}, FAST_LORA], ids=["full", "lora"])
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny checkpoint in float32, so that small steps are not rounded away."""
    folder = tmp_path_factory.mktemp("base")
    write_random_n2_eye(folder / "rounded", "tiny")
    model = load_n2_eye(folder / "rounded", torch.float32)
    export_model(model, folder / "n2-eye", readers=folder / "rounded", dtype=torch.float32)
    return folder / "n2-eye"


@pytest.fixture
def run(tmp_path, base):
    """Trains on conversations about painted pictures; gives the output folder."""
    converse(tmp_path)

    def make(out="out", **values):
        fit(write_plan(tmp_path, **{"base": str(base), **values}), tmp_path / out)
        return tmp_path / out

    return make


def converse(folder) -> list[Row]:
    """Writes rows with two questions about each painted picture."""
    sure = (Message("user", "Are you sure?"), Message("assistant", "Quite."))
    rows = [replace(row, messages=(*row.messages, *sure)) for row in paint(folder)]
    write_rows(rows, folder / "rows.jsonl")
    return rows


def greatest_step(before, after, part):
    assert before.keys() == after.keys()
    return max((after[name] - before[name]).abs().max().item() for name in before if name.startswith(part))


def answers(folder, rows):
    engine = load_engine(ModelChoice(str(folder), device="cpu", precision="float32"), lambda *_: None)
    prompt = Prompt("test", None, QUESTION, "text", 12, trained=False)
    questions = [(prompt, [Image.open(path) for path in row.images]) for row in rows]
    return [completion.text for completion in engine.complete_batch(questions, lambda: False)]


def test_conversations_are_learned_until_the_engine_gives_their_answers(run, base, tmp_path):
    rows = converse(tmp_path)
    out = run(max_steps=60, held_out=["rows.jsonl"], save_steps=30, log_steps=5)
    losses = [line["held_out_loss"] for line in read_log(out / "log.jsonl") if "held_out_loss" in line]
    assert losses[-1] < losses[0] / 4
    learned = [row.messages[1].text for row in rows]
    assert answers(out / "model", rows) == learned
    assert answers(base, rows) != learned


@EITHER
def test_the_vision_encoder_stays_as_it_was_and_the_rest_learns(run, base, method):
    out = run(max_steps=2, **method)
    before, after = load_file(base / WEIGHTS), load_file(out / "model" / WEIGHTS)
    assert greatest_step(before, after, "vision_encoder.") == 0
    assert greatest_step(before, after, "vision_projection.") > 1e-4
    assert greatest_step(before, after, "language_model.") > 1e-4


def test_the_vision_encoder_learns_where_the_plan_says_so(run, base):
    out = run(max_steps=1, warm_up=0.0, learning_rate=1e-3, vision_lr_multiplier=0.05, freeze_vision=False)
    before, after = load_file(base / WEIGHTS), load_file(out / "model" / WEIGHTS)
    # Adam's first step is the learning rate, whatever the gradient
    assert greatest_step(before, after, "vision_encoder.") == pytest.approx(5e-5, rel=0.01)
    assert greatest_step(before, after, "vision_projection.") == pytest.approx(1e-3, rel=0.01)


@EITHER
def test_a_run_that_goes_on_ends_with_the_weights_of_an_unbroken_one(run, method):
    values = {"epochs": 4.0, "gradient_checkpointing": True, "lora_dropout": 0.3, **method}
    out = run(**values)  # 12 rows, 3 steps an epoch, checkpoints at 4, 8, 12
    unbroken = load_file(out / "model" / WEIGHTS)
    shutil.rmtree(out / "model")
    shutil.rmtree(out / "checkpoint-12")
    assert last_checkpoint(out).name == "checkpoint-8"
    assert greatest_step(unbroken, load_file(run(**values) / "model" / WEIGHTS), "") < 1e-5


def test_rows_side_by_side_teach_the_same_as_one_after_the_other(run):
    beside = run("beside", max_steps=3, batch=4, accumulation=1, gradient_checkpointing=False)
    after = run("after", max_steps=3, batch=1, accumulation=4)
    losses = [[line["loss"] for line in read_log(out / "log.jsonl")] for out in (beside, after)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_bfloat16_changes_little(run):
    precise, rough = (
        load_file(run(out, max_steps=2, precision=precision) / "model" / WEIGHTS)
        for out, precision in (("a", "float32"), ("b", "bfloat16"))
    )
    assert 0 < greatest_step(precise, rough, "") < 0.01


def test_the_export_equals_the_adapted_model_and_stores_shared_weights_once(run, base, tmp_path):
    out = run(max_steps=4, **FAST_LORA)
    start = open_start(Plan(("rows.jsonl",), base="n2-eye"), base, tmp_path / "readers", None)
    batch = Collator(start.chat, start.cutter, start.architecture)(converse(tmp_path)[:4])
    untrained = load_n2_eye(base, torch.float32)
    adapted = PeftModel.from_pretrained(load_n2_eye(base, torch.float32), str(out / "checkpoint-4")).eval()
    merged = load_n2_eye(out / "model", torch.float32)
    with torch.no_grad():
        before, expected, given = (model(**batch).logits for model in (untrained, adapted, merged))
    assert torch.allclose(given, expected, atol=1e-3)
    assert (before - expected).abs().max() > 0.1
    assert merged.language_model.lm_head.weight is merged.language_model.model.embed_tokens.weight
    names = load_file(out / "model" / WEIGHTS).keys()
    assert names == load_file(base / WEIGHTS).keys()
    assert "language_model.lm_head.weight" not in names


def test_an_export_is_no_random_model_any_more_and_reads_as_before(run, base):
    out = run(max_steps=1)
    choice = ModelChoice(str(out / "model"), device="cpu", precision="float32")
    engine = load_engine(choice, lambda *_: None)
    assert not engine.info.random_weights
    assert engine.contract.name == "n2-eye"
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (out / "model" / name).read_bytes() == (base / name).read_bytes()


def test_a_second_image_is_refused_with_its_row(run, tmp_path):
    rows = converse(tmp_path)
    images = rows[1].messages[0].images + rows[2].messages[0].images
    rows[1] = replace(rows[1], messages=(Message("user", QUESTION, images), rows[1].messages[1]))
    write_rows(rows, tmp_path / "rows.jsonl")
    with pytest.raises(RowInvalid, match=r"rows\.jsonl, line 2: .* at most 1 image in a conversation, not 2"):
        run(max_steps=1)
