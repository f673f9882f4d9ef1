"""``python -m tests.bench.one_way WAY FOLDER TOKENS REPEATS``: times one engine; prints seconds as JSON.

A process of its own, so that imports, loading and memory are those of one engine alone. ``ours-float32``,
``ours-q8`` and ``ours-q4`` are the worker's engines; ``card-bfloat16`` and ``card-float32`` do what the model
card shows: transformers' own ``generate``, greedily, on the picture and the words of one question.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from time import perf_counter

from PIL import Image, ImageChops

ROOT = Path(__file__).resolve().parents[2]
SIDES_PX = (512, 224)


def main(arguments: list[str]) -> None:
    way, folder, tokens, repeats = arguments[0], Path(arguments[1]), int(arguments[2]), int(arguments[3])
    make = Ours if way.startswith("ours-") else Card
    began = perf_counter()
    make.do_imports(way)
    figures = {"import": [perf_counter() - began]}
    began = perf_counter()
    engine = make(folder, way)
    figures["load"] = [perf_counter() - began]
    figures.update(answers(engine, tokens, repeats))
    facts = engine.facts()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    del engine  # after the peak was read: memory that was freed may stay with the process
    figures["load"] += [load_s(make, folder, way) for _ in range(repeats - 1)]
    print(json.dumps({"figures": figures, "peak_mib": peak_mib, **facts}))


def load_s(make: type[Ours | Card], folder: Path, way: str) -> float:
    began = perf_counter()
    make(folder, way)
    return perf_counter() - began


def answers(engine: Ours | Card, tokens: int, repeats: int) -> dict[str, list[float]]:
    """Seconds of each repeat; new pictures for each, so that nothing is remembered from the last."""
    engine.ask(chip(SIDES_PX[1], 0), 0, 2)  # the first pass of all allocates and is nobody's daily life
    figures: dict[str, list[float]] = {}
    for repeat in range(1, repeats + 1):
        large, small = (chip(side, repeat) for side in SIDES_PX)
        times = engine.ask(large, 0, tokens)
        again = engine.ask(large, 1, 1)
        measured = {
            "patches": [engine.patches_s(large)],
            "first_large": times[:1],
            "step": [late - early for early, late in zip(times, times[1:], strict=False)],
            "answer": times[-1:],
            "again": again,
            "first_small": engine.ask(small, 0, 1),
        }
        for name, seconds in measured.items():
            figures.setdefault(name, []).extend(seconds)
    return figures


def chip(side_px: int, shift: int) -> Image.Image:
    scene = Image.open(ROOT / "resources" / "demo" / "honolulu.tif").convert("RGB")
    return ImageChops.offset(scene.resize((side_px, side_px)), 7 * shift, 3 * shift)


class Ours:
    """One of the worker's engines, as the worker loads it."""

    @staticmethod
    def do_imports(way: str) -> None:
        if way == "ours-float32":
            from model_backend.inference.exact import engine
        else:
            from model_backend.inference.fast import engine  # noqa: F401

    def __init__(self, folder: Path, way: str) -> None:
        if way == "ours-float32":
            from model_backend.inference.exact.engine import load_engine
        else:
            from model_backend.inference.fast.engine import load_engine
        from model_backend.inference.prompts import build_prompts
        from model_backend.request import ModelChoice

        precision, cache = way.removeprefix("ours-"), str(folder.parent)
        choice = ModelChoice(str(folder), device="cpu", precision=precision, cache_dir=cache)
        self._engine = load_engine(choice, lambda *_: None)
        contract = self._engine.contract
        self._prompts = [
            lambda budget: build_prompts(contract, "caption", (), budget)[0],
            lambda budget: build_prompts(contract, "detect", (contract.targets[0].name,), budget)[0],
        ]

    def ask(self, image: Image.Image, question: int, tokens: int) -> list[float]:
        """Seconds until each token."""
        began = perf_counter()
        chunks = self._engine.complete(self._prompts[question](tokens), [image], lambda: False)
        return [perf_counter() - began for _ in chunks]

    def patches_s(self, image: Image.Image) -> float:
        began = perf_counter()
        self._engine._cutter.cut(image)
        return perf_counter() - began

    def facts(self) -> dict[str, object]:
        return {"precision": self._engine.info.precision, "threads": self._engine.info.threads}


class Card:
    """What the model card shows, but for ``device_map``, which a CPU does not need."""

    @staticmethod
    def do_imports(_way: str) -> None:
        import torch  # noqa: F401
        from transformers import AutoModelForImageTextToText, Lfm2VlProcessor  # noqa: F401

        from model_backend.inference.exact import image_processor  # noqa: F401

    def __init__(self, folder: Path, way: str) -> None:
        from transformers import AutoModelForImageTextToText, AutoTokenizer, Lfm2VlProcessor

        from model_backend.contract import load_contracts
        from model_backend.inference.exact.image_processor import Lfm2VlImageProcessorPil
        from model_backend.inference.exact.quiet import quiet_transformers
        from model_backend.inference.prompts import build_prompts

        quiet_transformers()
        self._precision = way.removeprefix("card-")
        self._model = AutoModelForImageTextToText.from_pretrained(folder, dtype=self._precision)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        # AutoProcessor, which the card uses, needs torchvision for the pictures
        pictures = Lfm2VlImageProcessorPil.from_pretrained(folder)
        self._processor = Lfm2VlProcessor(pictures, tokenizer, chat_template=tokenizer.chat_template)
        contract = load_contracts()["lspace"]
        prompts = build_prompts(contract, "caption", ())
        prompts += build_prompts(contract, "detect", (contract.targets[0].name,))
        self._texts = [prompt.text for prompt in prompts]

    def ask(self, image: Image.Image, question: int, tokens: int) -> list[float]:
        """Seconds until each token."""
        from transformers.generation.streamers import BaseStreamer

        class Clock(BaseStreamer):
            def __init__(self):
                self.times = []

            def put(self, value):
                self.times.append(perf_counter() - began)

            def end(self):
                pass

        clock, began = Clock(), perf_counter()
        content = [{"type": "image", "image": image}, {"type": "text", "text": self._texts[question]}]
        inputs = self._processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        self._model.generate(
            **inputs, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, streamer=clock
        )
        return clock.times[1:]  # the first is the prompt itself

    def patches_s(self, image: Image.Image) -> float:
        return seconds_of(self._processor.image_processor, image)

    def facts(self) -> dict[str, object]:
        import torch

        return {"precision": self._precision, "threads": torch.get_num_threads()}


def seconds_of(image_processor: object, image: Image.Image) -> float:
    began = perf_counter()
    image_processor([[image]], return_tensors="pt", do_image_splitting=False)
    return perf_counter() - began


if __name__ == "__main__":
    main(sys.argv[1:])
