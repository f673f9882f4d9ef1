# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine for LFM2-VL checkpoints such as lspace: a picture is looked at once and asked many times."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from ..contract import Contract
from ..errors import RequestError
from ..request import ModelChoice
from .checkpoint import Checkpoint, OnStage, locate, open_checkpoint
from .completion import Completion, CompletionChunk
from .device import choose_device
from .engine import ModelInfo
from .generation import Context, Vocabulary, read, stop_if, write
from .memory import check_memory
from .prompts import Prompt
from .quiet import quiet_transformers

_KEPT = 4
"""Contexts that are kept; one takes some 8 MB at 512 px in float32."""


def load_engine(
    choice: ModelChoice, on_stage: OnStage, is_cancelled: Callable[[], bool] = lambda: False
) -> Lfm2VlEngine:
    """The engine for a choice, ready to be asked.

    ``is_cancelled`` is looked at while downloading; the later stages cannot be interrupted.

    Raises:
        RequestError, ModelNotFound, DownloadFailed, ChecksumMismatch, Cancelled: see ``locate``.
        ModelInvalid, RuntimePackageMissing, OutOfMemory: see ``check_memory`` and ``open_checkpoint``.
        DeviceError: the device or precision that was asked for does not work here.
    """
    started = perf_counter()
    quiet_transformers()
    source = locate(choice, on_stage, is_cancelled)
    on_stage("device", None)
    chosen = choose_device(choice)
    on_stage("weights", None)
    check_memory(source.folder, chosen.device, chosen.dtype, choice.memory_limit_mb)
    checkpoint = open_checkpoint(source.folder, chosen.device, chosen.dtype)
    info = ModelInfo(
        name=source.name,
        revision=source.revision(),
        device=chosen.title,
        precision=chosen.precision,
        reason=chosen.reason,
        probe_s=chosen.probe_s,
        load_s=perf_counter() - started,
        threads=chosen.threads,
        random_weights=checkpoint.random_weights,
        calibration=checkpoint.calibration,
    )
    return Lfm2VlEngine(checkpoint, info)


class Lfm2VlEngine:
    """A loaded LFM2-VL checkpoint; implements ``Engine``."""

    def __init__(self, checkpoint: Checkpoint, info: ModelInfo) -> None:
        self.info: ModelInfo = info
        self.contract: Contract = checkpoint.contract
        self._model = checkpoint.model
        self._processor = checkpoint.processor
        self._vocabulary = Vocabulary.of(self._model, self._processor.tokenizer)
        self._contexts: OrderedDict[tuple[str, str], Context] = OrderedDict()

    def complete(
        self, prompt: Prompt, images: Sequence[Image], is_cancelled: Callable[[], bool]
    ) -> Iterator[CompletionChunk]:
        """Yields the answer token by token, greedily; the last chunk has a finish reason.

        What the model read of the pictures is kept, so that a further question on them, under the same
        system prompt, costs only its own words.

        Raises:
            RequestError: the text asks for pictures that are not there.
            Cancelled: ``is_cancelled`` was true before the pictures were read or between two tokens.
            OutOfMemory: the device has too little memory.
        """
        stop_if(is_cancelled)
        context = self._read(self._render(prompt, len(images)), images, is_cancelled)
        for (chunk,) in write(self._model, self._vocabulary, context, [prompt.max_new_tokens], is_cancelled):
            if chunk is not None:
                yield chunk

    def complete_batch(
        self, questions: Sequence[tuple[Prompt, Sequence[Image]]], is_cancelled: Callable[[], bool]
    ) -> list[Completion]:
        """The answers to several questions, each with its own pictures, decoded side by side.

        The same answers as one by one; nothing is kept for further questions.

        Raises:
            RequestError, Cancelled, OutOfMemory: as in ``complete``.
        """
        stop_if(is_cancelled)
        texts = [self._render(prompt, len(images)) for prompt, images in questions]
        tokens, mask, pixels = self._encode(texts, [images for _prompt, images in questions])
        context = read(self._model, tokens, mask, pixels=pixels)
        budgets = [prompt.max_new_tokens for prompt, _images in questions]
        completions = [Completion() for _ in questions]
        for chunks in write(self._model, self._vocabulary, context, budgets, is_cancelled):
            for row, chunk in enumerate(chunks):
                if chunk is not None:
                    completions[row] = completions[row].extended(chunk)
        return completions

    def _render(self, prompt: Prompt, image_count: int) -> str:
        content = [{"type": "image"}] * image_count + [{"type": "text", "text": prompt.text}]
        system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
        messages = [*system, {"role": "user", "content": content}]
        text = str(self._processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))
        if text.count(self._processor.image_token) != image_count:
            raise RequestError("the prompt's text holds an image marker of its own")
        return text

    def _read(self, text: str, images: Sequence[Image], is_cancelled: Callable[[], bool]) -> Context:
        if not images:
            tokens, mask, _pixels = self._encode([text], [()])
            return read(self._model, tokens, mask)
        # special tokens are cut out before the rest is tokenised, so the cut behind one changes nothing
        cut = text.rindex(self._processor.image_token) + len(self._processor.image_token)
        seen = self._look(text[:cut], images).copy()
        stop_if(is_cancelled)
        tokens, mask, _pixels = self._encode([text[cut:]], [()])
        return read(self._model, tokens, torch.cat([seen.mask, mask], dim=1), seen.cache)

    def _look(self, head: str, images: Sequence[Image]) -> Context:
        """What was read up to and with the last picture, kept for the next question."""
        key = (head, _digest(images))
        if key not in self._contexts:
            tokens, mask, pixels = self._encode([head], [images])
            self._contexts[key] = read(self._model, tokens, mask, pixels=pixels)
            if len(self._contexts) > _KEPT:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(key)
        return self._contexts[key]

    def _encode(
        self, texts: list[str], images: Sequence[Sequence[Image]]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Token ids and mask (rows, tokens), and what the vision tower reads."""
        pictures = [list(row) for row in images] if any(images) else None
        inputs: dict[str, Any] = self._processor(
            text=texts,
            images=pictures,
            padding=True,
            return_tensors="pt",
            do_image_splitting=False,  # a chip is one view
        )
        tensors = {name: value.to(self._model.device) for name, value in inputs.items()}
        return tensors.pop("input_ids"), tensors.pop("attention_mask"), tensors


def _digest(images: Sequence[Image]) -> str:
    digest = hashlib.sha256()
    for image in images:
        digest.update(f"{image.size}".encode())
        digest.update(image.convert("RGB").tobytes())
    return digest.hexdigest()
