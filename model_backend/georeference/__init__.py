# SPDX-License-Identifier: GPL-2.0-or-later
"""Boxes of a chip to polygons of a map: numpy, shapely, pyproj; never a token."""
