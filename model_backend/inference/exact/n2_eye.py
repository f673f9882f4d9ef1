# SPDX-License-Identifier: GPL-2.0-or-later
"""N2-Eye as a model of transformers: its two parts and the projection between them, without remote code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    GenerationMixin,
    Lfm2Config,
    Lfm2ForCausalLM,
    PreTrainedConfig,
)
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.modeling_utils import PreTrainedModel

from ...contract import CONTRACT_MARK
from ...errors import ModelInvalid
from ..n2_eye import ALL, MODEL_TYPE, PATCHES, N2EyeSettings, known_names, n2_eye_settings
from ..source import RANDOM_MARK

_HEAD, _WORDS = "language_model.lm_head.weight", "language_model.model.embed_tokens.weight"
_VISION = re.compile(r"^vision_encoder\.(?!vision_model\.)")
_MARKS = (CONTRACT_MARK, RANDOM_MARK)
"""Of our own, in a checkpoint's configuration."""


class N2EyeConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes and choices of a checkpoint; see ``N2EyeSettings``."""

    model_type = MODEL_TYPE
    sub_configs = {"text_config": Lfm2Config, "vision_config": CLIPVisionConfig}

    def __init__(
        self, settings: N2EyeSettings | None = None, image_token_id: int = 396, **named: Any
    ) -> None:
        settings = settings or n2_eye_settings(named)
        text = {key: value for key, value in settings.text.items() if key != "model_type"}
        vision = {key: value for key, value in settings.vision.items() if key != "model_type"}
        self.text_config = Lfm2Config(**text)
        self.vision_config = CLIPVisionConfig(**vision)
        self.vision_projection_dim = settings.projected
        self.vision_features = settings.features
        self.image_token_id = image_token_id
        kept = {name: value for name, value in named.items() if name not in ("text_config", "vision_config")}
        super().__init__(**{**kept, "tie_word_embeddings": self.text_config.tie_word_embeddings})


class N2Eye(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """The language model, with projected vectors of CLIP in the places of its image tokens."""

    config_class = N2EyeConfig
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["Lfm2DecoderLayer", "CLIPEncoderLayer"]
    _tied_weights_keys = {_HEAD: _WORDS}

    def __init__(self, config: N2EyeConfig) -> None:
        super().__init__(config)
        vision, hidden = config.vision_config, config.text_config.hidden_size
        self.language_model = Lfm2ForCausalLM(config.text_config)
        self.vision_encoder = CLIPVisionModel(vision)
        self.vision_projection = nn.Sequential(
            nn.Linear(vision.hidden_size, config.vision_projection_dim),
            nn.GELU(),
            nn.Linear(config.vision_projection_dim, hidden),
        )
        self.post_init()  # type: ignore[no-untyped-call]

    def get_input_embeddings(self) -> nn.Module:
        """Those of the language model."""
        embeddings: nn.Module = self.language_model.get_input_embeddings()
        return embeddings

    def get_output_embeddings(self) -> nn.Module:
        """The last layer of the language model."""
        head: nn.Module = self.language_model.lm_head
        return head

    def see(self, pixel_values: Tensor) -> Tensor:
        """(pictures, patches, numbers a patch), of a ``SquareCutter``, to (pictures, tokens, hidden)."""
        vision = self.config.vision_config
        side, patch = vision.image_size, vision.patch_size
        count = side // patch
        blocks = pixel_values.reshape(-1, count, count, patch, patch, 3)
        whole = blocks.permute(0, 5, 1, 3, 2, 4).reshape(-1, 3, side, side)
        seen = self.vision_encoder(pixel_values=whole.to(self.vision_encoder.dtype))
        states = seen.last_hidden_state
        if self.config.vision_features == PATCHES:
            states = states[:, 1:]
        elif self.config.vision_features != ALL:
            states = seen.pooler_output[:, None]
        vectors: Tensor = self.vision_projection(states)
        return vectors

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        attention_mask: Tensor | None = None,  # named, or generate() refuses it
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """As a causal language model; ``input_ids`` hold an image token for each vector of the pictures."""
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
        if pixel_values is not None:
            vectors = self.see(pixel_values).flatten(0, 1).to(inputs_embeds.dtype)
            places = input_ids == self.config.image_token_id
            if int(places.sum()) != len(vectors):
                raise ValueError(f"{int(places.sum())} image tokens for {len(vectors)} vectors of pictures")
            inputs_embeds = inputs_embeds.masked_scatter(places[..., None], vectors)
        answered: CausalLMOutputWithPast = self.language_model(
            inputs_embeds=inputs_embeds, attention_mask=attention_mask, **kwargs
        )
        return answered

    def prepare_inputs_for_generation(self, input_ids: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Pictures are read with the first step alone."""
        cache = kwargs.get("past_key_values")
        inputs: Any = super().prepare_inputs_for_generation(input_ids, **kwargs)  # type: ignore[misc]
        if cache is not None and cache.get_seq_length() > 0:
            inputs["pixel_values"] = None
        return inputs


