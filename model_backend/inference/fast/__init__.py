# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine for machines without a GPU: ONNX Runtime and numpy, graphs made here; never imports torch."""
