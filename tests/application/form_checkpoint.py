"""``python tests/application/form_checkpoint.py FOLDER``: a tiny model with lspace's form that knows nothing.

A purely random model writes no well-formed list, so that a demo of it shows no box. This one is fitted to
random answers in the trained form, new ones for every step, beside pictures of noise: what it writes can be
read and says nothing about any picture. Its config.json keeps the mark of random weights.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from model_backend.contract import Contract
from model_backend.inference.checkpoint import Checkpoint, open_checkpoint
from model_backend.inference.completion import Completion, FinishReason
from model_backend.inference.lfm2vl import load_engine
from model_backend.inference.prompts import Prompt, build_prompts
from model_backend.inference.proposals import Outcome, read_proposals
from model_backend.inference.random_checkpoint import write_random_checkpoint
from model_backend.request import ModelChoice

SCENE = Path(__file__).resolve().parents[2] / "resources" / "demo" / "honolulu.tif"
SEEDS = (3, 1)
"""Tried in turn: another processor rounds otherwise, and a start that is good on one may fail on the next."""
STEPS, ROWS, LEARNING_RATE = 500, 4, 1e-2
PICTURES, SIDE_PX = 32, 128
SHARPNESS = 2.0
"""Of attention at the start: learning to copy the label from the question begins sooner."""
NOISE_WEIGHT = 0.05
"""Of digits that are pure chance: at full weight they drown what can be learned."""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or Path(arguments[0]).exists():
        print("Name one folder, which does not exist yet.", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.parent.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            fresh = Path(scratch) / folder.name
            write_random_checkpoint(fresh, "tiny")
            fit(open_checkpoint(fresh, "cpu", torch.float32), fresh, seed)
            wrong = wrong_answers(fresh)
            if not wrong:
                fresh.replace(folder)
                return 0
    print(f"The model did not learn the form; it writes {wrong[0]!r}.", file=sys.stderr)
    return 1


def all_prompts(contract: Contract) -> list[Prompt]:
    names = tuple(target.name for target in contract.targets)
    return [*build_prompts(contract, "detect", names), *build_prompts(contract, "caption", ())]


# --- answers that are noise ----------------------------------------------------------------------------


def noise_answer(prompt: Prompt, contract: Contract, rng: random.Random) -> str:
    if prompt.answer == "text":
        return noise_caption([target.label for target in contract.targets if target.task == "ground"], rng)
    return noise_boxes(contract.target(prompt.target).label, rng)


def noise_caption(classes: list[str], rng: random.Random) -> str:
    shares = [f"{name} (~{rng.randrange(5, 45, 5)}%)" for name in rng.sample(classes, 3)]
    return f"This satellite imagery is dominated by {', '.join(shares[:-1])}, and {shares[-1]}."


def noise_boxes(label: str, rng: random.Random) -> str:
    """A walk to the right that ends where no room is left: so greedy decoding repeats no box, and ends."""
    boxes = []
    column, row = rng.randrange(2), rng.randrange(9)
    while column < 9:
        # a box ends in the next tenth, so that its corners are in order whatever their later digits are
        corners = [(tenth + rng.uniform(0, 0.999)) / 10 for tenth in (column, row, column + 1, row + 1)]
        numbers = ", ".join(f"{corner:.4f}" for corner in corners)
        boxes.append(f'{{"label": "{label}", "bbox": [{numbers}]}}')
        column += rng.choice((1, 2, 2, 3))
        row = (row + rng.choice((2, 3, 5))) % 9
    return f"[{', '.join(boxes)}]"


def noise_picture(rng: random.Random) -> Image.Image:
    return Image.frombytes("RGB", (SIDE_PX, SIDE_PX), rng.randbytes(3 * SIDE_PX**2))


# --- fitting -------------------------------------------------------------------------------------------


def fit(checkpoint: Checkpoint, folder: Path, seed: int) -> None:
    """Fits the language model, never what looks at pictures, and writes all into the folder."""
    torch.set_num_threads(1)  # as quick as two for a model this small, and the same result every time
    model = checkpoint.model.requires_grad_(False)
    lessons = Lessons(checkpoint, random.Random(seed))
    weights = list(model.model.language_model.requires_grad_(True).parameters())
    for name, tensor in model.named_parameters():
        if name.endswith(("q_layernorm.weight", "k_layernorm.weight")):
            tensor.data.fill_(SHARPNESS)
    optimizer = torch.optim.AdamW(weights, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, STEPS, pct_start=0.1)
    for _ in range(STEPS):
        lessons.loss().backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    model.to(torch.bfloat16).save_pretrained(folder)


class Lessons:
    """The questions as the engine puts them, and new answers beside pictures of noise for every step."""

    def __init__(self, checkpoint: Checkpoint, rng: random.Random) -> None:
        self._rng = rng
        self._checkpoint = checkpoint
        self._tokenizer = checkpoint.processor.tokenizer
        self._prompts = all_prompts(checkpoint.contract)
        self._questions = [tokens_of(prompt, checkpoint.processor, rng) for prompt in self._prompts]
        pictures = [[noise_picture(rng)] for _ in range(PICTURES)]
        inputs = checkpoint.processor.image_processor(pictures, return_tensors="pt")
        self._pictures = torch.stack(list(checkpoint.model.get_image_features(**inputs).pooler_output))
        texts = ((token, self._tokenizer.decode([token])) for token in range(len(self._tokenizer)))
        self._digits = torch.tensor([token for token, text in texts if text.isdigit()])

    def loss(self) -> Tensor:
        """Of the answers' own tokens."""
        tokens, is_answer = self._draw()
        model = self._checkpoint.model
        seen = (tokens == model.config.image_token_id)[..., None]
        pictures = self._pictures[self._rng.sample(range(PICTURES), ROWS)]
        read = model.get_input_embeddings()(tokens).masked_scatter(seen, pictures)
        hidden = model.model.language_model(inputs_embeds=read, use_cache=False).last_hidden_state
        told = tokens[:, 1:][is_answer[:, 1:]]
        losses = cross_entropy(model.lm_head(hidden[:, :-1][is_answer[:, 1:]]), told, reduction="none")
        is_digit = torch.isin(told, self._digits)
        weights = torch.where(is_digit & is_digit.roll(1), NOISE_WEIGHT, 1.0)
        return (losses * weights).sum() / weights.sum()

    def _draw(self) -> tuple[Tensor, Tensor]:
        rows, marks = [], []
        for index in self._rng.sample(range(len(self._prompts)), ROWS):
            text = noise_answer(self._prompts[index], self._checkpoint.contract, self._rng)
            answer = self._tokenizer(text + self._tokenizer.eos_token, add_special_tokens=False).input_ids
            rows.append(torch.tensor(self._questions[index] + answer))
            marks.append(torch.tensor([False] * len(self._questions[index]) + [True] * len(answer)))
        # padded on the right, where nothing that matters comes after it
        return pad_sequence(rows, batch_first=True), pad_sequence(marks, batch_first=True)