def load_n2_eye(folder: Path, dtype: torch.dtype) -> N2Eye:
    """The model of a folder, on the CPU.

    Raises:
        ModelInvalid: tensors are missing, unknown or of another shape.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    stored: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        stored.update(load_file(file))
    with torch.device("meta"):
        model = N2Eye(N2EyeConfig(n2_eye_settings(config), image_token_id=config.get("image_token_id", 396)))
    tensors = {_own_name(model, known): stored[name].to(dtype) for name, known in known_names(stored).items()}
    if _HEAD not in tensors or torch.equal(tensors[_HEAD], tensors.get(_WORDS, tensors[_HEAD])):
        tensors[_HEAD] = tensors.get(_WORDS, torch.empty(0))
    else:  # a head in the files counts, whatever the settings say
        model.config.tie_word_embeddings = model.config.text_config.tie_word_embeddings = False
    _check(folder, model, tensors)
    model.load_state_dict(tensors, assign=True, strict=False)
    model.tie_weights()
    _fill_buffers(model)
    loaded: N2Eye = model.eval()  # type: ignore[no-untyped-call]
    return loaded


def write_n2_eye(folder: Path, config: N2EyeConfig, model: N2Eye, dtype: torch.dtype) -> None:
    """Writes configuration and weights under their published names; what is shared is written once."""
    _write_json(
        folder / "config.json",
        {
            "architectures": ["MultimodalLFM2Model"],
            "model_type": MODEL_TYPE,
            "text_config": config.text_config.to_dict(),
            "vision_config": config.vision_config.to_dict(),
            "vision_projection_dim": config.vision_projection_dim,
            "vision_features": config.vision_features,
            "image_token_id": config.image_token_id,
            "dtype": str(dtype).removeprefix("torch."),
            **{mark: getattr(config, mark) for mark in _MARKS if hasattr(config, mark)},
        },
    )
    weights = {
        _VISION.sub("vision_encoder.vision_model.", name): tensor.detach().to("cpu", dtype).contiguous()
        for name, tensor in model.named_parameters()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _own_name(model: N2Eye, known: str) -> str:
    """The name that the classes give a tensor; older ones have a level more."""
    if known.startswith("lm_head."):
        return f"language_model.{known}"
    if known.startswith("vision_projection.1."):
        return known.replace(".1.", ".2.", 1)
    has_level = known.startswith("vision_encoder.") and hasattr(model.vision_encoder, "vision_model")
    return known.replace("vision_encoder.", "vision_encoder.vision_model.", 1) if has_level else known


def _check(folder: Path, model: N2Eye, tensors: dict[str, Tensor]) -> None:
    wanted = {name: tensor.shape for name, tensor in model.named_parameters(remove_duplicate=False)}
    faults = {
        "missing": sorted(wanted.keys() - tensors.keys()),
        "unexpected": sorted(tensors.keys() - wanted.keys()),
        "mismatched": sorted(
            name for name, shape in wanted.items() if name in tensors and tensors[name].shape != shape
        ),
    }
    for kind, names in faults.items():
        if names:
            words = f"{folder.name} has {len(names)} {kind} tensors: {', '.join(names[:3])}"
            raise ModelInvalid(words, names=names)


def _fill_buffers(model: N2Eye) -> None:
    """What no file holds: it is computed from the sizes."""
    text = model.language_model.model
    text.rotary_emb = type(text.rotary_emb)(model.config.text_config)
    vision = getattr(model.vision_encoder, "vision_model", model.vision_encoder)
    vision.embeddings.position_ids = torch.arange(vision.embeddings.num_positions)[None]


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
