"""What is trained is what answers: the lessons' own way through the model, and the plugin's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lspace.model_backend.inference.exact.engine import load_engine
from lspace.model_backend.inference.picture import read_picture
from lspace.model_backend.inference.prompts import build_prompts
from lspace.model_backend.request import ModelChoice
from lspace.model_backend.training.mini.batch import NOT_ASKED, Batcher
from lspace.model_backend.training.mini.checkpoint import export_mini
from lspace.model_backend.training.mini.exam import seen
from lspace.model_backend.training.mini.lesson import Question, Teacher
from lspace.model_backend.training.mini.network import untrained_model
from lspace.model_backend.training.mini.optimizer import MuonAdamW
from lspace.model_backend.training.mini.study import Study
from PIL import Image
from torch.nn import functional


@pytest.fixture
def study(vocabulary):
    return Study(untrained_model(vocabulary, seed=0), vocabulary).eval()


@pytest.fixture
def lesson(vocabulary, dark):
    teacher, random = Teacher(vocabulary.contract, [dark], []), np.random.default_rng(1)
    lessons = (teacher.cover(random) for _ in range(20))
    return next(lesson for lesson in lessons if any(question.boxes for question in lesson.questions))


def tensors(arrays):
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def test_the_loss_of_an_answer_is_that_of_the_published_architecture(study, lesson, vocabulary):
    question = next(question for question in lesson.questions if question.boxes)
    alone = type(lesson)(lesson.picture, lesson.cover, lesson.regions, lesson.ships, (question,))
    batch = tensors(Batcher(vocabulary).collate([alone]))
    with torch.no_grad():
        loss = study(writes=True, **batch)["answer"]
        output = study.model(input_ids=batch["ids"], **seen(batch["pictures"]))
    asked = batch["labels"] != NOT_ASKED
    told = functional.log_softmax(output.logits[asked], -1)
    expected = -(study.wanted[batch["labels"][asked]] * told).sum(-1).mean()
    assert loss == pytest.approx(expected.item(), rel=1e-4)


def test_questions_on_one_picture_do_not_change_the_picture_they_see(study, lesson, vocabulary):
    """All questions side by side give each nearly its own loss; only the convolution sees two tokens back."""
    batcher = Batcher(vocabulary)
    parts = [
        type(lesson)(lesson.picture, lesson.cover, lesson.regions, lesson.ships, (question,))
        for question in lesson.questions
    ]
    counts = [len(batcher.answer(question)) for question in lesson.questions]
    with torch.no_grad():
        apart = [study(writes=True, **tensors(batcher.collate([part])))["answer"].item() for part in parts]
        together = study(writes=True, **tensors(batcher.collate([lesson])))["answer"].item()
    assert together == pytest.approx(np.average(apart, weights=counts), rel=0.02)


def test_the_exported_model_reads_prompt_and_picture_as_the_lessons_do(study, vocabulary, tmp_path):
    export_mini(study.model, vocabulary, tmp_path / "mini")
    engine = load_engine(ModelChoice(str(tmp_path / "mini"), device="cpu"), lambda *_: None)
    assert engine.contract is vocabulary.contract
    picture = np.arange(224 * 224 * 3, dtype=np.uint32).reshape(224, 224, 3) % 251
    Image.fromarray(picture.astype(np.uint8)).save(tmp_path / "chip.png")
    chip = read_picture(tmp_path / "chip.png", "chip")
    (prompt,) = build_prompts(engine.contract, "detect", ("water",))
    patches = engine._cutter.cut(chip)
    tokens = engine._chat.ids(engine._chat.text(prompt, 1), [patches.tokens])
    batcher = Batcher(vocabulary)
    assert tokens == batcher.opening + batcher.prompt(Question("ground", "water"))
    enlarged = np.asarray(chip.resize((256, 256), Image.Resampling.BILINEAR))
    expected = seen(torch.from_numpy(enlarged.copy())[None])["pixel_values"]
    assert torch.allclose(torch.from_numpy(patches.pixels)[None], expected, atol=1e-6)


def test_some_steps_on_one_batch_lower_every_loss(study, lesson, vocabulary):
    batch = tensors(Batcher(vocabulary).collate([lesson]))
    optimizer = MuonAdamW(study.train(), 3e-3)
    losses = []
    for _ in range(15):
        parts = study(writes=True, **batch)
        optimizer.zero_grad()
        sum(parts.values()).backward()
        optimizer.step()
        losses.append({name: loss.item() for name, loss in parts.items()})
    worse = [name for name in losses[0] if losses[-1][name] >= losses[0][name] > 0]
    assert not worse
