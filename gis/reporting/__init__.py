# SPDX-License-Identifier: GPL-2.0-or-later
"""The report: its facts, and how it is written."""
