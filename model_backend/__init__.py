# SPDX-License-Identifier: GPL-2.0-or-later
"""The model's side: plain Python in its own interpreter, without Qt and without QGIS."""
