"""The probe tells what each device really did."""

from __future__ import annotations

import json

import pytest
import torch
from lspace.model_backend.errors import DeviceError, RequestError
from lspace.model_backend.inference.exact.probe import probe
from lspace.model_backend.request import ModelChoice


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def by_name(found):
    return {report["device"]: report for report in found["devices"]}


def test_the_cpu_works_and_its_speed_and_memory_are_told():
    found, error = probe(ModelChoice("", device="cpu", threads=1))
    assert error is None
    cpu = by_name(found)["cpu"]
    assert cpu["fault"] is None
    assert cpu["gflops"]["float32"] > 0.1
    assert 0 < cpu["free_mb"] < cpu["memory_mb"]
    assert (found["chosen"]["device"], found["chosen"]["threads"]) == ("cpu", 1)
    assert found["chosen"]["reason"].startswith("the CPU was asked for")
    assert found["torch"] == torch.__version__


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_cannot_be_had_leaves_the_others_known():
    found, error = probe(ModelChoice("", device="cuda"))
    assert isinstance(error, DeviceError)
    assert found["chosen"] is None
    assert by_name(found)["cpu"]["fault"] is None
    wanted = "build for the CPU only" if torch.version.cuda is None else "finds no such device"
    assert wanted in by_name(found)["cuda"]["fault"]
    assert by_name(found)["cuda"]["memory_mb"] is None


def test_everything_can_be_written_as_json():
    found, _error = probe(ModelChoice("", device="cpu", precision="float32"))
    assert json.loads(json.dumps(found)) == found


def test_an_unknown_device_is_refused():
    with pytest.raises(RequestError):
        probe(ModelChoice("", device="abacus"))
