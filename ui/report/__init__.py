# SPDX-License-Identifier: GPL-2.0-or-later
"""The report's words and its panel."""
