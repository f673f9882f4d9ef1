"""Copies of N2-Eye's tiny checkpoint whose files are written otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    """Puts other tensors in the place of a folder's."""
    file = folder / "model.safetensors"
    changed = {name: tensor.clone() for name, tensor in change(load_file(file)).items()}
    save_file(changed, file, metadata={"format": "pt"})


def set_config(folder: Path, **settings: Any) -> None:
    """Changes config.json; None takes a setting out."""
    file = folder / "config.json"
    changed = {**json.loads(file.read_text()), **settings}
    file.write_text(json.dumps({name: value for name, value in changed.items() if value is not None}))


def without_level(tensors: Tensors) -> Tensors:
    """As files of today's classes have CLIP's names."""
    return {name.replace(".vision_model.", "."): each for name, each in tensors.items()}


def with_dropout_between(tensors: Tensors) -> Tensors:
    """The projection's second layer counted as the fourth part."""
    return {name.replace("projection.2.", "projection.3."): each for name, each in tensors.items()}


def with_stored_head(tensors: Tensors) -> Tensors:
    """The tied head written a second time."""
    words = tensors["language_model.model.embed_tokens.weight"]
    return {**tensors, "language_model.lm_head.weight": words}


def with_position_ids(tensors: Tensors) -> Tensors:
    """As old files of CLIP have them."""
    return {**tensors, "vision_encoder.vision_model.embeddings.position_ids": torch.arange(50)[None]}


LAYOUTS = [without_level, with_dropout_between, with_stored_head, with_position_ids]
"""What other writers' files may look like; the model is the same."""


def without_a_layer(tensors: Tensors) -> Tensors:
    """The projection's first bias left out."""
    return {name: each for name, each in tensors.items() if name != "vision_projection.0.bias"}


def with_one_more(tensors: Tensors) -> Tensors:
    """A tensor that this model does not have."""
    return {**tensors, "vision_encoder.vision_model.visual_projection.weight": torch.ones(3)}


def with_another_width(tensors: Tensors) -> Tensors:
    """A projection that ends elsewhere."""
    name = "vision_projection.2.weight"
    return {**tensors, name: tensors[name][:-1]}


FAULTS = [without_a_layer, with_one_more, with_another_width]
