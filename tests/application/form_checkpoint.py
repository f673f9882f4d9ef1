"""``python tests/application/form_checkpoint.py FOLDER``: a tiny model that has lspace's form and knows nothing.

A purely random model writes no well-formed list, so that a demo of it shows no box. This one is fitted to random
answers in the trained form, new ones for every step, beside pictures of noise: what it writes can be read and
says nothing about any picture. Its config.json keeps the mark of random weights.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch
from model_backend.contract import Contract
from model_backend.inference.checkpoint import Checkpoint, open_checkpoint
from model_backend.inference.completion import Completion, FinishReason
from model_backend.inference.lfm2vl import load_engine
from model_backend.inference.prompts import Prompt, build_prompts
from model_backend.inference.proposals import Outcome, read_proposals
from model_backend.inference.random_checkpoint import write_random_checkpoint
from model_backend.request import ModelChoice
from PIL import Image
from torch.nn.functional import cross_entropy

STEPS = (450, 900)
"""Of the first try, and of the second where the first does not do."""
ROWS = 4
LEARNING_RATE = 1e-2
SIDE_PX = 128
LEAST_BOXES = 3
IGNORED = -100  # cross_entropy's own default


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or Path(arguments[0]).exists():
        print("Name one folder, which does not exist yet.", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.parent.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    for steps in STEPS:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            fresh = Path(scratch) / folder.name
            write_random_checkpoint(fresh, "tiny")
            fit(open_checkpoint(fresh, "cpu", torch.float32), fresh, steps)
            faults = faults_of(fresh)
            if not faults:
                fresh.replace(folder)
                return 0
    print(f"The model did not learn the form: {'; '.join(faults)}.", file=sys.stderr)
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
    """A walk from left to right that ends where there is no room: greedy decoding repeats no box, and ends."""
    boxes = []
    column, row = rng.randrange(2), rng.randrange(9)
    while column < 9:
        # each box ends in the next tenth, so that its corners are in order whatever the later digits are
        corners = [(tenth + rng.uniform(0, 0.999)) / 10 for tenth in (column, row, column + 1, row + 1)]
        numbers = ", ".join(f"{corner:.4f}" for corner in corners)
        boxes.append(f'{{"label": "{label}", "bbox": [{numbers}]}}')
        column += rng.choice((1, 2, 2, 3))
        row = (row + rng.choice((2, 3, 5))) % 9
    return f"[{', '.join(boxes)}]"


# --- fitting -------------------------------------------------------------------------------------------


def fit(checkpoint: Checkpoint, folder: Path, steps: int) -> None:
    """Fits the language model, never what looks at pictures, and writes it into the folder."""
    torch.set_num_threads(1)  # as quick as two for a model this small, and the same result every time
    rng = random.Random(0)
    model = checkpoint.model.requires_grad_(False)
    weights = list(model.model.language_model.requires_grad_(True).parameters())
    optimizer = torch.optim.AdamW(weights, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps, pct_start=0.1)
    prompts = all_prompts(checkpoint.contract)
    for _ in range(steps):
        loss_of(checkpoint, rng.sample(prompts, ROWS), rng).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    model.to(torch.bfloat16).save_pretrained(folder)


def loss_of(checkpoint: Checkpoint, prompts: list[Prompt], rng: random.Random) -> torch.Tensor:
    """Cross-entropy of new answers, each beside a new picture; of the answers' own tokens only."""
    processor = checkpoint.processor
    answers = [noise_answer(prompt, checkpoint.contract, rng) for prompt in prompts]
    answers = [answer + processor.tokenizer.eos_token for answer in answers]
    texts = [text_of(prompt, processor) + answer for prompt, answer in zip(prompts, answers, strict=True)]
    inputs = processor(
        text=texts,
        images=[[noise_picture(rng)] for _ in prompts],
        padding=True,  # on the left: all answers end in the last column
        return_tensors="pt",
        do_image_splitting=False,
    )
    lengths = [len(ids) for ids in processor.tokenizer(answers, add_special_tokens=False).input_ids]
    labels = inputs["input_ids"][:, -max(lengths) :].clone()
    for row, length in zip(labels, lengths, strict=True):
        row[: len(row) - length] = IGNORED
    logits = checkpoint.model(**inputs, use_cache=False, logits_to_keep=max(lengths) + 1).logits
    return cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten())


def text_of(prompt: Prompt, processor: object) -> str:
    content = [{"type": "image"}, {"type": "text", "text": prompt.text}]
    system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
    messages = [*system, {"role": "user", "content": content}]
    return processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)


def noise_picture(rng: random.Random) -> Image.Image:
    return Image.frombytes("RGB", (SIDE_PX, SIDE_PX), rng.randbytes(3 * SIDE_PX**2))


# --- checking ------------------------------------------------------------------------------------------


def faults_of(folder: Path) -> list[str]:
    """What is wrong with the answers of the real engine about the demo's own scene; nothing if they do."""
    engine = load_engine(ModelChoice(str(folder), device="cpu"), lambda *_: None)
    chip = Image.open(ROOT / "resources" / "demo" / "honolulu.tif").convert("RGB").resize((512, 512))
    prompts = all_prompts(engine.contract)
    completions = engine.complete_batch([(prompt, [chip]) for prompt in prompts], lambda: False)
    answered = zip(prompts, completions, strict=True)
    return [
        f"{prompt.target or prompt.task}: {text.text[:80]}"
        for prompt, text in answered
        if not does(prompt, text)
    ]


def does(prompt: Prompt, completion: Completion) -> bool:
    if completion.finish_reason is not FinishReason.STOP:
        return False
    if prompt.answer == "text":
        return completion.text.startswith("This satellite imagery is dominated by ")
    reading = read_proposals(completion, prompt.target)
    mended = reading.dropped or any(proposal.repairs for proposal in reading.proposals)
    return reading.outcome is Outcome.FOUND and len(reading.proposals) >= LEAST_BOXES and not mended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
