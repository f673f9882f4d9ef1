# SPDX-License-Identifier: GPL-2.0-or-later
"""Training lspace-mini from scratch: lessons drawn without end, harder as it goes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, IterableDataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from ...contract import load_contracts
from ..fine_tuning.curve import Progress
from .batch import Batcher
from .checkpoint import export_mini
from .exam import Exam
from .harbour import cut_ships, load_harbours
from .lesson import Mix, Teacher
from .network import untrained_model
from .optimizer import MuonAdamW
from .study import Study
from .vocabulary import Vocabulary

CONTRACT = "lspace-mini"
_WEIGHTS = {
    "answer": 2.0,
    "glance": 0.3,
    "extent": 0.5,
    "present": 0.5,
    "place": 1.0,
    "cover": 0.3,
    "heat": 0.3,
}
_WEIGHTS_FILE = "study.pt"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, but for the number of processes."""

    harbours: Path
    left_out: tuple[str, ...]
    """Harbours for the exam only; the first is the demo's."""
    steps: int
    batch: int
    """Pictures a step and process."""
    learning_rate: float
    seed: int
    exam_steps: int
    exam_questions: int
    """Of each kind."""

    def mix(self, step: int) -> Mix:
        """One object at a time first; real scenes once boxes follow what is there."""
        done = step / self.steps
        if done < 0.3:
            return Mix(targets=0.5, most_targets=1, ships=0.1)
        if done < 0.5:
            return Mix(targets=0.35, most_targets=2, ships=0.25)
        return Mix(targets=0.15, most_targets=3, ships=0.3)

    def writes(self, step: int) -> bool:
        """Whether the language model takes part; the vision tower has a start."""
        return step >= 0.05 * self.steps

    def rate(self, step: int) -> float:
        """Share of the learning rate: 100 steps up, level, and down over the second half."""
        return min(1.0, (step + 1) / 100) * (1 - 0.97 * max(0.0, (step / self.steps - 0.5) / 0.5))


