# SPDX-License-Identifier: GPL-2.0-or-later
"""The plan of a fine-tuning: one JSON file that says everything about a run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import RequestError
from ...record import read_record, strings

_CHOICES = {
    "shape": (None, "tiny", "full"),
    "method": ("lora", "full"),
    "precision": ("auto", "float32", "bfloat16"),
}
_POSITIVE = (
    *("lora_rank", "lora_alpha", "epochs", "max_steps", "learning_rate", "batch", "accumulation"),
    *("log_steps", "save_steps"),
)
_NOT_NEGATIVE = ("weight_decay", "vision_lr_multiplier", "seed")
_SHARES = ("lora_dropout", "warm_up")


@dataclass(frozen=True)
class Plan:
    """What is trained on what and how; the defaults are those of lspace's own training script.

    Paths are relative to the plan's folder.
    """

    rows: tuple[str, ...]
    """Files of rows to train on."""
    held_out: tuple[str, ...] = ()
    """Files of rows on which only the loss is measured."""
    base: str | None = None
    """Checkpoint to start from: a folder or a hub id."""
    shape: str | None = None
    """``tiny`` or ``full``: starts from scratch instead, with the shapes of a random checkpoint."""
    method: str = "lora"
    """``lora`` or ``full``."""
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    lora_modules: tuple[str, ...] = (
        *("q_proj", "k_proj", "v_proj", "out_proj", "conv.in_proj"),
        *("fc1", "fc2", "linear_1", "linear_2"),
    )
    """Ends of the names of the linear layers that get an adapter."""
    epochs: float = 1.0
    max_steps: int | None = None
    """Stops after so many steps of the optimizer, whatever ``epochs`` says."""
    learning_rate: float = 1e-5
    """At its highest; falls as a cosine to 0."""
    warm_up: float = 0.05
    """Share of the steps in which the rate rises."""
    weight_decay: float = 0.0
    batch: int = 1
    """Rows in one pass."""
    accumulation: int = 16
    """Passes to a step of the optimizer."""
    vision_lr_multiplier: float = 0.05
    freeze_vision: bool | None = None
    """Whether the vision encoder stays as it is; None as the model's card has it."""
    gradient_checkpointing: bool = True
    precision: str = "auto"
    """``auto`` is bfloat16 on a CUDA card that has it, else float32; the weights stay in float32."""
    seed: int = 0
    log_steps: int = 10
    save_steps: int = 100
    """Steps between two checkpoints; the held-out loss is measured at the same steps."""

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise RequestError(f"the plan cannot be followed: {'; '.join(faults)}", faults=faults)


def read_plan(path: Path) -> Plan:
    """The plan in a file.

    Raises:
        RequestError: not readable, not JSON, or a key that is unknown, missing or has a wrong value.
    """
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} is no plan: {error}", plan=str(path)) from error
    return read_record(Plan, payload, {"rows": strings, "held_out": strings, "lora_modules": strings})


def _faults(plan: Plan) -> Iterator[str]:
    if not plan.rows:
        yield "rows names no file"
    if (plan.base is None) == (plan.shape is None):
        yield "either base or shape has to be given"
    if plan.shape is not None and plan.method == "lora":
        yield "from scratch there is nothing to adapt: method has to be 'full'"
    if plan.method == "lora" and not plan.lora_modules:
        yield "lora_modules names no layer"
    for name, allowed in _CHOICES.items():
        if getattr(plan, name) not in allowed:
            yield f"{name} has to be one of {allowed}, not {getattr(plan, name)!r}"
    yield from _faulty_numbers(plan)
    if plan.log_steps > 0 and plan.save_steps % plan.log_steps:
        yield f"save_steps ({plan.save_steps}) has to be a multiple of log_steps ({plan.log_steps})"


def _faulty_numbers(plan: Plan) -> Iterator[str]:
    values = {name: getattr(plan, name) for name in (*_POSITIVE, *_NOT_NEGATIVE, *_SHARES)}
    for name, value in values.items():
        if value is None:
            continue
        if name in _SHARES and not 0 <= value < 1:
            yield f"{name} has to be at least 0 and less than 1, not {value}"
        elif name in _POSITIVE and not 0 < value < math.inf:
            yield f"{name} has to be greater than 0, not {value}"
        elif name in _NOT_NEGATIVE and not 0 <= value < math.inf:
            yield f"{name} has to be at least 0, not {value}"
