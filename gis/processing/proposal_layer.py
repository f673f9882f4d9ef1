# SPDX-License-Identifier: GPL-2.0-or-later
"""Proposal layers as an algorithm is given them: of the project, or a file that nobody has opened yet."""

from __future__ import annotations

from qgis.core import QgsVectorLayer

from ..provenance import has_run


def with_record(layer: QgsVectorLayer) -> QgsVectorLayer:
    """The same layer; a file's record is read, which QGIS does only for layers that are added by hand."""
    if not has_run(layer):
        layer.loadDefaultMetadata()
    return layer
