"""A plan is read whole, or refused with the name of what is wrong."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.errors import RequestError
from lspace.model_backend.training.fine_tuning.plan import Plan, read_plan

LEAST = {"rows": ["rows.jsonl"], "base": "NuTonic/lspace"}


@pytest.fixture
def read(tmp_path):
    """Reads a plan with these values besides the least that one needs."""

    def make(**values) -> Plan:
        path = tmp_path / "plan.json"
        path.write_text(json.dumps({**LEAST, **values}))
        return read_plan(path)

    return make


def test_the_defaults_are_those_of_the_published_training_script(read):
    plan = read()
    assert (plan.method, plan.lora_rank, plan.lora_alpha, plan.lora_dropout) == ("lora", 16, 32, 0.05)
    assert (plan.epochs, plan.learning_rate, plan.warm_up, plan.weight_decay) == (1, 1e-5, 0.05, 0)
    assert (plan.batch, plan.accumulation, plan.vision_lr_multiplier) == (1, 16, 0.05)
    assert plan.gradient_checkpointing


@given(
    rate=st.floats(1e-9, 1.0),
    steps=st.none() | st.integers(1, 10**9),
    rows=st.lists(st.text(), min_size=1).map(tuple),
    log_steps=st.integers(1, 1000),
)
def test_a_plan_survives_its_file(tmp_path_factory, rate, steps, rows, log_steps):
    plan = Plan(
        rows, base="x", learning_rate=rate, max_steps=steps, log_steps=log_steps, save_steps=3 * log_steps
    )
    path = tmp_path_factory.getbasetemp() / "plan.json"
    path.write_text(json.dumps(asdict(plan)))
    assert read_plan(path) == plan


def test_an_unknown_key_is_named(read):
    with pytest.raises(RequestError, match="lerning_rate"):
        read(lerning_rate=1e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows", "rows.jsonl"),
        ("rows", [1]),
        ("held_out", None),
        ("base", 7),
        ("epochs", "1"),
        ("batch", 1.5),
        ("batch", True),
        ("lora_rank", None),
        ("freeze_vision", 1),
        ("max_steps", "many"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(read, name, value):
    with pytest.raises(RequestError, match=name):
        read(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows", []),
        ("method", "qlora"),
        ("precision", "float16"),
        ("lora_modules", []),
        ("lora_rank", 0),
        ("lora_dropout", 1.0),
        ("epochs", 0),
        ("max_steps", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("warm_up", 1.5),
        ("weight_decay", -0.1),
        ("batch", 0),
        ("vision_lr_multiplier", -1.0),
        ("seed", -1),
        ("save_steps", 15),
    ],
)
def test_a_value_out_of_range_is_named(read, name, value):
    with pytest.raises(RequestError, match=name):
        read(**{name: value})


def test_all_faults_are_named_at_once(read):
    with pytest.raises(RequestError, match=r"batch.*seed"):
        read(batch=0, seed=-1)


@pytest.mark.parametrize("origin", [{"base": None}, {"shape": "tiny", "method": "full"}])
def test_one_origin_is_needed_and_no_more(read, origin):
    with pytest.raises(RequestError, match="either base or shape"):
        read(**origin)


def test_an_adapter_for_nothing_is_refused(read):
    with pytest.raises(RequestError, match="from scratch"):
        read(base=None, shape="tiny", method="lora")


@pytest.mark.parametrize("text", ["", "{", "[]", '"rows"', '{"rows": ["\udcff"]}'])
def test_what_is_no_plan_is_refused(tmp_path, text):
    path = tmp_path / "plan.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RequestError):
        read_plan(path)


def test_a_missing_plan_is_named(tmp_path):
    with pytest.raises(RequestError, match="nowhere"):
        read_plan(tmp_path / "nowhere.json")
