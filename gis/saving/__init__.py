# SPDX-License-Identifier: GPL-2.0-or-later
"""Proposals as files that last, and as training rows."""
