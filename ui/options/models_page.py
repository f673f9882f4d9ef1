# SPDX-License-Identifier: GPL-2.0-or-later
"""The models on this computer, and where another one comes from."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QShowEvent
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from ...gis.models.installed import InstalledModel, ModelOrigin
from ...gis.models.published import published_models
from ...gis.settings import Settings
from ..parts import quiet_label
from .activity_view import ActivityView
from .fields import button_row, page_column
from .model_work import ModelWork
from .option_words import licence_cell, licence_words, model_words, offer_words, size_words

ROWS = 5


class ModelsPage(QWidget):
    """A table; below, what is known of the chosen row, and what can be done with it."""

    def __init__(
        self, work: ModelWork, shown: Callable[[], Settings] = Settings.load, parent: QWidget | None = None
    ) -> None:
        """``shown`` gives what the other pages show, saved or not."""
        super().__init__(parent)
        self._work = work
        self._shown = shown
        self._models: tuple[InstalledModel, ...] = ()
        self._offered = published_models()
        self.table = self._make_table()
        self.details = quiet_label()
        self.use_button = QPushButton(self.tr("Use"))
        self.add_button = QPushButton(self.tr("Add a folder ..."))
        self.remove_button = QPushButton(self.tr("Remove"))
        self.offer = quiet_label("\n".join(offer_words(model) for model in self._offered))
        self.download_button = QPushButton(self.tr("Download {model}").format(model=self._offered[0].hub_id))
        self.activity = ActivityView(work.activity)
        self._explain()
        buttons = button_row(self.use_button, self.add_button, self.remove_button)
        page_column(
            self,
            self.table,
            self.details,
            buttons,
            self.offer,
            button_row(self.download_button),
            self.activity,
        ).addStretch(1)
        self._connect()
        self._allow()

    def selected(self) -> InstalledModel | None:
        """The model of the chosen row."""
        row = self.table.currentRow()
        return self._models[row] if 0 <= row < len(self._models) else None

    def showEvent(self, event: QShowEvent) -> None:
        """Looks anew: another tab may have named another folder."""
        super().showEvent(event)
        self._look()

    def _make_table(self) -> QTableWidget:
        titles = (
            self.tr("Model"),
            self.tr("State"),
            self.tr("Size"),
            self.tr("Kind"),
            self.tr("Revision"),
            self.tr("Licence"),
        )
        table = QTableWidget(0, len(titles))
        table.setHorizontalHeaderLabels(titles)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.verticalHeader().setVisible(False)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        licence = len(titles) - 1  # told in full below; may be dragged wider
        table.horizontalHeader().setSectionResizeMode(licence, QHeaderView.ResizeMode.Interactive)
        table.setColumnWidth(licence, table.fontMetrics().horizontalAdvance("apache-2.0"))
        table.setMinimumHeight(table.fontMetrics().lineSpacing() * 2 * ROWS)
        table.setAccessibleName(self.tr("Models on this computer"))
        return table

    def _explain(self) -> None:
        self.table.setToolTip(self.tr("The models on this computer; a double click takes one into use"))
        self.use_button.setToolTip(self.tr("Lets this model answer from now on"))
        self.add_button.setToolTip(self.tr("Adds a folder that holds a model of a kind that LSpace knows"))
        self.remove_button.setToolTip(
            self.tr("Deletes a downloaded model; a folder of your own is only taken off the list")
        )
        self.download_button.setToolTip(
            self.tr("Downloads exactly this version and checks it; goes on where an earlier try stopped")
        )
        self.setWhatsThis(self.tr("Which model answers. Models are files on this computer, no program code."))

    def _connect(self) -> None:
        self.table.itemSelectionChanged.connect(self._allow)
        self.table.itemDoubleClicked.connect(self._use)
        self.use_button.clicked.connect(self._use)
        self.add_button.clicked.connect(self._browse)
        self.remove_button.clicked.connect(self._remove)
        self.download_button.clicked.connect(self._download)
        self._work.listed.connect(self._show)
        self._work.changed.connect(self._look)
        self._work.refused.connect(self.details.setText)
        self._work.activity.changed.connect(self._allow)

    def _look(self) -> None:
        self._work.look(self._shown())

    def _show(self, models: tuple[InstalledModel, ...]) -> None:
        chosen = self.selected()
        self._models = models
        self.table.setRowCount(len(models))
        settings = Settings.load()
        for row, model in enumerate(models):
            for column, text in enumerate(self._cells(model, settings)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(row, column, item)
            self.table.item(row, self.table.columnCount() - 1).setToolTip(licence_words(model))
        folders = [model.folder for model in models]
        is_there = chosen is not None and chosen.folder in folders
        in_use = [row for row, model in enumerate(models) if model.is_chosen(settings)]
        self.table.selectRow(folders.index(chosen.folder) if is_there else (in_use or [0])[0])
        self._allow()

    def _cells(self, model: InstalledModel, settings: Settings) -> tuple[str, ...]:
        return (
            model.name,
            self._state(model, settings),
            size_words(model.size / 1e6),
            model.contract.name if model.contract else "",
            model.revision[:8],
            licence_cell(model),
        )

    def _state(self, model: InstalledModel, settings: Settings) -> str:
        if not model.is_whole:
            return self.tr("unusable")
        return self.tr("in use") if model.is_chosen(settings) else self.tr("ready")

    def _allow(self) -> None:
        """What can be clicked now."""
        model, is_free = self.selected(), not self._work.activity.is_running
        self.details.setText(model_words(model) if model else "")
        self.use_button.setEnabled(model is not None and model.is_whole)
        self.remove_button.setEnabled(
            model is not None and model.origin is not ModelOrigin.EMBEDDED and is_free
        )
        self.download_button.setEnabled(is_free)

    def _use(self) -> None:
        model = self.selected()
        if model is not None and model.is_whole:
            self._work.use(model)

    def _remove(self) -> None:
        self._work.remove(self.selected())

    def _download(self) -> None:
        self._work.download(self._offered[0], self._shown())

    def _browse(self) -> None:
        dialog = QFileDialog(self, self.tr("A folder with a model"))
        dialog.setObjectName("LSpaceModelFolder")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._work.add)
        dialog.open()
