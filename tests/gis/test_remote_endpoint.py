"""A server that answers: when it may be asked, and where its login is and where it is not."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.diagnosis import Facts, compose
from lspace.gis.errors import RemoteUnusable, RuntimeNotFound
from lspace.gis.redaction import Private
from lspace.gis.remote_endpoint import load_body, login_headers, remote_address
from lspace.gis.settings import Settings
from lspace.model_backend.request import ModelChoice
from qgis.core import QgsApplication, QgsSettings

pytest_plugins = ("logins",)
SECRET = "sk-a-very-secret-key"
REMOTE = Settings(remote=True, remote_address="https://gpu:8000", remote_contract="lspace-mini")


def reason_of(function, *arguments):
    with pytest.raises(RemoteUnusable) as caught:
        function(*arguments)
    assert SECRET not in str(caught.value)
    return caught.value.values["reason"]


def test_it_is_off_until_somebody_switches_it_on():
    assert Settings().model_choice().remote is None
    assert Settings(remote_address="https://gpu").model_choice().remote is None
    assert load_body(Settings())["remote"] is None


def test_a_server_takes_the_place_of_the_model_and_has_the_contract_that_was_chosen():
    settings = replace(REMOTE, remote_model="m", remote_at_once=8, remote_patience_s=30)
    remote = settings.model_choice().remote
    assert (remote.address, remote.model, remote.contract) == ("https://gpu:8000", "m", "lspace-mini")
    assert (remote.concurrency, remote.first_token_s) == (8, 30.0)
    assert settings.expected_contract.name == "lspace-mini"
    assert replace(settings, remote_contract="lspace").expected_contract.name == "lspace"
    assert not settings.is_embedded_model


@pytest.mark.parametrize("address", ["", "gpu", f"https://anna:{SECRET}@gpu"])
def test_an_address_that_cannot_be_asked_is_refused(address):
    assert reason_of(remote_address, replace(REMOTE, remote_address=address)) == "address"


def test_where_the_network_is_not_to_be_used_only_this_computer_is_asked():
    settings = replace(REMOTE, offline=True)
    assert reason_of(load_body, settings) == "offline"
    assert remote_address(replace(settings, remote_address="http://localhost:8000")).is_loopback


def test_a_login_never_travels_readable():
    settings = replace(REMOTE, remote_login="abc1234")
    assert reason_of(load_body, replace(settings, remote_address="http://gpu:8000")) == "insecure"
    assert remote_address(replace(REMOTE, remote_address="http://gpu:8000")).host == "gpu:8000"
    for address in ("http://127.0.0.1:8000", "https://gpu:8000"):
        assert remote_address(replace(settings, remote_address=address))


def test_the_headers_of_an_api_login_are_sent_as_they_are(keep_login):
    login = keep_login("APIHeader", Authorization=f"Bearer {SECRET} ", X_Team="maps")
    assert login_headers(login) == {"Authorization": f"Bearer {SECRET}", "X-Team": "maps"}


def test_a_user_and_a_password_are_a_basic_login_and_a_password_alone_is_a_key(keep_login):
    kind, told = login_headers(keep_login("Basic", username="änna", password=SECRET))["Authorization"].split()
    assert (kind, b64decode(told).decode()) == ("Basic", f"änna:{SECRET}")
    key = login_headers(keep_login("Basic", username="", password=f"{SECRET}\n"))
    assert key == {"Authorization": f"Bearer {SECRET}"}


def test_no_login_is_no_headers():
    assert login_headers("") == {}


def test_a_login_that_is_gone_or_of_no_use_is_told(keep_login):
    assert reason_of(login_headers, "abc1234") == "gone"
    assert reason_of(login_headers, keep_login("OAuth2", oauth2config=SECRET)) == "kind"
    for value in (f"{SECRET}\nHost: elsewhere", f"{SECRET}é", ""):
        assert reason_of(login_headers, keep_login("APIHeader", Authorization=value)) == "letters"


def test_a_store_that_stays_locked_is_told(keep_login):
    login = keep_login("Basic", username="", password=SECRET)
    QgsApplication.authManager().clearMasterPassword()
    assert reason_of(login_headers, login) == "locked"


def test_the_worker_is_told_the_login_and_reads_it(keep_login):
    login = keep_login("Basic", username="", password=SECRET)
    body = load_body(replace(REMOTE, remote_login=login))
    assert ModelChoice.from_payload(body).remote.headers == {"Authorization": f"Bearer {SECRET}"}


def test_the_login_is_in_no_setting_no_choice_and_no_diagnosis(keep_login):
    settings = replace(REMOTE, remote_login=keep_login("APIHeader", Authorization=f"Bearer {SECRET}"))
    load_body(settings)
    settings.save()
    stored = QgsSettings()
    assert stored.value("lspace/remote_login") == settings.remote_login
    texts = [str(stored.value(key)) for key in stored.allKeys()]
    choice = settings.model_choice()
    texts += [repr(settings), repr(choice), str(choice.to_payload())]
    texts.append(compose(Facts({}, settings, RuntimeNotFound("none"), ""), Private.here()))
    Settings().save()
    assert [text for text in texts if SECRET in text] == []


def test_a_login_that_somebody_wrote_into_the_address_is_in_no_diagnosis():
    settings = replace(REMOTE, remote_address=f"https://anna:{SECRET}@gpu")
    text = compose(Facts({}, settings, RuntimeNotFound("none"), ""), Private.here())
    assert SECRET not in text
    assert "gpu" in text
