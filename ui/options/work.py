# SPDX-License-Identifier: GPL-2.0-or-later
"""The long pieces of work of the options page, which go on while the dialog is closed."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import QObject

from .model_work import ModelWork
from .runtime_work import RuntimeWork


class Work(QObject):
    """Made once for the plugin; ``shut_down`` ends what is under way."""

    def __init__(self, on_saved: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runtime = RuntimeWork(on_saved, self)
        self.models = ModelWork(on_saved, self)

    def shut_down(self) -> None:
        """Cancels; what has arrived is kept."""
        self.runtime.activity.cancel()
        self.models.activity.cancel()
