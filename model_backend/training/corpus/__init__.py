# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows: what models are trained on and measured with."""
