"""A server is tried through the real worker: what it is, or why it is of no use."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.errors import RemoteUnusable, RuntimeNotFound
from lspace.gis.recent_log import RecentLog
from lspace.gis.remote_check import RemoteCheck
from lspace.gis.settings import Settings
from lspace.ui.words import sentence_for
from planted import WORKER_PYTHON
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QProcess
from servers.chat_server import ChatServer

pytest_plugins = ("logins",)
SECRET = "sk-a-very-secret-key"


@pytest.fixture
def server():
    with ChatServer() as running:
        yield running


def settings_for(server, **values):
    return Settings(interpreter=WORKER_PYTHON, remote=True, remote_address=server.url, **values)


def workers():
    return set(QgsApplication.instance().findChildren(QProcess))


@pytest.fixture(autouse=True)
def no_worker_stays(qtbot):
    """Whatever came of a try, its worker ends."""
    before = workers()
    yield
    qtbot.waitUntil(lambda: workers() <= before, timeout=10_000)


def end_of(qtbot, settings):
    """The facts, or the error."""
    check, ends = RemoteCheck(settings), []
    check.known.connect(ends.append)
    check.failed.connect(ends.append)
    check.start()
    qtbot.waitUntil(lambda: bool(ends), timeout=60_000)
    (end,) = ends
    return end


def test_a_server_that_lets_us_in_is_known_and_no_image_was_sent(qtbot, server, keep_login):
    server.key = f"Bearer {SECRET}"
    log = RecentLog()
    login = keep_login("Basic", username="", password=SECRET)
    info = end_of(qtbot, settings_for(server, remote_login=login))
    assert (info["name"], info["device"]) == ("lspace", f"remote ({server.host})")
    assert server.asked == []
    assert SECRET not in "".join(log.lines)


def test_a_server_that_does_not_want_us_is_told_in_a_sentence_without_the_login(qtbot, server, keep_login):
    server.key = "Bearer another"
    error = end_of(
        qtbot, settings_for(server, remote_login=keep_login("Basic", username="", password=SECRET))
    )
    assert error.values["reason"] == "unauthorised"
    assert sentence_for(error).startswith("The server wants a login, or another one.")
    assert SECRET not in f"{error} {sentence_for(error)}"


def test_a_server_that_is_not_there_is_told(qtbot):
    with ChatServer() as gone:
        pass
    error = end_of(qtbot, settings_for(gone))
    assert error.values["reason"] == "no network"
    assert gone.host in sentence_for(error)


@pytest.mark.parametrize(
    ("values", "kind"), [({"interpreter": ""}, RuntimeNotFound), ({"remote_address": ""}, RemoteUnusable)]
)
def test_what_cannot_even_be_tried_is_told(qtbot, values, kind):
    settings = Settings(**{"interpreter": WORKER_PYTHON, "remote": True, **values})
    error = end_of(qtbot, settings)
    assert isinstance(error, kind)


def test_what_was_given_up_tells_nothing_and_leaves_no_worker(qtbot, server):
    check, ends, before = RemoteCheck(settings_for(server)), [], workers()
    check.known.connect(ends.append)
    check.failed.connect(ends.append)
    check.start()
    assert len(workers() - before) == 1
    check.give_up()
    qtbot.waitUntil(lambda: workers() <= before, timeout=10_000)
    assert ends == []
