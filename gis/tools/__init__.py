# SPDX-License-Identifier: GPL-2.0-or-later
"""The tools over the map that a model may call, checked before anything happens."""
