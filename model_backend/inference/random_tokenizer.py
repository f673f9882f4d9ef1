# SPDX-License-Identifier: GPL-2.0-or-later
"""A tokenizer of LFM2's shape, made here: its special tokens at their ids, the rest invented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from ..contract import RESOURCES

BOS, EOS, PAD = "<|startoftext|>", "<|im_end|>", "<|pad|>"
IMAGE, IMAGE_START, IMAGE_END = "<image>", "<|image_start|>", "<|image_end|>"

_FIRST = (
    *(PAD, BOS, "<|endoftext|>", "<|fim_pre|>", "<|fim_mid|>", "<|fim_suf|>", "<|im_start|>", EOS),
    *("<|tool_list_start|>", "<|tool_list_end|>", "<|tool_call_start|>", "<|tool_call_end|>"),
    *("<|tool_response_start|>", "<|tool_response_end|>"),
)
_IMAGE_ID = 396
_THINK = {64400: "<think>", 64401: "</think>"}
_SYLLABLES = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]
_TRAINED = 4096  # learned merges stop here at the latest: the prompts hold no more
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def special_tokens() -> list[str]:
    """LFM2's special tokens in the order of their ids; unused ones are called ``<|reserved_N|>``."""
    marks = [f"<|img_row_{row}_col_{column}|>" for row in range(1, 11) for column in range(1, 11)]
    reserved = [f"<|reserved_{index}|>" for index in range(_IMAGE_ID - len(_FIRST))]
    return [*_FIRST, *reserved, IMAGE, *marks, "<|img_thumbnail|>", IMAGE_START, IMAGE_END]


def random_tokenizer(vocabulary: int) -> Tokenizer:
    """A byte-level tokenizer in which every id below ``vocabulary`` has a text.

    Its merges are learned from the contracts' prompts; ids that are left get pronounceable words, so
    that what an untrained model writes can at least be read.
    """
    vocab, merges = _learned(min(vocabulary, _TRAINED))
    special = special_tokens()
    if vocabulary > max(_THINK):
        vocab.update({text: index for index, text in _THINK.items()})
        special += _THINK.values()
    words = _words()
    taken = set(vocab.values())
    for index in range(vocabulary):
        if index not in taken:
            vocab[next(word for word in words if word not in vocab)] = index
    return _assembled(vocab, merges, special)


def _learned(size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _pre_tokenizer()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special_tokens(), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([(RESOURCES / "contracts.json").read_text(encoding="utf-8")], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]


def _words() -> Iterator[str]:
    for length in (2, 3):
        for syllables in product(_SYLLABLES, repeat=length):
            yield "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}" + "".join(syllables)  # a space, byte-level


def _pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _assembled(vocab: dict[str, int], merges: list[tuple[str, str]], special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = _pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, vocab[BOS])]
    )
    return tokenizer
