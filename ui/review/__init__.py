# SPDX-License-Identifier: GPL-2.0-or-later
"""The review as it is seen, and what can be done with proposals."""
