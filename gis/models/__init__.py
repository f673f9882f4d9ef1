# SPDX-License-Identifier: GPL-2.0-or-later
"""The models on this computer: which there are, where more come from, and what may be removed."""