def tokens_of(prompt: Prompt, processor: Any, rng: random.Random) -> list[int]:
    content = [{"type": "image"}, {"type": "text", "text": prompt.text}]
    system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
    messages = [*system, {"role": "user", "content": content}]
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    return processor(text=text, images=noise_picture(rng)).input_ids[0]


# --- checking ------------------------------------------------------------------------------------------


def wrong_answers(folder: Path) -> list[str]:
    """What the real engine writes about the demo's own scene where it is not in the form."""
    engine = load_engine(ModelChoice(str(folder), device="cpu"), lambda *_: None)
    chip = Image.open(SCENE).convert("RGB").resize((512, 512))
    prompts = all_prompts(engine.contract)
    answers = [Completion.from_chunks(engine.complete(prompt, [chip], lambda: False)) for prompt in prompts]
    pairs = zip(prompts, answers, strict=True)
    return [answer.text for prompt, answer in pairs if not has_form(prompt, answer)]


def has_form(prompt: Prompt, answer: Completion) -> bool:
    if answer.finish_reason is not FinishReason.STOP:
        return False
    if prompt.answer == "text":
        return answer.text.startswith("This satellite imagery is dominated by ")
    reading = read_proposals(answer, prompt.target)
    mended = reading.dropped or any(proposal.repairs for proposal in reading.proposals)
    return reading.outcome is Outcome.FOUND and len(reading.proposals) >= 3 and not mended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
