"""The diagnosis says what a bug report needs, and nothing that is nobody else's business."""

from __future__ import annotations

import html
import json
import os
import random
from urllib.parse import quote, quote_plus

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.diagnosis import Diagnosis, Facts, compose, versions
from lspace.gis.errors import RuntimeNotFound
from lspace.gis.python_facts import PythonFacts
from lspace.gis.recent_log import MOST_LINES, RecentLog
from lspace.gis.redaction import Private
from lspace.gis.runtime.requirements import SMALL_REQUIREMENTS, package_names
from lspace.gis.settings import Settings
from planted import WORKER_PYTHON
from qgis.core import Qgis, QgsMessageLog, QgsSettings

JANE = Private("/home/jane.doe", "jane.doe", "JANES-LAPTOP", ("s3same open/now",))
JANE_IN_A_DOMAIN = Private("/home/jd", "jd", "lap7.acme.org", full_name="Jane van Doe", domain="ACME")
JANE_ON_WINDOWS = Private("C:\\Users\\Jane Doe", "Jane Doe", "DESKTOP-7")


def text_of(log=(), private=JANE, **settings):
    python = PythonFacts("/home/jane.doe/py/bin/python", "3.12.3", "Linux x86_64 64 bit", {"torch": "2.13.0"})
    return compose(Facts({"QGIS": "3.34"}, Settings(**settings), python, "cpu, float32", tuple(log)), private)


def test_versions_settings_packages_device_and_log_are_in_it():
    text = text_of(["12:00:01 loaded"], device="cpu")
    for told in (
        "QGIS: 3.34",
        "device: cpu",
        "Python 3.12.3",
        "torch 2.13.0",
        "cpu, float32",
        "12:00:01 loaded",
    ):
        assert told in text


def test_a_missing_package_is_told_as_missing():
    python = PythonFacts("/opt/python", "3.12.3", "Linux", {"onnxruntime": "", "torch": ""})
    text = compose(Facts({}, Settings(), python, ""), JANE)
    assert "onnxruntime missing" in text
    assert "small" not in text


def test_a_python_without_torch_is_a_small_one_and_lacks_nothing():
    packages = dict.fromkeys(package_names(SMALL_REQUIREMENTS), "1.0")
    python = PythonFacts("/opt/python", "3.12.3", "Linux", {**packages, "torch": ""})
    text = compose(Facts({}, Settings(), python, ""), JANE)
    assert "small: 8 bits, 4 bits or float32, on the CPU" in text
    assert "torch not installed" in text
    assert "missing" not in text


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("proxy http://jane:pa55word@proxy.corp:8080 answered 407", "pa55word"),
        ("proxy http://jane:pa@ss/wo@rd@proxy.corp:8080 answered 407", "ss/wo"),
        ("https://hf-user:@hub/x", "hf-user"),
        ("HTTPS_PROXY=socks5://u:p4ss@10.0.0.1:1080", "p4ss"),
        ("Proxy-Authorization: Basic amFuZTpwYXNz", "amFuZTpwYXNz"),
        ("authorization: Bearer abc.def-123456", "abc.def-123456"),
        ("{'Authorization': 'Bearer abcdef123456'}", "abcdef123456"),
        ("token=hf_AbCdEfGhIjKl", "hf_AbCdEfGhIjKl"),
        ("sent hf_AbCdEfGhIjKl to the hub", "hf_AbCdEfGhIjKl"),
        ("https://mirror/x?api_key=12345&size=3", "12345"),
        ("https://mirror/x?X-Amz-Signature=0a0b0c&x=1", "0a0b0c"),
        ("https://blob/x?sig=ab%2Fcd", "ab%2Fcd"),
        ('{"password": "open sesame"}', "sesame"),
        ("passwd='open sesame'", "sesame"),
        ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJ", "SflKxwRJ"),
        ("told s3same open/now to nobody", "s3same"),
        ("told s3same%20open%2Fnow to nobody", "s3same"),
        ("write to jane.d@corp.example.org", "corp.example"),
        ("write to jane.d%40corp.example.org", "corp.example"),
        ("ssh jane@devbox", "devbox"),
        ('proxy http://jane:pa"55@proxy.corp:8080 answered 407', "55@"),
        ("https://:tok/en@hub/x", "tok/en"),
        ("HTTPS_PROXY=jane:pa$$w!@proxy.corp:8080", "$$w!"),
        (r"host=db user='jd' password='it\'s me, me' authcfg=a1b2c3d", "s me"),
        (r"host=db user='jd' password='it\'s me, me' authcfg=a1b2c3d", "jd"),
        (r"host=db user='jd' password='it\'s me, me' authcfg=a1b2c3d", "a1b2c3d"),
        ('{"password": "a\\"b c", "x": 1}', "b c"),
        (r'"{\"password\": \"a b c\", \"x\": 1}"', "b c"),
        ("('HF_TOKEN', 'abc def')", "def"),
        ("pip --token abc123 -v", "abc123"),
        ("--password=abc,def;ghi", "ghi"),
        ("https://mirror/artifactory/AKx9fjsdkl2930sdkfjslkdfj2390/simple", "AKx9"),
        ("-----BEGIN PRIVATE KEY-----\\nMIIE/x+y\\n-----END PRIVATE KEY-----", "MIIE"),
    ],
)
def test_no_secret_of_the_log_gets_through(line, secret):
    text = text_of([f"12:00:01 {line}"])
    assert secret not in text
    assert "12:00:01" in text


