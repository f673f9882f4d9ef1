# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user's own bands say of a proposal."""
