# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a model could not be downloaded or cannot be used, and what to do about it."""

from __future__ import annotations

from typing import Any

from .translation import tr


def download_failed_words(values: dict[str, Any]) -> str:
    """The sentence for a ``WorkerFailed`` of the code ``download_failed``."""
    opening = tr("The download broke off; what had arrived is kept for the next try: {detail}")
    advice = {
        "proxy login": tr(
            "The proxy asks for a user name and a password. Set them in QGIS: Settings, Options, Network."
        ),
        "tls": tr(
            "A certificate on the way is not trusted, as happens where the network inspects traffic. Ask "
            "your administrator for the certificate of its authority, and import it in QGIS: Settings, "
            "Options, Authentication, Manage certificates."
        ),
        "no network": tr(
            "See whether the network and QGIS's proxy are right, then try again. Without network, copy the "
            "model's folder from another computer, and add it in the options."
        ),
        "refused": tr(
            "The address of the hub or a filter of your network may be the cause. A mirror can be set in the "
            "options, or the model's folder be copied from another computer and added."
        ),
        "disk full": tr("Free some space, or choose another folder for downloaded models in the options."),
        "bad folder": tr("Choose another folder for downloaded models in the options."),
        "busy": tr("Wait for it."),
    }.get(values.get("reason", ""), "")
    return f"{_sentence(opening.format(detail=values.get('detail', '')))} {advice}".strip()


def model_unusable_words(values: dict[str, Any]) -> str:
    """The sentence for a ``ModelUnusable``."""
    words = {
        "no folder": tr("There is no folder {path}."),
        "unreadable": tr("The folder cannot be read: {detail}"),
        "half": tr("The download is not complete. Download it again: what has arrived is kept."),
        "missing": tr("This is not the folder of a model, or not all of it was copied: {detail}"),
        "weights": tr("The weights are not there: {detail}"),
        "pickle": tr("Only weights as safetensors are loaded, since others can run programs: {detail}"),
        "pointer": tr("The weights were not downloaded: {detail}"),
        "cut": tr("The weights are damaged or were not copied whole; copy them again: {detail}"),
        "json": tr("A file of the model is damaged; copy it again: {detail}"),
        "contract": tr("LSpace knows lspace and its kin, not this model: {detail}"),
    }.get(values.get("reason", ""), tr("This folder holds no model that can be used. {detail}"))
    return _sentence(words.format(path=values.get("path", ""), detail=values.get("detail", "")))


def _sentence(words: str) -> str:
    return f"{words.strip().rstrip('.')}."
