"""The device is chosen by running something on it."""

from __future__ import annotations

import pytest
import torch
from lspace.model_backend.errors import DeviceError, OutOfMemory, RequestError
from lspace.model_backend.inference.exact import device
from lspace.model_backend.inference.exact.device import choose_device, reporting_out_of_memory
from lspace.model_backend.request import ModelChoice

NO_GPU = not torch.cuda.is_available() and not torch.backends.mps.is_available()


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.skipif(not NO_GPU, reason="this machine has a GPU")
def test_without_a_gpu_the_cpu_is_taken_and_the_reason_is_one_sentence():
    chosen = choose_device(ModelChoice("any"))
    assert (chosen.device, chosen.title) == ("cpu", "cpu")
    assert chosen.reason.startswith("torch finds no GPU")
    assert chosen.reason.endswith(".")
    assert chosen.probe_s > 0


@pytest.mark.parametrize(("bfloat16_s", "precision"), [(0.1, "bfloat16"), (0.9, "float32"), (7.0, "float32")])
def test_a_cpu_computes_in_bfloat16_only_where_that_was_measured_to_be_faster(
    bfloat16_s, precision, monkeypatch
):
    monkeypatch.setattr(
        device, "kernel_seconds", lambda _device, dtype: 1.0 if dtype == torch.float32 else bfloat16_s
    )
    chosen = choose_device(ModelChoice("any", device="cpu"))
    assert chosen.precision == precision
    assert chosen.dtype is getattr(torch, precision)


def test_a_precision_that_was_asked_for_is_taken():
    chosen = choose_device(ModelChoice("any", device="cpu", precision="bfloat16"))
    assert (chosen.precision, chosen.dtype) == ("bfloat16", torch.bfloat16)
    assert "asked for" in chosen.reason


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_was_asked_for_and_is_not_there_is_an_error():
    with pytest.raises(DeviceError, match="cuda was asked for"):
        choose_device(ModelChoice("any", device="cuda"))


def test_a_device_that_is_there_but_fails_is_passed_over(monkeypatch):
    def fail(where, dtype):
        if where == "cuda":
            raise RuntimeError("no kernel image is available for execution on the device")
        return 1.0

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "kernel_seconds", fail)
    assert choose_device(ModelChoice("any")).device != "cuda:0"
    with pytest.raises(DeviceError, match="no kernel image"):
        choose_device(ModelChoice("any", device="cuda"))


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (3, 2), (8, 7)])
def test_one_core_is_left_to_the_gui_where_there_are_more_than_two(cores, threads, monkeypatch):
    monkeypatch.setattr(device, "_CORES", cores)
    monkeypatch.setattr(device, "kernel_seconds", lambda *_: 1.0)
    assert choose_device(ModelChoice("any", device="cpu")).threads == threads
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("odd", [{"device": "tpu"}, {"precision": "int3"}, {"threads": 0}])
def test_words_that_mean_nothing_are_refused(odd):
    with pytest.raises(RequestError):
        choose_device(ModelChoice("any", **odd))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
    ],
)
def test_want_of_memory_has_one_name(error):
    with pytest.raises(OutOfMemory), reporting_out_of_memory():
        raise error


def test_torch_reports_want_of_memory_as_we_expect():
    with pytest.raises(OutOfMemory), reporting_out_of_memory():
        torch.empty(1 << 62, dtype=torch.uint8)


def test_other_errors_keep_their_name():
    with pytest.raises(RuntimeError, match="shape"), reporting_out_of_memory():
        raise RuntimeError("shape mismatch")
