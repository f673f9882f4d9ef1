# SPDX-License-Identifier: GPL-2.0-or-later
"""Supervised fine-tuning on rows."""
