"""What the model card shows: transformers' own ``generate``, greedily, on one picture and one question."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from PIL import Image

from .job import CAPTION, Answer


class Card:
    """The card's quickstart, but for ``device_map``, which one device does not need."""

    @staticmethod
    def do_imports(_precision: str) -> None:
        import torch  # noqa: F401
        from transformers import AutoModelForImageTextToText, Lfm2VlProcessor  # noqa: F401

        from .. import lfm2_vl_processor  # noqa: F401

    def __init__(self, folder: Path, precision: str, device: str, _cache: Path) -> None:
        import torch
        from transformers import AutoModelForImageTextToText

        from model_backend.contract import load_contracts
        from model_backend.inference.exact.quiet import quiet_transformers

        from ..lfm2_vl_processor import load_processor

        quiet_transformers()
        self.threads: int = torch.get_num_threads()
        self._model = AutoModelForImageTextToText.from_pretrained(folder, dtype=precision).to(device)
        # AutoProcessor, which the card uses, needs torchvision for the pictures
        self._processor = load_processor(folder)
        self._tokenizer = self._processor.tokenizer
        self._contract = load_contracts()["lspace"]

    def ask(self, image: Image.Image, question: str, tokens: int) -> Answer:
        from transformers.generation.streamers import BaseStreamer

        class Clock(BaseStreamer):
            def __init__(self):
                self.times = []

            def put(self, value):
                self.times.append(perf_counter() - began)

            def end(self):
                pass

        text = self._text(question)
        clock, began = Clock(), perf_counter()
        content = [{"type": "image", "image": image}, {"type": "text", "text": text}]
        inputs = self._processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        ).to(self._model.device)
        written = self._model.generate(
            **inputs, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, streamer=clock
        )
        ids = written[0, inputs["input_ids"].shape[1] :].tolist()
        return Answer(clock.times[1:], [self._plain(ids)])  # the first time is the prompt itself

    def cut(self, image: Image.Image) -> None:
        """Pixels to patches."""
        self._processor.image_processor([[image]], return_tensors="pt", do_image_splitting=False)

    def _plain(self, ids: list[int]) -> str:
        """The text up to the first special token: LSpace never writes one, and goes on otherwise."""
        special = {index for index, token in self._tokenizer.added_tokens_decoder.items() if token.special}
        end = next((place for place, index in enumerate(ids) if index in special), len(ids))
        return self._tokenizer.decode(ids[:end], clean_up_tokenization_spaces=False)

    def _text(self, question: str) -> str:
        from model_backend.inference.prompts import build_prompts

        task, targets = (CAPTION, ()) if question == CAPTION else ("detect", (question,))
        return build_prompts(self._contract, task, targets)[0].text
