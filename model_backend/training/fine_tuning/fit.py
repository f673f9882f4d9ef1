# SPDX-License-Identifier: GPL-2.0-or-later
"""Supervised fine-tuning: rows in, a checkpoint that the plugin loads out.

The output folder holds ``run.json`` (what is trained on what), ``checkpoint-N`` (to go on from),
``log.jsonl``, ``curve.png``, and at the end ``model``. Started again with the same folder, a run goes on
from its last checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.trainer import TRAINER_STATE_NAME

from ...contract import Contract
from ...errors import RequestError, RowInvalid
from ...inference.digest import sha256_of
from ...inference.exact.device import choose_device, reporting_out_of_memory
from ...inference.exact.quiet import quiet_transformers
from ...request import ModelChoice
from ..corpus.conversation import check_conversation
from ..corpus.row import Row, numbered_rows
from .architecture import Architecture, architecture_of
from .collation import Collator, check_row
from .curve import Progress
from .export import export_model
from .plan import Plan, read_plan
from .start import Start, contract_of, find_base, open_start

_WHOLE = "whole"
"""File in a checkpoint that is written last."""
_KEPT_CHECKPOINTS = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("plan", type=Path, help="JSON file that says what is trained on what and how")
    parser.add_argument("out", type=Path, help="folder for all that comes of it; the same one to go on")


def main(options: argparse.Namespace) -> int:
    """Runs the command; returns its exit status."""
    # one picture's patches cannot be dealt out to several cards
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    fit(options.plan, options.out)
    return 0


def fit(plan_path: Path, out: Path) -> None:
    """Trains by a plan, from the beginning or from the last whole checkpoint in ``out``.

    Raises:
        RequestError: the plan cannot be followed, or is not the one that ``out`` was begun with.
        RowInvalid: a row cannot be trained on.
        ModelNotFound, ModelInvalid, DownloadFailed, ...: see ``locate`` and ``open_checkpoint``.
        DeviceError: the precision that was asked for does not work here.
        OutOfMemory: the device has too little.
    """
    quiet_transformers()
    plan, folder = read_plan(plan_path), plan_path.parent
    base = find_base(plan, folder)
    contract = contract_of(base)
    if plan.freeze_vision is None:
        plan = replace(plan, freeze_vision=architecture_of(contract.model_type).freezes_vision)
    rows, held_out = (_read_checked(names, folder, contract) for names in (plan.rows, plan.held_out))
    if not rows:
        raise RequestError("the plan's files hold no rows", rows=list(plan.rows))
    out.mkdir(parents=True, exist_ok=True)
    with _alone_in(out):
        _settle(out, _facts(plan, folder, base))
        if not (out / "model").is_dir():
            _run(plan, out, base, rows, held_out)


def last_checkpoint(out: Path) -> Path | None:
    """The last checkpoint in a run's folder that was written to its end."""
    whole = [path.parent for path in out.glob(f"checkpoint-*/{_WHOLE}")]
    return max(whole, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)


def _run(plan: Plan, out: Path, base: Path | None, rows: list[Row], held_out: list[Row]) -> None:
    checkpoint = last_checkpoint(out)
    _drop_checkpoints(out, checkpoint)
    with reporting_out_of_memory():
        start = open_start(plan, base, out / "readers", checkpoint)
        config = copy.deepcopy(start.model.config)
        if checkpoint is not None and _is_last(checkpoint):
            trained = _trained(start.model, checkpoint, plan)
        else:
            trained = _train(plan, out, start, checkpoint, rows, held_out)
        merged = trained.merge_and_unload() if plan.method == "lora" else trained
    merged.config = config  # Trainer sets use_cache in its own
    export_model(merged, out / "model", readers=start.readers, dtype=start.dtype)


@contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RequestError(f"another program is training in {out} right now", folder=str(out)) from error
    try:
        yield
    finally:
        lock.release()


def _drop_checkpoints(out: Path, kept: Path | None) -> None:
    """Half-written and half-deleted ones would be counted among the last that are kept."""
    for path in out.glob("checkpoint-*"):
        if path != kept:
            shutil.rmtree(path)


