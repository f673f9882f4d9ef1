# SPDX-License-Identifier: GPL-2.0-or-later
"""lspace-mini: the recipe of the small embedded model."""
