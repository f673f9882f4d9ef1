# SPDX-License-Identifier: GPL-2.0-or-later
"""Prompts in, completions and proposals out; the only room that imports torch."""

import os

# Nothing leaves the machine: ONNX Runtime reports to its maker unless it is told not to.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# The hub library reads these once, when it is first imported.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
