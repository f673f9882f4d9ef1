"""The worker's engines, loaded and asked as the worker does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from PIL import Image

from .dictated import Dictated, listed
from .job import CAPTION, Answer


class Ours:
    """One engine: ``float32``, ``bfloat16``, ``q8`` or ``q4``."""

    @staticmethod
    def do_imports(precision: str) -> None:
        if precision in ("q8", "q4"):
            from model_backend.inference.fast import engine
        else:
            from model_backend.inference.exact import engine  # noqa: F401

    def __init__(self, folder: Path, precision: str, device: str, cache: Path) -> None:
        if precision in ("q8", "q4"):
            from model_backend.inference.fast.engine import load_engine
        else:
            from model_backend.inference.exact.engine import load_engine
        from model_backend.request import ModelChoice

        self.is_fast = precision in ("q8", "q4")
        choice = ModelChoice(str(folder), device=device, precision=precision, cache_dir=str(cache))
        self._engine = load_engine(choice, lambda *_: None)
        self.threads: int = self._engine.info.threads

    def ask(self, image: Image.Image, question: str, tokens: int) -> Answer:
        prompt = self._prompts([question], tokens)[0]
        began = perf_counter()
        timed = [
            (perf_counter() - began, chunk) for chunk in self._engine.complete(prompt, [image], lambda: False)
        ]
        # a choice of the model is never quite certain, a forced token is by definition
        forced = sum(chunk.logprob == 0 for _time, chunk in timed)
        return Answer([time for time, _chunk in timed], [chunk.text for _time, chunk in timed], forced)

    def ask_dictated(self, image: Image.Image, target: str, tokens: int) -> tuple[Answer, int]:
        """The engine at a list as a trained model writes it, the picture read anew; and its passes."""
        from model_backend.inference.looking import Looker

        engine = self._engine
        prompt, network, looker = self._prompts([target], tokens)[0], engine._network, engine.looker
        label = engine.contract.target(target).label
        answer = engine._chat.ids(listed(engine.contract, label))
        dictated = Dictated(network, len(engine._encoded([(prompt, [image])])[0].ids), answer)
        engine._network, engine.looker = dictated, Looker(dictated)
        try:
            return self.ask(image, target, tokens), dictated.passes
        finally:
            engine._network, engine.looker = network, looker

    def ask_all(self, image: Image.Image, tokens: int) -> tuple[float, float]:
        """Seconds until the first and the last token of the caption and of nine classes' boxes.

        As a run asks them: prose and boxes each side by side.
        """
        began, first = perf_counter(), 0.0
        for questions in ([CAPTION], self._ground()):
            asked = [(prompt, [image]) for prompt in self._prompts(questions, tokens)]
            for _chunks in self._engine.complete_together(asked, lambda: False):
                first = first or perf_counter() - began
        return first, perf_counter() - began

    def ask_batch(self, images: Sequence[Image.Image], tokens: int) -> float:
        """Seconds until all pictures have their captions."""
        prompt = self._prompts([CAPTION], tokens)[0]
        began = perf_counter()
        self._engine.complete_batch([(prompt, [image]) for image in images], lambda: False)
        return perf_counter() - began

    def forget(self) -> None:
        """Lets go of all pictures that were read."""
        from model_backend.inference.looking import Looker

        self._engine.looker = Looker(self._engine._network)

    def cut(self, image: Image.Image) -> None:
        """Pixels to patches."""
        self._engine._cutter.cut(image)

    def _prompts(self, questions: Sequence[str], tokens: int) -> list:
        from model_backend.inference.prompts import build_prompts

        contract = self._engine.contract
        if questions == [CAPTION]:
            return build_prompts(contract, CAPTION, (), tokens)
        return build_prompts(contract, "detect", questions, tokens, keep_form=True)

    def _ground(self) -> list[str]:
        """The nine classes of land cover."""
        return [target.name for target in self._engine.contract.targets if target.task == "ground"]
