# SPDX-License-Identifier: GPL-2.0-or-later
"""The tab in which an area of any size is scanned."""
