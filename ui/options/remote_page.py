# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that answers in place of this computer: off unless somebody switches it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from qgis.gui import QgsAuthConfigSelect
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QToolButton,
    QWidget,
)

from ...gis.errors import PluginError
from ...gis.remote_check import RemoteCheck
from ...gis.settings import Settings
from ...model_backend.contract import load_contracts
from ..parts import make_narrow, narrow_combo, quiet_label
from ..remote_words import remote_words
from ..words import sentence_for
from .fields import FieldGrid, button_row, page_grid

MOST_AT_ONCE = 64
LEAST_PATIENCE_S = 5
MOST_PATIENCE_S = 3600


class RemotePage(QWidget):
    """A switch, what the server is asked with, where images go, and a button that tries it."""

    def __init__(self, shown: Callable[[], Settings] = Settings.load, parent: QWidget | None = None) -> None:
        """``shown`` gives what the other pages show, saved or not."""
        super().__init__(parent)
        self._shown = shown
        self._check: RemoteCheck | None = None
        self.switch = QCheckBox(self.tr("Ask a server instead of this computer"))
        self.where = quiet_label()
        self.where.setObjectName("LSpaceWhereImagesGo")
        self.address = QLineEdit()
        self.address.setPlaceholderText(self.tr("https://host:8000/v1"))
        self.model = QLineEdit()
        self.model.setPlaceholderText(self.tr("empty: the only one that it has"))
        self.contract = narrow_combo()
        for contract in load_contracts().values():
            self.contract.addItem(contract.title, contract.name)
        self.login = QgsAuthConfigSelect()
        self._logins = self.login.findChild(QComboBox)
        make_narrow(self._logins)
        for button in self.login.findChildren(QToolButton):
            button.setAccessibleName(button.toolTip())
        self.login_hint = quiet_label(
            self.tr(
                "Logins are kept in QGIS's authentication store, nowhere else. For a key, add one of the "
                "method API Header (Authorization: Bearer KEY), or Basic with the key as password and no "
                "user name."
            )
        )
        self.at_once = _number(1, MOST_AT_ONCE)
        self.patience = _number(LEAST_PATIENCE_S, MOST_PATIENCE_S, " s")
        self.try_button = QPushButton(self.tr("Test"))
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.answer = quiet_label()
        self._set_trying(False)
        self._explain()
        self._lay_out(page_grid(self))
        self._connect()
        self._tell_where()

    def show_settings(self, settings: Settings) -> None:
        """Shows its part."""
        self.switch.setChecked(settings.remote)
        self.address.setText(settings.remote_address)
        self.model.setText(settings.remote_model)
        self.contract.setCurrentIndex(max(self.contract.findData(settings.remote_contract), 0))
        self.login.setConfigId(settings.remote_login)
        self.at_once.setValue(settings.remote_at_once)
        self.patience.setValue(settings.remote_patience_s)
        self._tell_where()

    def written_into(self, settings: Settings) -> Settings:
        """The settings with what the page shows."""
        return replace(
            settings,
            remote=self.switch.isChecked(),
            remote_address=self.address.text().strip(),
            remote_model=self.model.text().strip(),
            remote_contract=self.contract.currentData(),
            remote_login=self.login.configId(),
            remote_at_once=self.at_once.value(),
            remote_patience_s=self.patience.value(),
        )

    def shut_down(self) -> None:
        """Lets go of a test that is under way."""
        if self._check is not None:
            self._check.give_up()
            self._check.deleteLater()
            self._check = None
            self.answer.clear()
        self._set_trying(False)

    def _lay_out(self, form: FieldGrid) -> None:
        form.add_wide(self.switch)
        form.add_wide(self.where)
        form.add_field(self.tr("Address"), self.address)
        form.add_field(self.tr("Model"), self.model)
        form.add_field(self.tr("Kind"), self.contract)
        form.add_field(self.tr("Login"), self.login, self._logins)
        form.add_wide(self.login_hint)
        form.add_field(self.tr("Questions at once"), self.at_once)
        form.add_field(self.tr("Wait for an answer"), self.patience)
        form.add_wide(button_row(self.try_button, self.cancel_button))
        form.add_wide(self.answer)

    def _explain(self) -> None:
        self.switch.setToolTip(
            self.tr("Images and questions are then sent to the server below; off, nothing is sent anywhere")
        )
        self.address.setToolTip(
            self.tr("Of a server of the OpenAI chat-completions protocol: vLLM, SGLang, llama.cpp and others")
        )
        self.model.setToolTip(self.tr("The model's name, as the server calls it"))
        self.contract.setToolTip(
            self.tr("What the model was trained on: its prompts, classes and images; the server cannot say")
        )
        self.at_once.setToolTip(self.tr("How many questions the server is asked at the same time"))
        self.patience.setToolTip(self.tr("How long the server may take before it begins to write"))
        self.try_button.setToolTip(
            self.tr("Asks the server, with the login, for the models that it has; no image is sent")
        )
        self.cancel_button.setToolTip(self.tr("Stops asking"))
        self.setWhatsThis(
            self.tr(
                "A server, such as a workstation with a graphics card, that answers in place of this "
                "computer. It is off until you switch it on, since images leave this computer then."
            )
        )

    def _connect(self) -> None:
        self.switch.toggled.connect(self._tell_where)
        self.address.textChanged.connect(self._tell_where)
        self.login.selectedConfigIdChanged.connect(self._tell_where)
        self.try_button.clicked.connect(self._try)
        self.cancel_button.clicked.connect(self.shut_down)

    def _tell_where(self) -> None:
        """Where images would go with what the page shows now."""
        login_tip = self.tr("An entry of QGIS's authentication store; none where none is needed")
        self._logins.setToolTip(self._logins.toolTip() or login_tip)  # QGIS takes it off with each choice
        settings = self.written_into(Settings.load())
        off = self.tr("Off: images, questions and answers stay on this computer.")
        self.where.setText(remote_words(settings) if settings.remote else off)

    def _try(self) -> None:
        self.shut_down()
        self._set_trying(True)
        self.answer.setText(self.tr("Asking the server ..."))
        self._check = RemoteCheck(replace(self.written_into(self._shown()), remote=True), self)
        self._check.known.connect(self._on_known)
        self._check.failed.connect(self._on_failed)
        self._check.start()

    def _on_known(self, info: dict[str, Any]) -> None:
        self._tell(self.tr("It answers and lets LSpace in: {name}, {device}.").format(**info))

    def _on_failed(self, error: PluginError) -> None:
        self._tell(sentence_for(error))

    def _tell(self, words: str) -> None:
        self._set_trying(False)
        self.answer.setText(words)

    def _set_trying(self, trying: bool) -> None:
        self.try_button.setEnabled(not trying)
        self.cancel_button.setEnabled(trying)


def _number(least: int, most: int, unit: str = "") -> QSpinBox:
    box = QSpinBox()
    box.setRange(least, most)
    box.setSuffix(unit)
    return box
