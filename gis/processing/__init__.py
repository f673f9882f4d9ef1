# SPDX-License-Identifier: GPL-2.0-or-later
"""The same questions without the dock: algorithms for the toolbox, models, batches, Python and a shell."""
