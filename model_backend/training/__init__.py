# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows, supervised fine-tuning, evaluation, and the small embedded model."""
