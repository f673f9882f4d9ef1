"""A server as a user names it, and as the worker is told of it: the login shows up nowhere."""

from __future__ import annotations

import json

import pytest
from lspace.model_backend.errors import RequestError
from lspace.model_backend.remote_address import RemoteAddress
from lspace.model_backend.remote_choice import RemoteChoice
from lspace.model_backend.request import ModelChoice

SECRET = "sk-a-very-secret-key"
LOGIN = {"Authorization": f"Bearer {SECRET}"}
REMOTE = RemoteChoice("https://gpu:8000/v1", "lspace", "lspace-mini", 8, 30.0, LOGIN)


@pytest.mark.parametrize(
    ("written", "url", "host"),
    [
        ("https://gpu.example", "https://gpu.example/v1", "gpu.example"),
        (" http://gpu:8000/ ", "http://gpu:8000/v1", "gpu:8000"),
        ("http://gpu:8000/v1/", "http://gpu:8000/v1", "gpu:8000"),
        ("https://gpu/team/api/chat/completions", "https://gpu/team/api", "gpu"),
        ("https://gpu/chat/completions", "https://gpu/v1", "gpu"),
        ("HTTPS://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443/v1", "[2001:db8::1]:8443"),
    ],
)
def test_an_address_is_read_however_much_of_it_is_written(written, url, host):
    address = RemoteAddress.parse(written)
    assert (address.url, address.host) == (url, host)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "gpu:8000",
        "ftp://gpu",
        "https://",
        "https://gpu:x",
        "https://a b",
        "http://[::1",
        "https://gpu?key=1",
    ],
)
def test_what_is_no_address_is_refused(written):
    with pytest.raises(RequestError, match="address"):
        RemoteAddress.parse(written)


def test_an_address_with_a_login_is_refused_and_not_repeated():
    with pytest.raises(RequestError) as caught:
        RemoteAddress.parse(f"https://anna:{SECRET}@gpu")
    assert "secret" not in f"{caught.value} {caught.value.to_payload()}"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "llm.localhost"])
def test_this_computer_is_known_by_all_its_names(name):
    assert RemoteAddress.parse(f"http://{name}:8000").is_loopback


@pytest.mark.parametrize("name", ["gpu", "localhost.example", "127.0.0.1.example", "10.0.0.1", "0.0.0.0"])
def test_another_computer_is_not_taken_for_this_one(name):
    assert not RemoteAddress.parse(f"http://{name}").is_loopback


def test_only_https_is_encrypted():
    assert [RemoteAddress.parse(f"{scheme}://gpu").is_encrypted for scheme in ("https", "http")] == [
        True,
        False,
    ]


def test_a_choice_comes_back_without_its_login_which_is_told_beside_it():
    choice = ModelChoice("m", remote=REMOTE)
    payload = json.loads(json.dumps(choice.to_payload()))
    assert ModelChoice.from_payload(payload).remote.headers == {}
    payload["remote"]["headers"] = LOGIN
    assert ModelChoice.from_payload(payload) == choice


def test_a_choice_with_another_login_is_another():
    assert ModelChoice("m", remote=REMOTE) != ModelChoice("m", remote=RemoteChoice("https://gpu:8000/v1"))


def test_the_login_is_in_no_payload_and_no_repr():
    choice = ModelChoice("m", remote=REMOTE)
    assert SECRET not in f"{choice!r} {choice.to_payload()} {REMOTE.to_payload()}"


@pytest.mark.parametrize(
    "headers",
    [
        SECRET,
        [SECRET],
        {"Authorization": [SECRET]},
        {"Authorization": f"{SECRET}\r\nHost: x"},
        {"Authorization": f"{SECRET}é"},
        {f"{SECRET}\n": "x"},
    ],
)
def test_a_login_that_cannot_be_sent_is_refused_without_being_repeated(headers):
    with pytest.raises(RequestError) as caught:
        ModelChoice.from_payload({"model": "m", "remote": {"address": "https://gpu", "headers": headers}})
    assert SECRET not in f"{caught.value} {caught.value.to_payload()}"


@pytest.mark.parametrize(
    "remote", [3, [], {}, {"address": 3}, {"address": "https://gpu", "concurrency": "4"}]
)
def test_what_is_no_server_is_refused(remote):
    with pytest.raises(RequestError):
        ModelChoice.from_payload({"model": "m", "remote": remote})
