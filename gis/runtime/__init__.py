# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python that runs the model: found, prepared outside of QGIS, repaired, removed."""
