# SPDX-License-Identifier: GPL-2.0-or-later
"""Areas of any size: a grid of chips, asked one after the other, in a file that outlives whoever asks."""
