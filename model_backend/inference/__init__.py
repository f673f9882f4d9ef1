# SPDX-License-Identifier: GPL-2.0-or-later
"""Prompts in, completions and proposals out; the only room that imports torch."""
