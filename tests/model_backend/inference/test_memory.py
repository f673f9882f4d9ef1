"""A model that does not fit is refused before it is read, with both numbers."""

from __future__ import annotations

import json

import pytest
import torch
from lspace.model_backend.errors import ModelInvalid, OutOfMemory
from lspace.model_backend.inference.exact import engine, memory
from lspace.model_backend.inference.exact.engine import load_engine
from lspace.model_backend.inference.exact.memory import check_memory
from lspace.model_backend.main_memory import linux_memory
from lspace.model_backend.request import ModelChoice
from safetensors.torch import save_file

LSPACE_PARAMETERS = 448_700_000


@pytest.fixture
def as_large_as_lspace(tmp_path):
    """A folder whose weights say that they have lspace's size; the file is a hole."""
    header = json.dumps(
        {"a": {"dtype": "BF16", "shape": [LSPACE_PARAMETERS], "data_offsets": [0, 2 * LSPACE_PARAMETERS]}}
    ).encode()
    with (tmp_path / "model.safetensors").open("wb") as stream:
        stream.write(len(header).to_bytes(8, "little") + header)
        stream.truncate(8 + len(header) + 2 * LSPACE_PARAMETERS)
    return tmp_path


@pytest.fixture
def machine_with(monkeypatch, tmp_path):
    """Sets how much memory is available."""

    def available(megabytes: int) -> None:
        (tmp_path / "proc").mkdir(exist_ok=True)
        text = f"MemTotal: 64000000 kB\nMemAvailable: {megabytes * 1000 * 1000 // 1024} kB\n"
        (tmp_path / "proc" / "meminfo").write_text(text)
        monkeypatch.setattr(memory, "main_memory", lambda: linux_memory(tmp_path))

    return available


def refusal(folder, dtype, limit_mb=None) -> OutOfMemory:
    with pytest.raises(OutOfMemory) as caught:
        check_memory(folder, "cpu", dtype, limit_mb)
    return caught.value


def test_float32_needs_twice_what_bfloat16_needs_and_less_where_it_is_packed(
    as_large_as_lspace, machine_with, monkeypatch
):
    machine_with(100)
    half = refusal(as_large_as_lspace, torch.bfloat16).values["needed"]
    needed = {}
    for packs in (True, False):
        monkeypatch.setattr(memory, "has_kernel", lambda packs=packs: packs)
        needed[packs] = refusal(as_large_as_lspace, torch.float32).values["needed"]
    assert needed[False] > 4 * LSPACE_PARAMETERS
    assert needed[False] / half == pytest.approx(2, rel=0.06)
    assert needed[True] / half == pytest.approx(1.4, rel=0.06)


def test_only_what_is_written_in_16_bits_is_packed(tmp_path, machine_with):
    machine_with(0)
    needed = {}
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        save_file({"a": torch.zeros(1 << 20, dtype=dtype)}, tmp_path / "model.safetensors")
        needed[dtype] = refusal(tmp_path, torch.float32).values["needed"]
    assert needed[torch.bfloat16] == needed[torch.float16] < needed[torch.float32]


def test_a_machine_with_room_for_bfloat16_alone_takes_that_alone(as_large_as_lspace, machine_with):
    machine_with(1400)
    check_memory(as_large_as_lspace, "cpu", torch.bfloat16, None)
    error = refusal(as_large_as_lspace, torch.float32)
    assert "1.6 GB of main memory, and 1.4 GB are free" in str(error)
    assert error.values["free"] == pytest.approx(1.4e9, rel=0.01)


def test_a_limit_counts_the_program_too(as_large_as_lspace, machine_with):
    machine_with(30_000)
    check_memory(as_large_as_lspace, "cpu", torch.float32, 2100)
    error = refusal(as_large_as_lspace, torch.float32, 2000)
    assert "2.0 GB of memory, and the limit is 2.0 GB" in str(error)
    assert error.values["limit"] == 2_000_000_000


def test_what_a_machine_does_not_tell_is_no_reason_to_refuse(as_large_as_lspace, monkeypatch):
    monkeypatch.setattr(memory, "main_memory", lambda: None)
    check_memory(as_large_as_lspace, "cpu", torch.float32, None)


def test_a_refused_model_is_not_read(tiny, monkeypatch):
    monkeypatch.setattr(engine, "open_checkpoint", lambda *_: pytest.fail("read"))
    choice = ModelChoice(str(tiny), device="cpu", precision="float32", memory_limit_mb=300)
    with pytest.raises(OutOfMemory, match="the limit is 300 MB"):
        load_engine(choice, lambda *_: None)


def test_a_model_within_its_limit_is_loaded(tiny):
    choice = ModelChoice(str(tiny), device="cpu", precision="float32", memory_limit_mb=600)
    assert load_engine(choice, lambda *_: None).info.name == "tiny"


def test_weights_that_cannot_be_measured_are_named(broken):
    (broken / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelInvalid, match=r"broken/model\.safetensors"):
        check_memory(broken, "cpu", torch.float32, None)
