# SPDX-License-Identifier: GPL-2.0-or-later
"""A checkpoint's parts, of either kind of model, as the graphs are made of them and run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..model_files import read_settings, reporting_broken_files
from ..n2_eye import MODEL_TYPE, image_token, known_names, n2_eye_settings
from ..patches import Patches
from .modes import Kind
from .positions import neighbours_first, stretched
from .shape import ClipShape, LanguageShape, VisionShape, clip_shape, language_shape, vision_shape
from .weights import EMBEDDING, POSITIONS, PREFIX, Floats, Stored, Weights

_LANGUAGE = "language_model.model."
_HEAD = "lm_head.weight"


class Eyes(Protocol):
    """What sees."""

    def write_graph(self, file: Path, words: int, kind: Kind) -> None:
        """Writes its graph; ``words`` is the language model's width."""
        ...

    def inputs(self, picture: Patches) -> dict[str, Floats]:
        """A picture as its graph takes it."""
        ...


@dataclass(frozen=True)
class Parts:
    """The weights of a checkpoint and their sizes."""

    weights: Weights
    language: LanguageShape
    eyes: Eyes
    image: int
    """Id of the token that stands for a vector of a picture."""

    @property
    def words(self) -> Stored:
        """The vectors (vocabulary, hidden) that tokens are read as."""
        return self.weights.stored(EMBEDDING, self.language.vocabulary, self.language.hidden)

    @property
    def head(self) -> Stored:
        """Those that say which token comes next; they are the same unless a model has them twice."""
        # what is in the files counts, whatever the settings say
        if not self.language.own_head and _HEAD not in self.weights:
            return self.words
        return self.weights.stored(_HEAD, self.language.vocabulary, self.language.hidden)


def parts_of(folder: Path) -> Parts:
    """The parts of a folder; ModelInvalid where it is broken, or of a shape that is not known here."""
    with reporting_broken_files(folder):
        return _parts_of(folder, read_settings(folder / "config.json"))


def _parts_of(folder: Path, config: dict[str, Any]) -> Parts:
    if config.get("model_type") != MODEL_TYPE:
        weights = Weights(folder)
        eyes: Eyes = TowerEyes(weights, vision_shape(config))
        return Parts(weights, language_shape(config), eyes, config["image_token_id"])
    settings = n2_eye_settings(config)
    weights = Weights(folder, _names)
    language = language_shape({**settings.text, "text_config": settings.text})
    eyes = SquareEyes(weights, clip_shape(settings))
    return Parts(weights, language, eyes, image_token(folder, language.vocabulary))


class TowerEyes:
    """Those of LFM2-VL; the learned positions are stretched to each picture's shape."""

    def __init__(self, weights: Weights, shape: VisionShape) -> None:
        self._weights = weights
        self._shape = shape
        # read from the checkpoint itself
        learned = weights.floats(POSITIONS, shape.side**2, shape.hidden)
        self._places = learned.reshape(shape.side, shape.side, shape.hidden)

    def write_graph(self, file: Path, words: int, kind: Kind) -> None:
        """Writes the tower's graph."""
        from .vision_graph import write_vision_graph  # imports onnx, which only making graphs needs

        write_vision_graph(file, self._weights, self._shape, words, kind)

    def inputs(self, picture: Patches) -> dict[str, Floats]:
        """Patches that become one vector follow each other."""
        order = neighbours_first(*picture.grid, self._shape.factor)
        places = stretched(self._places, *picture.grid).reshape(len(order), -1)
        return {"pixels": picture.pixels[None, order], "positions": places[None, order]}


class SquareEyes:
    """Those of N2-Eye."""

    def __init__(self, weights: Weights, shape: ClipShape) -> None:
        self._weights = weights
        self._shape = shape

    def write_graph(self, file: Path, words: int, kind: Kind) -> None:
        """Writes CLIP's graph."""
        from .clip_graph import write_clip_graph  # likewise

        write_clip_graph(file, self._weights, self._shape, words, kind)

    def inputs(self, picture: Patches) -> dict[str, Floats]:
        """As they are."""
        return {"pixels": picture.pixels[None]}


def _names(stored: Iterable[str]) -> dict[str, str]:
    """The language model's weights under the names that LFM2-VL's have."""
    return {name: known.replace(_LANGUAGE, PREFIX, 1) for name, known in known_names(stored).items()}