def test_a_mirror_keeps_its_address_and_loses_its_password():
    text = text_of(endpoint="https://jane:pa55@mirror.corp/hub")
    assert "mirror.corp/hub" in text
    assert "pa55" not in text


@pytest.mark.parametrize(
    ("private", "line", "told"),
    [
        (JANE, "cannot read /home/jane.doe/models/x", "cannot read ~/models/x"),
        (JANE, "file:///home/jane.doe/x.tif", "file:~/x.tif"),
        (JANE, "/home/jane.doe", "~"),
        (JANE, "/home/jane.doe2/x", "/home/<user>/x"),
        (JANE, "/media/jane.doe/usb", "/media/<user>/usb"),
        (JANE, "/Users/bob/x", "/Users/<user>/x"),
        (JANE, "owner Jane.Doe", "owner <user>"),
        (JANE, "on janes-laptop now", "on <computer> now"),
        (JANE_ON_WINDOWS, "C:\\Users\\Jane Doe\\x.py", "~\\x.py"),
        (JANE_ON_WINDOWS, "'C:\\\\Users\\\\Jane Doe\\\\x.py'", "'~\\\\x.py'"),
        (JANE_ON_WINDOWS, "c:/users/jane doe/x.py", "~/x.py"),
        (JANE_ON_WINDOWS, "file:///C:/Users/Jane%20Doe/x.py", "file:///~/x.py"),
        (JANE_ON_WINDOWS, "C:\\Users\\JANEDO~1\\x.py", "C:\\Users\\<user>\\x.py"),
        (JANE_ON_WINDOWS, "D:\\data\\Jane Doe\\x", "D:\\data\\<user>\\x"),
        (JANE_ON_WINDOWS, "C:\\Users\\bob smith\\x", "C:\\Users\\<user>\\x"),
        (JANE_ON_WINDOWS, "C:\\Users\\Jane Doe\\OneDrive - Acme\\x", "~\\OneDrive - <domain>\\x"),
        (JANE_ON_WINDOWS, "\\\\nas01\\gis$\\x.tif", "\\\\<computer>\\gis$\\x.tif"),
        (JANE_ON_WINDOWS, "'\\\\\\\\nas01\\\\gis\\\\x'", "'\\\\\\\\<computer>\\\\gis\\\\x'"),
        (JANE, "file://nas01/data/x", "file://<computer>/data/x"),
        (JANE, "//nas01/data/x.tif", "//<computer>/data/x.tif"),
        (JANE, "see /home/bob and /tmp/x", "see /home/<user> and /tmp/x"),
        (JANE_IN_A_DOMAIN, "on lap7 of ACME: Jane van Doe", "on <computer> of <domain>: <user>"),
    ],
)
def test_home_folder_and_names_are_written_as_signs(private, line, told):
    assert private.taken_out_of(line) == told


@pytest.mark.parametrize(
    "line",
    [
        "Writing: 17 tokens, 3 boxes",
        "tokenizers 0.22.1",
        "tokenizers: 0.22.1",
        "torch 2.13.0+cpu, 4.3 GFLOP/s on cuda:0",
        "C:\\OSGeo4W\\apps\\qgis",
        "https://huggingface.co/NuTonic/lspace",
        "12:00:01 the root of the drive",
        "https://huggingface.co/NuTonic/lspace/resolve/3ec756bfb1e0cd0fbbb3b2a1c0ffee0123456789/a.json",
        "https://download.pytorch.org/whl/cpu/torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "'C:\\\\Program Files\\\\QGIS 3.34\\\\apps'",
    ],
)
def test_what_a_bug_report_needs_stays(line):
    private = Private("/root", "root", "localhost", ("abc",))
    assert private.taken_out_of(line) == line


