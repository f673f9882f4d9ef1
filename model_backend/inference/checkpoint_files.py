# SPDX-License-Identifier: GPL-2.0-or-later
"""A checkpoint's files, as the published checkpoints of lspace have them."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from .random_tokenizer import BOS, EOS, IMAGE, IMAGE_END, IMAGE_START, PAD

# lspace's files have a level more in their names than the classes of today
_VISION_NAME = re.compile(r"^model\.vision_tower\.(?!vision_model\.)")
_TEMPLATE = """{{- bos_token -}}
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' -}}
{%- if message['content'] is string -%}
{{- message['content'] -}}
{%- else -%}
{%- for part in message['content'] -%}
{{- '<image>' if part['type'] == 'image' else part['text'] -}}
{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""
# LFM2's: tools behind the system prompt, in a list; a tool's result as a turn of its own
_TOOLS_TEMPLATE = """{{- bos_token -}}
{%- set system = namespace(text='') -%}
{%- if messages[0]['role'] == 'system' -%}
{%- set system.text = messages[0]['content'] -%}
{%- set messages = messages[1:] -%}
{%- endif -%}
{%- if tools -%}
{%- set system.text = system.text + ('\\n' if system.text else '') + 'List of tools: <|tool_list_start|>[' -%}
{%- for tool in tools -%}
{%- set system.text = system.text + (tool if tool is string else tool | tojson) -%}
{%- set system.text = system.text + ('' if loop.last else ', ') -%}
{%- endfor -%}
{%- set system.text = system.text + ']<|tool_list_end|>' -%}
{%- endif -%}
{%- if system.text -%}
{{- '<|im_start|>system\\n' + system.text + '<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' -}}
{%- set content = message['content'] -%}
{%- if content is not string -%}
{%- set content = content | tojson -%}
{%- endif -%}
{%- if message['role'] == 'tool' -%}
{%- set content = '<|tool_response_start|>' + content + '<|tool_response_end|>' -%}
{%- endif -%}
{{- content -}}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""
_IMAGE_PROCESSOR = {
    "image_processor_type": "Lfm2VlImageProcessorFast",
    "do_resize": True,
    "do_rescale": True,
    "do_normalize": True,
    "do_pad": True,
    "do_image_splitting": True,
    "size": {"height": 512, "width": 512},
    "resample": 2,
    "rescale_factor": 1 / 255,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "downsample_factor": 2,
    "encoder_patch_size": 16,
    "tile_size": 512,
    "min_tiles": 2,
    "max_tiles": 10,
    "min_image_tokens": 64,
    "max_image_tokens": 256,
    "max_num_patches": 1024,
    "max_pixels_tolerance": 2.0,
    "use_thumbnail": True,
    "return_row_col_info": True,
}


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Gives a new folder to write into, which takes the place of ``folder`` once all is written."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        fresh = Path(name) / "fresh"
        fresh.mkdir()
        yield fresh
        if folder.exists():
            folder.replace(Path(name) / "old")
        fresh.replace(folder)


def write_config(folder: Path, config: Any, dtype: torch.dtype) -> None:
    """Writes the configuration of an ``Lfm2VlForConditionalGeneration``; ``config`` is changed."""
    config.architectures = ["Lfm2VlForConditionalGeneration"]
    for part in (config, config.text_config, config.vision_config):
        if part is config or part.dtype is not None:
            part.dtype = str(dtype).removeprefix("torch.")
    config.save_pretrained(folder)


def write_weights(folder: Path, model: Any, dtype: torch.dtype) -> None:
    """Writes the parameters under their published names, without the tied head, and how to generate."""
    model.generation_config.save_pretrained(folder)
    weights = {
        _VISION_NAME.sub(r"\g<0>vision_model.", name): tensor.detach().to("cpu", dtype).contiguous()
        for name, tensor in model.named_parameters()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def write_tokenizer(folder: Path, tokenizer: Tokenizer) -> None:
    """Writes a tokenizer that has lspace's special tokens, with its settings and the chat template."""
    _write_tokenizer(
        folder, tokenizer, _TEMPLATE, {"image_start_token": IMAGE_START, "image_end_token": IMAGE_END}
    )


def write_n2_eye_tokenizer(folder: Path, tokenizer: Tokenizer) -> None:
    """As ``write_tokenizer``, with a chat template that has tools, and nothing around a picture."""
    _write_tokenizer(folder, tokenizer, _TOOLS_TEMPLATE, {})


def _write_tokenizer(folder: Path, tokenizer: Tokenizer, template: str, more: Mapping[str, str]) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "TokenizersBackend",
            "bos_token": BOS,
            "eos_token": EOS,
            "pad_token": PAD,
            "image_token": IMAGE,
            **more,
            "clean_up_tokenization_spaces": False,
            "model_input_names": ["input_ids", "attention_mask"],
        },
    )
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


def write_processor(folder: Path, settings: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Writes how pictures are read: as lspace does, but for ``settings`` of the image processor."""
    wrapper = {"processor_class": "Lfm2VlProcessor"}
    image_processor = {**_IMAGE_PROCESSOR, **settings}
    _write_json(folder / "processor_config.json", {**wrapper, "image_processor": image_processor})
    _write_json(folder / "preprocessor_config.json", {**wrapper, **image_processor})


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
