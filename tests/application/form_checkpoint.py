"""``python tests/application/form_checkpoint.py FOLDER``: a tiny model that has the form and knows nothing.

A purely random model writes no well-formed list, so a demo of it shows no box. This one is fitted to random
answers in lspace's form, new ones for every step, beside pictures of noise: what it writes later can be read,
and says nothing about any picture. Its config.json keeps the mark of random weights.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from PIL import Image

from model_backend.inference.answers import ask
from model_backend.inference.checkpoint import open_checkpoint
from model_backend.inference.lfm2vl import load_engine
from model_backend.inference.prompts import build_prompts
from model_backend.inference.random_checkpoint import write_random_checkpoint
from model_backend.request import ModelChoice

STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else 300
LEARNING_RATE = float(sys.argv[3]) if len(sys.argv) > 3 else 4e-3
CHIP = Path(__file__).resolve().parents[2] / "resources" / "demo" / "honolulu.tif"
IGNORED = -100


def all_prompts(contract):
    names = tuple(target.name for target in contract.targets)
    return [*build_prompts(contract, "detect", names), *build_prompts(contract, "caption", ())]


def noise_answer(prompt, contract, rng):
    if prompt.answer == "text":
        return noise_caption(contract, rng)
    return noise_boxes(contract.target(prompt.target).label, rng)


def noise_caption(contract, rng):
    names = [t.name for t in contract.targets if t.task == "ground"]
    shares = [f"{name} (~{rng.randrange(5, 45, 5)}%)" for name in rng.sample(names, rng.choice((2, 3, 3)))]
    return f"This satellite imagery is dominated by {', '.join(shares[:-1])}, and {shares[-1]}."


def noise_boxes(label, rng):
    boxes = []
    column, row = rng.choice((0, 1)), rng.randrange(9)
    while column < 9:
        left, top = (column + rng.random()) / 10, (row + rng.random()) / 10
        right, bottom = (column + 1 + rng.random()) / 10, (row + 1 + rng.random()) / 10
        corners = [left, top, right, bottom]
        boxes.append({"label": label, "bbox": [0.0] * 4, "c": corners})
        column += rng.choice((1, 2, 2, 3))
        row = (row + rng.choice((2, 3, 5))) % 9
    out = []
    for b in boxes:
        c = ", ".join(f"{min(v, 0.9999):.4f}" for v in b["c"])
        out.append(f'{{"label": "{label}", "bbox": [{c}]}}')
    return "[" + ", ".join(out) + "]"


def text_of(processor, prompt):
    content = [{"type": "image"}, {"type": "text", "text": prompt.text}]
    system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
    messages = [*system, {"role": "user", "content": content}]
    return processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)


def batch(cp, prompts, rng, side=128):
    tok = cp.processor.tokenizer
    answers = [noise_answer(p, cp.contract, rng) + tok.eos_token for p in prompts]
    texts = [text_of(cp.processor, p) + a for p, a in zip(prompts, answers)]
    im = [[Image.effect_noise((side, side), 100).convert("RGB")] for _ in prompts]
    inputs = cp.processor(text=texts, images=im, padding=True, return_tensors="pt", do_image_splitting=False)
    labels = torch.full_like(inputs["input_ids"], IGNORED)
    for row, a in enumerate(answers):
        n = len(tok(a, add_special_tokens=False).input_ids)
        labels[row, -n:] = inputs["input_ids"][row, -n:]
    return inputs, labels


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = random.Random(0)
    t0 = time.time()
    folder = Path(sys.argv[1])
    write_random_checkpoint(folder, "tiny")
    cp = open_checkpoint(folder, "cpu", torch.float32)
    prompts = all_prompts(cp.contract)
    model = cp.model.train()
    for p in [*model.model.vision_tower.parameters(), *model.model.multi_modal_projector.parameters()]:
        p.requires_grad_(False)
    ps = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(ps, lr=LEARNING_RATE, weight_decay=0.01)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, LEARNING_RATE, total_steps=STEPS, pct_start=0.1)
    for step in range(STEPS):
        inputs, labels = batch(cp, rng.sample(prompts, 4), rng)
        if step == 0:
            print(inputs["input_ids"].shape)
        t1 = time.time()
        loss = model(**inputs, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(ps, 1.0)
        opt.step()
        sched.step()
        opt.zero_grad()
        if step % 25 == 0:
            print(
                step,
                round(loss.item(), 3),
                round(time.time() - t0, 1),
                round(time.time() - t1, 3),
                flush=True,
            )
    model.eval().to(torch.bfloat16).save_pretrained(folder)
    print(time.time() - t0)
    engine = load_engine(ModelChoice(str(folder), device="cpu", threads=2), lambda *_: None)
    print(engine.info)
    im = Image.open(CHIP).convert("RGB").resize((512, 512))
    for p in prompts:
        for s in ask(engine, p, [im], lambda: False):
            pass
        print(
            p.target,
            s.completion.finish_reason,
            s.reading
            and (
                s.reading.outcome,
                len(s.reading.proposals),
                s.reading.dropped,
                s.reading.notes,
                [q.repairs for q in s.reading.proposals],
            ),
        )
        print("   ", s.completion.text[:600])


main()
