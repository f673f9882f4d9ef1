# SPDX-License-Identifier: GPL-2.0-or-later
"""The review of proposals, in the layer's own edit buffer."""