class Lessons(IterableDataset[dict[str, Tensor]]):
    """Batches from a step on; the same step always has the same batch."""

    def __init__(
        self, recipe: Recipe, vocabulary: Vocabulary, first_step: Callable[[], int], rank: int
    ) -> None:
        harbours = load_harbours(recipe.harbours, recipe.left_out)
        self._teacher = Teacher(vocabulary.contract, harbours, cut_ships(harbours))
        self._batcher = Batcher(vocabulary)
        self._recipe, self._first_step, self._rank = recipe, first_step, rank

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        for step in range(self._first_step(), self._recipe.steps):
            rng = np.random.default_rng((self._recipe.seed, self._rank, step))
            mix = self._recipe.mix(step)
            lessons = [self._teacher.draw(mix, rng) for _ in range(self._recipe.batch)]
            arrays = self._batcher.collate(lessons)
            yield {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


class StudyTrainer(Trainer):
    """transformers' Trainer on a ``Study``."""

    def __init__(
        self, recipe: Recipe, study: Study, vocabulary: Vocabulary, arguments: TrainingArguments
    ) -> None:
        optimizer = MuonAdamW(study, recipe.learning_rate)
        super().__init__(
            model=study, args=arguments, optimizers=(optimizer, LambdaLR(optimizer, recipe.rate))
        )
        self._recipe, self._words = recipe, vocabulary

    def get_train_dataloader(self) -> Any:
        """Not prepared by accelerate: each process draws its own lessons."""
        # the step is known only once the first lesson is drawn
        lessons = Lessons(self._recipe, self._words, lambda: self.state.global_step, self.args.process_index)
        return DataLoader(lessons, batch_size=None)

    def compute_loss(self, model: Any, inputs: dict[str, Tensor], *_: Any, **__: Any) -> Tensor:
        """The weighted sum; its parts go into the log."""
        losses = model(writes=self._recipe.writes(self.state.global_step), **inputs)
        if self.state.global_step % self.args.logging_steps == 0:
            self._parts = {name: round(float(loss.detach()), 3) for name, loss in losses.items()}
        total: Tensor = sum(_WEIGHTS[name] * losses[name] for name in losses if name in _WEIGHTS)
        return total

    def log(self, logs: dict[str, float], *arguments: Any, **named: Any) -> None:
        """Adds the losses' parts."""
        super().log({**logs, **getattr(self, "_parts", {})}, *arguments, **named)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        del state_dict  # of the wrapped model
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(self.accelerator.unwrap_model(self.model).state_dict(), folder / _WEIGHTS_FILE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, _model: Any = None) -> None:
        weights = torch.load(Path(resume_from_checkpoint) / _WEIGHTS_FILE, weights_only=True)
        self.accelerator.unwrap_model(self.model).load_state_dict(weights)


class _Examiner(TrainerCallback):
    def __init__(self, exam: Exam, study: Study, every: int, log: Path) -> None:
        self._exam, self._study, self._every, self._log = exam, study, every, log

    def on_step_end(self, *arguments: Any, **_: Any) -> None:
        _arguments, state, _control = arguments
        if state.global_step % self._every == 0 or state.global_step == state.max_steps:
            line = json.dumps({"step": state.global_step, "exam": self._exam.figures(self._study)}) + "\n"
            with self._log.open("a", encoding="utf-8") as stream:
                stream.write(line)
            sys.stdout.write(line)
            sys.stdout.flush()


class _Pause(TrainerCallback):
    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, *arguments: Any, **_: Any) -> None:
        _arguments, state, control = arguments
        if state.global_step == self._step:
            control.should_save = control.should_training_stop = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command ``mini``."""
    parser.add_argument("harbours", type=Path, help="folder with <port>.tif, _cover.tif and _ships.geojson")
    parser.add_argument("out", type=Path, help="folder for checkpoints and the log; goes on where it stopped")
    parser.add_argument("--leave-out", nargs="*", default=["honolulu", "durban"])
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--until", type=int, help="stop after this step, to go on another time")
    parser.add_argument("--batch", type=int, default=16, help="pictures a step and process")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exam-steps", type=int, default=500)
    parser.add_argument("--exam-questions", type=int, default=64)


def main(options: argparse.Namespace) -> int:
    """Trains; returns the exit status."""
    recipe = Recipe(
        harbours=options.harbours,
        left_out=tuple(options.leave_out),
        steps=options.steps,
        batch=options.batch,
        learning_rate=options.learning_rate,
        seed=options.seed,
        exam_steps=options.exam_steps,
        exam_questions=options.exam_questions,
    )
    vocabulary = Vocabulary(load_contracts()[CONTRACT])
    study = Study(untrained_model(vocabulary, recipe.seed), vocabulary)
    trainer = StudyTrainer(recipe, study, vocabulary, _arguments(recipe, options.out))
    if trainer.args.process_index == 0:
        trainer.add_callback(Progress(options.out / "log.jsonl", options.out / "curve.png"))
        trainer.add_callback(
            _Examiner(_exam(recipe, vocabulary), study, recipe.exam_steps, options.out / "exam.jsonl")
        )
    if options.until is not None:
        trainer.add_callback(_Pause(options.until))
    started = any(options.out.glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=True if started else None)
    if trainer.args.process_index == 0 and trainer.state.global_step == recipe.steps:
        export_mini(study.model, vocabulary, options.out / "model")
    return 0


def _exam(recipe: Recipe, vocabulary: Vocabulary) -> Exam:
    seen = {harbour.name for harbour in load_harbours(recipe.harbours, recipe.left_out)}
    unseen = [harbour for harbour in load_harbours(recipe.harbours) if harbour.name not in seen]
    return Exam(
        Teacher(vocabulary.contract, unseen, cut_ships(unseen)),
        vocabulary,
        recipe.exam_questions,
        recipe.seed,
    )


def _arguments(recipe: Recipe, out: Path) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(out),
        max_steps=recipe.steps,
        per_device_train_batch_size=1,
        max_grad_norm=1.0,
        logging_steps=25,
        save_steps=200,
        save_total_limit=2,
        seed=recipe.seed,
        use_cpu=True,
        remove_unused_columns=False,
        ignore_data_skip=True,
        ddp_find_unused_parameters=True,
        disable_tqdm=True,
        report_to=[],
    )
