# SPDX-License-Identifier: GPL-2.0-or-later
"""The images a model is shown: where they come from, how they are made, what is to be said about them."""
