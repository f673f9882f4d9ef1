# SPDX-License-Identifier: GPL-2.0-or-later
"""Choosing the images, their preview and advice."""
