# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs: the worker, what is asked of it, what comes back, and the conversation that is kept."""
