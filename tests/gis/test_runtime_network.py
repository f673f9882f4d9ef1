"""QGIS's proxy and certificates reach pip, and the password reaches nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.runtime.network import network_environment, without_secrets
from preparing import BASE, PACKAGES, PATIENCE_MS, ended, started, versions_in
from qgis.PyQt.QtCore import QProcessEnvironment
from qgis.PyQt.QtNetwork import QSslCertificate
from servers.package_index import Fault
from servers.proxy import PASSWORD, USER

pytest_plugins = ("runtime_fixtures", "network_fixtures")


def test_pip_goes_through_qgiss_proxy_with_its_login(qtbot, local_order, set_proxy, proxy):
    set_proxy(proxyPort=str(proxy.port), proxyUser=USER, proxyPassword=PASSWORD)
    told = ended(qtbot, local_order)
    assert versions_in(told.end) == PACKAGES
    assert proxy.tunnels


def test_a_proxy_that_wants_another_login_is_told_and_the_password_is_not(
    qtbot, local_order, set_proxy, proxy
):
    set_proxy(proxyPort=str(proxy.port), proxyUser=USER, proxyPassword="t0p%secret")
    told = ended(qtbot, local_order)
    assert told.fault == "proxy login"
    said = "\n".join([*told.lines, *(each.detail for each in told.progress), str(told.end)])
    assert "407" in said
    assert "t0p" not in said


def test_the_password_is_on_no_command_line(qtbot, local_order, set_proxy, proxy, index):
    set_proxy(proxyPort=str(proxy.port), proxyUser=USER, proxyPassword=PASSWORD)
    index.faults["idna"] = Fault.STALLS
    told = started(replace(local_order, timeout_s=60))
    qtbot.waitUntil(lambda: any(name.startswith("idna") for name in index.asked), timeout=PATIENCE_MS)
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    told.preparation.cancel()
    qtbot.waitUntil(lambda: bool(told.ends), timeout=20_000)
    assert any(b"pip" in line for line in lines)
    assert not any(b"s3" in line and b"cr" in line and b"41" in line and b"an%40na" in line for line in lines)


def test_hosts_that_qgis_leaves_the_proxy_out_for_are_left_out(set_proxy, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "already.example")
    set_proxy(proxyPort="3128", proxyExcludedUrls=["http://intra.example:8080/tiles", "10.0.0.1"])
    environment = network_environment(BASE, tmp_path)
    assert environment.value("HTTPS_PROXY") == "http://127.0.0.1:3128"
    assert environment.value("https_proxy") == environment.value("HTTP_PROXY") == "http://127.0.0.1:3128"
    assert environment.value("NO_PROXY") == "already.example,intra.example,10.0.0.1"


def test_a_socks_proxy_is_passed_on_and_pip_says_what_it_lacks(qtbot, local_order, set_proxy):
    set_proxy(proxyPort="1080", proxyType="Socks5Proxy")
    assert (
        network_environment(BASE, local_order.folder.path).value("HTTPS_PROXY") == "socks5h://127.0.0.1:1080"
    )
    assert ended(qtbot, local_order).fault == "socks"


def test_without_a_proxy_in_qgis_that_of_the_system_stays(qgis_app, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://office:8080")
    assert network_environment(BASE, tmp_path).value("HTTPS_PROXY") == "http://office:8080"


def test_a_proxy_as_desktops_write_it_is_one_that_programs_understand(qgis_app, tmp_path, monkeypatch):
    monkeypatch.setenv("all_proxy", "socks://127.0.0.1:1080/")
    assert network_environment(BASE, tmp_path).value("all_proxy") == "socks5h://127.0.0.1:1080/"


def test_where_no_certificates_can_be_written_the_child_has_its_own(qgis_app, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/ssl/mine.pem")
    (tmp_path / "file").write_text("")
    environment = network_environment(BASE, tmp_path / "file" / "runtime")
    assert environment.value("SSL_CERT_FILE") == "/etc/ssl/mine.pem"


def test_what_a_python_trusts_by_itself_is_trusted_besides(qgis_app, tmp_path, certificate):
    python = tmp_path / "own" / "bin" / "python"
    bundle = tmp_path / "own" / "lib" / "python3.12" / "site-packages" / "certifi" / "cacert.pem"
    bundle.parent.mkdir(parents=True)
    bundle.write_bytes(certificate.read_bytes())
    environment = network_environment(str(python), tmp_path)
    (own,) = QSslCertificate.fromPath(str(certificate))
    assert own in QSslCertificate.fromPath(environment.value("SSL_CERT_FILE"))


def test_a_certificate_that_nobody_knows_is_refused(qtbot, local_order, distrusted_index, monkeypatch):
    monkeypatch.delenv("PIP_CERT")
    assert ended(qtbot, local_order).fault == "tls"
    assert distrusted_index.asked == []


def test_a_certificate_that_qgis_trusts_is_trusted(
    qtbot, local_order, distrusted_index, trusted_by_qgis, monkeypatch
):
    monkeypatch.delenv("PIP_CERT")
    assert versions_in(ended(qtbot, local_order).end) == PACKAGES


def test_what_was_trusted_before_is_trusted_besides(qgis_app, tmp_path, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    environment = network_environment(BASE, tmp_path)
    bundle = Path(environment.value("SSL_CERT_FILE"))
    (own,) = QSslCertificate.fromPath(str(certificate))
    trusted = QSslCertificate.fromPath(str(bundle))
    assert own in trusted
    assert len(trusted) > 50
    assert "PRIVATE KEY" not in bundle.read_text()
    assert environment.value("PIP_CERT") == environment.value("REQUESTS_CA_BUNDLE") == str(bundle)


def test_logins_in_addresses_and_the_proxys_password_are_taken_out():
    environment = QProcessEnvironment()
    environment.insert("HTTPS_PROXY", "http://anna:se%40cret@proxy:3128")
    text = "Looking in https://me:mine@index.example/simple via se@cret or se%40cret"
    cleaned = without_secrets(text, environment)
    assert cleaned == "Looking in https://***@index.example/simple via *** or ***"


def test_a_proxy_that_is_no_address_hides_nothing_and_breaks_nothing():
    environment = QProcessEnvironment()
    environment.insert("HTTPS_PROXY", "http://[proxy")
    assert without_secrets("some words", environment) == "some words"
