# SPDX-License-Identifier: GPL-2.0-or-later
"""Widgets, and the words that people read."""