class _Trainer(Trainer):
    """Gives the vision encoder a learning rate of its own."""

    def __init__(
        self, *arguments: Any, architecture: Architecture, vision_lr_multiplier: float, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._vision = architecture.vision
        self._vision_lr_multiplier = vision_lr_multiplier

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The optimizer that the arguments name; the first group's learning rate is the one in the log."""
        if self.optimizer is None:
            trained: Any = self.model if model is None else model
            kind, options = self.get_optimizer_cls_and_kwargs(self.args, trained)
            self.optimizer = kind(self._groups(trained), **options)
        return self.optimizer

    def _groups(self, model: Any) -> list[dict[str, Any]]:
        decaying = set(self.get_decay_parameter_names(model))
        groups: dict[tuple[bool, bool], list[Any]] = {}
        for name, weights in model.named_parameters():
            if weights.requires_grad:
                groups.setdefault((self._vision in name, name not in decaying), []).append(weights)
        return [
            {
                "params": groups[vision, bare],
                "lr": self.args.learning_rate * (self._vision_lr_multiplier if vision else 1.0),
                "weight_decay": 0.0 if bare else self.args.weight_decay,
            }
            for vision, bare in sorted(groups)
        ]


class _MarkWhole(TrainerCallback):
    """Marks a checkpoint once it is written to its end."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def on_save(self, *arguments: Any, **_: Any) -> None:
        _arguments, state, _control = arguments
        (self._out / f"checkpoint-{state.global_step}" / _WHOLE).touch()


def _train(
    plan: Plan, out: Path, start: Start, checkpoint: Path | None, rows: list[Row], held_out: list[Row]
) -> Any:
    """The trained model, in which adapters are still by themselves."""
    trainer = _Trainer(
        model=_adapted(start.model, start.architecture, plan),
        args=_arguments(plan, out, held_out=bool(held_out), resumed=checkpoint is not None),
        data_collator=Collator(start.chat, start.cutter, start.architecture),
        train_dataset=rows,
        eval_dataset=held_out or None,
        callbacks=[_MarkWhole(out), Progress(out / "log.jsonl", out / "curve.png")],
        architecture=start.architecture,
        vision_lr_multiplier=plan.vision_lr_multiplier,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return trainer.model


def _trained(model: Any, checkpoint: Path, plan: Plan) -> Any:
    return PeftModel.from_pretrained(model, str(checkpoint)) if plan.method == "lora" else model


def _is_last(checkpoint: Path) -> bool:
    """Trainer would add a step to a run that has none left."""
    state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
    return bool(state.global_step >= state.max_steps)


def _arguments(plan: Plan, out: Path, *, held_out: bool, resumed: bool) -> TrainingArguments:
    chosen = choose_device(ModelChoice("", precision=plan.precision, threads=torch.get_num_threads()))
    # a CPU that is fast in bfloat16 is still not asked to train in it
    wanted = plan.precision == "bfloat16" or chosen.device.startswith("cuda")
    return TrainingArguments(
        output_dir=str(out),
        num_train_epochs=plan.epochs,
        max_steps=plan.max_steps or -1,
        learning_rate=plan.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=plan.warm_up,  # less than 1: a share
        weight_decay=plan.weight_decay,
        per_device_train_batch_size=plan.batch,
        per_device_eval_batch_size=plan.batch,
        gradient_accumulation_steps=plan.accumulation,
        bf16=wanted and chosen.precision == "bfloat16",
        use_cpu=chosen.device == "cpu",
        seed=plan.seed,
        data_seed=plan.seed,
        save_steps=plan.save_steps,
        save_total_limit=_KEPT_CHECKPOINTS,
        logging_steps=plan.log_steps,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if held_out else "no",
        eval_steps=plan.save_steps,
        eval_on_start=held_out and not resumed,
        prediction_loss_only=True,
        label_names=["labels"],  # or it is sought in the names of a model's arguments
        remove_unused_columns=False,
        dataloader_pin_memory=chosen.device != "cpu",
        report_to="none",
        disable_tqdm=True,
    )


def _adapted(model: Any, architecture: Architecture, plan: Plan) -> Any:
    """The model with the parts that the plan trains, and only those, ready to be trained."""
    if plan.gradient_checkpointing:
        _recompute_activations(model)
    if plan.method == "lora":
        return _with_adapters(model, architecture, plan)
    if plan.freeze_vision:
        for name, weights in model.named_parameters():
            weights.requires_grad_(requires_grad=architecture.vision not in name)
    return model


def _recompute_activations(model: Any) -> None:
    with warnings.catch_warnings():
        # its new name is not yet known to the transformers that we use on Python 3.10
        warnings.simplefilter("ignore", FutureWarning)
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def _with_adapters(model: Any, architecture: Architecture, plan: Plan) -> Any:
    config = LoraConfig(
        r=plan.lora_rank,
        lora_alpha=plan.lora_alpha,
        lora_dropout=plan.lora_dropout,
        bias="none",
        target_modules=list(plan.lora_modules),
        exclude_modules=rf".*{architecture.vision}.*" if plan.freeze_vision else None,
        modules_to_save=list(architecture.whole) or None,
    )
    set_seed(plan.seed)
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise RequestError(f"lora_modules: {error}", modules=list(plan.lora_modules)) from error


def _read_checked(names: Sequence[str], folder: Path, contract: Contract) -> list[Row]:
    rows = []
    for name in names:
        path = folder / name
        for line, row in numbered_rows(path):
            try:
                check_row(row)
                check_conversation(row, contract)
            except RowInvalid as error:
                raise error.at(str(path), line) from error
            rows.append(row)
    return rows


def _facts(plan: Plan, folder: Path, base: Path | None) -> dict[str, Any]:
    """The plan, and what identifies the files that it names, as JSON has them."""
    digests = {name: sha256_of([folder / name]) for name in (*plan.rows, *plan.held_out)}
    weights = None if base is None else sha256_of(sorted(base.glob("*.safetensors")))
    facts: dict[str, Any] = json.loads(json.dumps({**asdict(plan), "files": digests, "weights": weights}))
    return facts


def _settle(out: Path, facts: dict[str, Any]) -> None:
    """Remembers what a run trains on what, or refuses to go on with anything else."""
    path = out / "run.json"
    if path.exists():
        begun = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name in facts if begun.get(name) != facts[name]]
        if changed:
            words = ", ".join(f"{name} was {begun.get(name)!r}, is {facts[name]!r}" for name in changed)
            raise RequestError(f"{out} was begun with another plan: {words}", changed=changed)
        return
    if any(out.glob("checkpoint-*")) or (out / "model").exists():
        raise RequestError(f"{out} belongs to something else: it has no run.json", folder=str(out))
    fresh = path.with_name(".run.json")
    fresh.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
