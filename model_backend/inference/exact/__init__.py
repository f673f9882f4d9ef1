# SPDX-License-Identifier: GPL-2.0-or-later
"""The exact engine: torch computes what transformers computes, digit for digit as far as it goes."""
