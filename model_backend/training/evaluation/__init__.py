# SPDX-License-Identifier: GPL-2.0-or-later
"""How a model does on rows whose answers are known."""
