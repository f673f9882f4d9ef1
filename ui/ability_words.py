# SPDX-License-Identifier: GPL-2.0-or-later
"""What a model can do, and why it cannot do the rest."""

from __future__ import annotations

from collections.abc import Callable

from ..gis.runs.boxes_model import draws_boxes
from ..model_backend.contract import Contract, load_contracts
from .translation import tr


def ability_words(contract: Contract) -> str:
    """A sentence or two about what a model of this contract was made for."""
    can_draw = draws_boxes(contract)
    sentences = [tr("Draws boxes.") if can_draw else tr("Draws no boxes.")]
    talk = contract.talk
    if talk is None:
        sentences.append(tr("Answers its trained questions, one by one."))
    elif talk.tools:
        sentences.append(tr("Talks, and uses tools over the map."))
    else:
        sentences.append(tr("Talks, without tools."))
    return " ".join(sentences)


def no_boxes_words(contract: Contract) -> str:
    """Why it draws no boxes; empty where it does."""
    if draws_boxes(contract):
        return ""
    return tr("{model} was not trained to draw boxes: choose {others}.").format(
        model=contract.title, others=_others(draws_boxes)
    )


def no_tools_words(contract: Contract) -> str:
    """Why it uses no tools; empty where it does."""
    if _uses_tools(contract):
        return ""
    return tr("{model} was not trained to use tools: choose {others}.").format(
        model=contract.title, others=_others(_uses_tools)
    )


def one_image_words(contract: Contract) -> str:
    """Why it is shown one image only, where it is a model for conversations; else empty."""
    if contract.talk is None or contract.talk.most_images > 1:
        return ""
    return tr("{model} was trained to look at one image alone: choose {others} to compare.").format(
        model=contract.title, others=_others(_compares)
    )


def _uses_tools(contract: Contract) -> bool:
    return contract.talk is not None and contract.talk.tools


def _compares(contract: Contract) -> bool:
    return any(task.most_images > 1 for task in contract.tasks.values())


def _others(can: Callable[[Contract], bool]) -> str:
    titles = [contract.title for contract in load_contracts().values() if can(contract)]
    return tr(" or ").join(titles)
