# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin's page in QGIS's options dialog: runtime, models, device, network, diagnosis."""
