# SPDX-License-Identifier: GPL-2.0-or-later
"""LSpace: ask a satellite image a question, from the map."""


def classFactory(iface):  # noqa: N802 - the name QGIS calls
    """Returns the plugin; everything else is imported only now."""
    from .plugin import LSpacePlugin

    return LSpacePlugin(iface)
