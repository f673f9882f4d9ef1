# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of the proposals when the project was saved."""

from __future__ import annotations

from ...gis.saving.kept_layers import KeptWithProject
from ..words import sentence_for, tr


def kept_words(kept: KeptWithProject) -> str:
    """Where the proposals are now; empty where there are none."""
    sentences = []
    if kept.package is not None and not kept.lost:
        words = tr("The proposals are saved with the project, in {file} beside it.")
        sentences.append(words.format(file=kept.package.name))
    if kept.lost:
        sentences.append(_lost_words(kept))
    if kept.uncommitted:
        words = tr("Decisions in {layers} are not in its file yet: save the edits of the layer.")
        sentences.append(words.format(layers=", ".join(kept.uncommitted)))
    return " ".join(sentences)


def _lost_words(kept: KeptWithProject) -> str:
    sentences = [
        tr("The project is saved, its proposals are not: they are in memory only."),
        tr("Save them, or make their layer permanent (its menu in the layer tree)."),
    ]
    if kept.error is not None:
        sentences.insert(1, sentence_for(kept.error))
    return " ".join(sentences)