WAYS = {
    "as it is": str,
    "in an address": lambda text: quote(text, safe=""),
    "partly encoded": lambda text: quote(text, safe="!$&'()*+,;="),
    "in small letters": lambda text: quote(text, safe="").replace("%2F", "%2f").replace("%3A", "%3a"),
    "in a form": quote_plus,
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in JSON with umlauts": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "as Python shows it": lambda text: repr(text)[1:-1],
    "in HTML": html.escape,
}
SECRET_LETTERS = "abcXYZ019 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~äßé"


@pytest.mark.parametrize("way", WAYS)
def test_a_known_secret_is_found_however_it_is_written(way):
    chance = random.Random(way)
    for _ in range(300):
        secret = "".join(chance.choices(SECRET_LETTERS, k=chance.randint(4, 24)))
        private = Private("/home/jd", "jd", secrets=(secret,))
        written = WAYS[way](secret)
        told = private.taken_out_of(f"first line\nanswered {written}\nQGIS: 3.34")
        assert written not in told, secret
        assert told.startswith("first line\nanswered ")
        assert told.endswith("\nQGIS: 3.34")


def test_proxy_password_and_tokens_that_are_set_here_are_known(monkeypatch, qgis_app):
    stored = QgsSettings()
    stored.setValue("proxy/proxyUser", "corp-jane")
    stored.setValue("proxy/proxyPassword", "pa55word")
    monkeypatch.setenv("HF_TOKEN", "sesame/sesame")
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "true")
    line = "said corp-jane, pa55word and sesame/sesame: true"
    assert Private.here().taken_out_of(line) == "said <secret>, <secret> and <secret>: true"
    assert Private.here().taken_out_of("Y29ycC1qYW5lOnBhNTV3b3Jk") == "<secret>"  # what a header has of both
    stored.remove("proxy/proxyUser")
    stored.remove("proxy/proxyPassword")


def test_passwords_inside_of_addresses_that_are_set_here_are_known(monkeypatch, qgis_app):
    Settings(endpoint="https://jane:mirr%2Fored@mirror.corp/hub").save()
    monkeypatch.setenv("HTTPS_PROXY", "jane:pa$$w!@proxy.corp:8080")
    monkeypatch.setenv("PIP_INDEX_URL", "https://u:in-dexed@pip.corp/simple")
    told = Private.here().taken_out_of("said mirr/ored, pa$$w! and in-dexed")
    assert told == "said <secret>, <secret> and <secret>"
    Settings().save()


def test_the_versions_name_this_qgis_and_the_plugin(qgis_app):
    found = versions()
    assert found["QGIS"] == Qgis.QGIS_VERSION
    assert found["plugin"].count(".") == 2
    assert found["proxy"] == "none"


def gathered(qtbot, settings):
    diagnosis = Diagnosis(settings, ("12:00:01 a line",))
    with qtbot.waitSignal(diagnosis.composed, timeout=120_000) as told:
        diagnosis.start()
    return told.args[0]


def test_a_real_python_is_asked_for_its_packages_and_its_device(qtbot):
    text = gathered(qtbot, Settings(interpreter=WORKER_PYTHON))
    assert "torch 2." in text
    assert "full: with torch" in text
    assert "missing" not in text
    assert "12:00:01 a line" in text


@pytest.mark.parametrize("program", ["", "/no/such/python", "/bin/false", "/bin/echo"])
def test_without_a_usable_python_there_is_a_text_all_the_same(qtbot, program):
    text = gathered(qtbot, Settings(interpreter=program))
    assert "QGIS: " in text
    assert "The model's Python" in text
    assert "not tried" in text


def test_after_giving_up_nothing_is_told_and_no_process_is_left(qtbot, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    slow.chmod(0o755)
    told = []
    diagnosis = Diagnosis(Settings(interpreter=str(slow)), ())
    diagnosis.composed.connect(told.append)
    diagnosis.start()
    qtbot.waitUntil(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip() != "")
    pid = int((tmp_path / "pid").read_text())
    diagnosis.give_up()
    qtbot.waitUntil(lambda: not os.path.exists(f"/proc/{pid}"), timeout=20_000)
    assert told == []


def test_an_error_is_told_with_its_values():
    error = RuntimeNotFound("the interpreter is not a program", path="/home/jane.doe/python")
    text = compose(Facts({}, Settings(), error, ""), JANE)
    assert "not a program" in text
    assert "path='~/python'" in text


def test_the_last_lines_of_our_own_log_are_kept_and_no_others(qgis_app):
    log = RecentLog()
    QgsMessageLog.logMessage("of another plugin", "Other", Qgis.MessageLevel.Info, False)
    for number in range(MOST_LINES + 1):
        QgsMessageLog.logMessage(f"line {number}", "LSpace", Qgis.MessageLevel.Info, False)
    assert len(log.lines) == MOST_LINES
    assert log.lines[0].endswith("line 1")
    assert log.lines[-1].endswith(f"line {MOST_LINES}")
