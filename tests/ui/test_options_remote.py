"""The remote tab: off at first, says where images go while one types, tries the server by a click."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from clicks import click
from lspace.gis.settings import Settings
from lspace.ui.options.remote_page import RemotePage
from planted import WORKER_PYTHON
from servers.chat_server import ChatServer

pytest_plugins = ("logins",)


@pytest.fixture
def page(qtbot):
    page = RemotePage(lambda: Settings(interpreter=WORKER_PYTHON))
    qtbot.addWidget(page)
    page.resize(420, 700)
    page.show()
    yield page
    page.shut_down()


def test_it_is_off_and_says_that_everything_stays_here(page):
    page.show_settings(Settings())
    assert not page.switch.isChecked()
    assert page.where.text() == "Off: images, questions and answers stay on this computer."
    assert page.written_into(Settings()) == Settings()


def test_what_the_tab_shows_is_what_it_writes(page, keep_login):
    chosen = Settings(
        remote=True,
        remote_address="https://gpu:8000/v1",
        remote_model="lspace",
        remote_contract="lspace-mini",
        remote_login=keep_login("Basic", username="", password="key"),
        remote_at_once=8,
        remote_patience_s=60,
    )
    page.login.setConfigId("")
    page.show_settings(chosen)
    assert page.written_into(Settings()) == chosen


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://gpu:8000", "leave this computer: they are sent to gpu:8000, encrypted"),
        ("http://gpu:8000", "leave this computer: they are sent to gpu:8000, NOT encrypted"),
        ("http://localhost:8000", "a server on this computer, localhost:8000"),
        ("", "The server's address is missing"),
    ],
)
def test_where_images_go_is_told_while_one_types(page, address, words):
    page.show_settings(Settings())
    page.switch.setChecked(True)
    page.address.setText(address)
    assert words in page.where.text()


def test_a_login_for_an_address_that_is_not_encrypted_is_refused_at_once(page, keep_login):
    page.show_settings(Settings(remote=True, remote_address="http://gpu:8000"))
    login = keep_login("Basic", username="", password="key")
    page.show_settings(Settings(remote=True, remote_address="http://gpu:8000", remote_login=login))
    assert "would travel readable" in page.where.text()


def test_a_click_tries_the_server_although_it_is_not_switched_on(qtbot, page):
    with ChatServer() as server:
        page.show_settings(Settings(remote_address=server.url))
        click(page.try_button)
        assert not page.try_button.isEnabled()
        qtbot.waitUntil(page.try_button.isEnabled, timeout=60_000)
        assert page.answer.text() == (f"It answers and lets LSpace in: lspace, remote ({server.host}).")
        assert server.asked == []


def test_a_server_that_is_of_no_use_is_told(qtbot, page):
    page.show_settings(Settings(remote_address="http://127.0.0.1:1"))
    click(page.try_button)
    qtbot.waitUntil(page.try_button.isEnabled, timeout=60_000)
    assert page.answer.text().startswith("The server cannot be reached.")


def test_a_test_can_be_cancelled(qtbot, page):
    with ChatServer() as server:
        page.show_settings(Settings(remote_address=server.url))
        click(page.try_button)
        click(page.cancel_button)
        assert page.try_button.isEnabled()
        qtbot.wait(50)
        assert page.answer.text() == ""
