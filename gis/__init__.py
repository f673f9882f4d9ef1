# SPDX-License-Identifier: GPL-2.0-or-later
"""Pixels, map units, CRS, layers and the worker process: QGIS and QtCore, no widgets."""
