# SPDX-License-Identifier: GPL-2.0-or-later
"""The names under which a model writes labels and boxes: the trained ones first, then those it slips into."""

from __future__ import annotations

from .lexemes import Lexeme

LABEL_KEYS = frozenset({"label", "class", "name", "category"})
WRAPPER_KEYS = frozenset({"boxes", "bboxes", "detections"})
BOX_KEYS = WRAPPER_KEYS | {"bbox", "box", "bounding_box", "bbox_2d"}
SCORE_KEYS = frozenset({"score", "confidence", "conf", "probability"})
CORNER_KEYS = {
    key: index
    for index, keys in enumerate(("x1 xmin x_min", "y1 ymin y_min", "x2 xmax x_max", "y2 ymax y_max"))
    for key in keys.split()
}
"""Place of a named coordinate in a box."""


def key_repairs(key: str, written: Lexeme, sign: Lexeme) -> list[str]:
    """In what a key of an object departs from the trained form."""
    repairs = []
    if written.quote != '"':
        repairs.append("single quotes" if written.quote else "unquoted")
    if sign.text == "=":
        repairs.append("equals sign")
    if key in SCORE_KEYS:
        # The model was never trained to give a score: the number has no meaning.
        repairs.append("written score ignored")
    elif key in LABEL_KEYS | BOX_KEYS:
        repairs += [] if key in ("label", "bbox") else ["renamed key"]
    elif key not in CORNER_KEYS:
        repairs.append("extra key")
    return repairs
