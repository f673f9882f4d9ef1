# SPDX-License-Identifier: GPL-2.0-or-later
"""Choosing the area: the panel, and the tools that draw on the map."""
