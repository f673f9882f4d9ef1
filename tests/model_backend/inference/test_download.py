"""Downloads from a hub that runs here, on 127.0.0.1, and misbehaves when told to."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
import torch
from hub import COMMIT, HUB_ID, WEIGHTS, Answer, running
from huggingface_hub import close_session
from lspace.model_backend import pins
from lspace.model_backend.errors import (
    Cancelled,
    ChecksumMismatch,
    DownloadFailed,
    ModelNotFound,
    RequestError,
    RuntimePackageMissing,
)
from lspace.model_backend.inference import download as module
from lspace.model_backend.inference.download import download
from lspace.model_backend.inference.exact.checkpoint import open_checkpoint
from lspace.model_backend.inference.source import locate
from lspace.model_backend.request import ModelChoice

UNWANTED = {"README.md": b"# tiny", "pytorch_model.bin": b"\x80", "sub/config.json": b"{}"}


@pytest.fixture
def hub(tiny):
    files = {path.name: path.read_bytes() for path in tiny.iterdir()}
    with running({**files, **UNWANTED}) as server:
        yield server


@pytest.fixture(autouse=True)
def pinned(tiny, tmp_path, monkeypatch):
    """The tiny checkpoint's weights, pinned as the real ones are."""
    data = (tiny / WEIGHTS).read_bytes()
    line = f"{HUB_ID} {COMMIT} {WEIGHTS} {len(data)} {hashlib.sha256(data).hexdigest()}\n"
    monkeypatch.setattr(pins, "PINS", tmp_path / "pins.txt")
    pins.PINS.write_text("# hub id, revision, file, bytes, sha256\n" + line)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch):
    monkeypatch.setattr(module, "_PAUSES_S", (0.0, 0.0, 0.0))


@pytest.fixture
def choose(hub, tmp_path):
    def make(model: str = HUB_ID, **options) -> ModelChoice:
        settings = {"endpoint": hub.url, "cache_dir": str(tmp_path / "cache"), **options}
        return ModelChoice(model, **settings)

    return make


def fetched(choice: ModelChoice, on_progress=lambda *_: None, is_cancelled=lambda: False) -> Path:
    return download(choice, on_progress, is_cancelled)[0]


def test_a_downloaded_model_loads_and_is_named_by_its_commit(choose, tmp_path):
    stages = []
    source = locate(choose(), lambda *stage: stages.append(stage), lambda: False)
    assert (source.name, source.revision(tmp_path)) == (HUB_ID, COMMIT)
    assert open_checkpoint(source.folder, "cpu", torch.float32).random_weights
    shares = [share for stage, share in stages if stage == "download"]
    assert shares == sorted(set(shares))
    assert shares[-1] == 1.0


def test_only_what_a_model_needs_is_downloaded(choose, hub, tiny):
    folder = fetched(choose())
    arrived = {path.name for path in folder.iterdir()} - {".lock", "lspace-download.json"}
    assert arrived == {path.name for path in tiny.iterdir()}
    assert not {name for name, _first in hub.asked} & set(UNWANTED)


def test_progress_counts_bytes_truly(choose, hub, tiny):
    seen = []
    fetched(choose(), lambda *step: seen.append(step))
    total = sum(path.stat().st_size for path in tiny.iterdir())
    done = [step[1] for step in seen]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, total)
    assert {step[2] for step in seen} == {total}
    assert len({step[1] for step in seen if step[0] == WEIGHTS}) > 3


def test_the_hub_is_not_told_what_else_is_installed(choose, hub):
    fetched(choose())
    assert not [agent for agent in hub.agents if "torch" in agent]


def test_a_cut_connection_goes_on_where_it_stopped(choose, hub, tiny):
    size = len(hub.files[WEIGHTS])
    hub.cuts = [size // 2]
    folder = fetched(choose())
    assert (folder / WEIGHTS).read_bytes() == (tiny / WEIGHTS).read_bytes()
    assert [first > 0 for name, first in hub.asked if name == WEIGHTS] == [False, True]
    assert hub.served[WEIGHTS] < 2 * size


def test_a_line_that_breaks_ever_again_brings_the_model_all_the_same(choose, hub, tiny):
    size = len(hub.files[WEIGHTS])
    hub.cuts = [size // 10] * 9
    assert (fetched(choose()) / WEIGHTS).read_bytes() == (tiny / WEIGHTS).read_bytes()
    assert hub.served[WEIGHTS] < 2 * size


def test_a_server_that_stalls_is_given_up_and_what_had_arrived_is_kept(choose, hub, monkeypatch):
    monkeypatch.setattr(module.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    hub.stalls = [1000, 0, 0, 0, 0]
    with pytest.raises(DownloadFailed) as caught:
        fetched(choose())
    assert caught.value.values["reason"] == "no network"
    (part,) = Path(choose().cache_dir).rglob("*.part")
    assert part.stat().st_size >= 1000


def test_a_filter_that_answers_in_the_hubs_place_is_told(choose, hub):
    hub.listing = lambda: b"<html>Welcome to the hotel</html>"
    with pytest.raises(DownloadFailed) as caught:
        fetched(choose())
    assert caught.value.values["reason"] == "refused"


@pytest.mark.parametrize("endpoint", ["http://[hub", "http://hub:port"])
def test_an_address_that_is_none_is_told(choose, endpoint):
    with pytest.raises(DownloadFailed):
        fetched(choose(endpoint=endpoint))


@pytest.mark.parametrize(
    ("code", "reason"),
    [(errno.EDQUOT, "disk full"), (errno.EACCES, "bad folder"), (errno.EROFS, "bad folder")],
)
def test_what_the_system_says_when_it_takes_no_more_is_told(choose, monkeypatch, code, reason):
    real = Path.open

    def refuse(path, *args, **options):
        if path.suffix == ".part":
            raise OSError(code, os.strerror(code))
        return real(path, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)  # a quota cannot be set here
    with pytest.raises(DownloadFailed) as caught:
        fetched(choose())
    assert caught.value.values["reason"] == reason


def test_what_had_arrived_is_kept_for_the_next_try(choose, hub, tiny):
    size = len(hub.files[WEIGHTS])
    hub.cuts = [size // 8, *[0] * 99]
    with pytest.raises(DownloadFailed):
        fetched(choose())
    hub.cuts = []
    before = hub.served[WEIGHTS]
    folder = fetched(choose())
    assert (folder / WEIGHTS).read_bytes() == (tiny / WEIGHTS).read_bytes()
    assert hub.served[WEIGHTS] - before < size


def test_a_cancelled_download_can_be_taken_up_again(choose, hub, tiny):
    seen = []
    with pytest.raises(Cancelled):
        fetched(choose(), lambda *step: seen.append(step), lambda: bool(seen) and seen[-1][0] == WEIGHTS)
    fetched(choose())
    assert [name for name, _first in hub.asked].count("config.json") == 1


def test_a_server_that_knows_no_ranges_is_read_from_the_start(choose, hub, tiny):
    hub.knows_ranges = False
    hub.cuts = [len(hub.files[WEIGHTS]) // 2]
    assert (fetched(choose()) / WEIGHTS).read_bytes() == (tiny / WEIGHTS).read_bytes()


def test_wrong_weights_are_refused_and_removed_so_that_the_next_try_gets_the_right_ones(choose, hub, tiny):
    right = hub.files[WEIGHTS]
    hub.files[WEIGHTS] = right[:-1] + bytes([right[-1] ^ 1])
    with pytest.raises(ChecksumMismatch, match=WEIGHTS):
        fetched(choose())
    hub.files[WEIGHTS] = right
    assert (fetched(choose()) / WEIGHTS).read_bytes() == right


def test_unpinned_weights_are_held_against_the_hubs_own_digest(choose, hub, monkeypatch):
    pins.PINS.write_text("")
    right = hub.files[WEIGHTS]
    listing = hub.listing()
    monkeypatch.setattr(hub, "listing", lambda: listing)
    hub.files[WEIGHTS] = right[:-1] + bytes([right[-1] ^ 1])
    with pytest.raises(ChecksumMismatch):
        fetched(choose(revision=COMMIT))


def test_a_second_load_asks_nothing_and_hashes_nothing(choose, hub, monkeypatch):
    fetched(choose())
    hub.asked.clear()
    hub.agents.clear()
    monkeypatch.setattr(module, "sha256_of", lambda _files: pytest.fail("hashed again"))
    fetched(choose())
    assert (hub.asked, hub.agents) == ([], set())


def test_weights_that_were_touched_since_are_checked_again(choose):
    weights = fetched(choose()) / WEIGHTS
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ChecksumMismatch):
        fetched(choose())
    assert not weights.exists()


def test_offline_a_downloaded_model_is_found(choose, hub):
    folder = fetched(choose())
    hub.agents.clear()
    assert fetched(choose(offline=True)) == folder
    assert hub.agents == set()


def test_offline_a_model_that_is_not_here_is_not_found(choose, hub):
    with pytest.raises(ModelNotFound, match="not downloaded yet"):
        fetched(choose(offline=True))
    assert hub.agents == set()


def test_a_half_downloaded_model_is_not_taken_for_a_whole_one(choose):
    (fetched(choose()) / "tokenizer.json").unlink()
    with pytest.raises(ModelNotFound):
        fetched(choose(offline=True))
    assert (fetched(choose()) / "tokenizer.json").exists()


def test_a_model_that_the_hub_does_not_have_is_not_found(choose):
    with pytest.raises(ModelNotFound, match="Someone/else"):
        fetched(choose("Someone/else", revision=COMMIT))


def test_a_hub_that_is_gone_is_a_failed_download(choose):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = failure(choose(endpoint=url))
    assert url in str(error)
    assert error.values["reason"] == "no network"


def failure(choice) -> DownloadFailed:
    with pytest.raises(DownloadFailed) as caught:
        fetched(choice)
    return caught.value


@pytest.fixture
def through(monkeypatch):
    """Sends everything through a proxy."""

    def send(proxy: str):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
            monkeypatch.setenv(name.lower(), proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        close_session()

    yield send
    close_session()


@pytest.mark.parametrize("endpoint", ["http://hub.example", "https://hub.example"])
def test_a_proxy_that_wants_a_login_is_called_so(endpoint, choose, hub, through):
    hub.status = 407
    through(hub.url)
    assert failure(choose(endpoint=endpoint)).values["reason"] == "proxy login"


def test_a_server_that_refuses_is_called_so(choose, hub):
    hub.status = 403
    assert failure(choose()).values["reason"] == "refused"


def test_a_proxy_that_needs_a_package_is_told_with_its_name(choose, through):
    through("socks5h://127.0.0.1:1")
    with pytest.raises((RuntimePackageMissing, DownloadFailed), match=r"socks|SOCKS|refused"):
        fetched(choose(endpoint="http://hub.example"))


@pytest.fixture
def certificate(hub, tmp_path):
    """That of the hub, which from now on speaks TLS; nobody has signed it but the hub."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=hub"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    hub.socket = context.wrap_socket(hub.socket, server_side=True)
    close_session()
    yield certificate
    close_session()


def test_a_certificate_that_nobody_trusts_is_called_so(choose, hub, certificate):
    assert failure(choose(endpoint=hub.url.replace("http:", "https:"))).values["reason"] == "tls"


def test_a_certificate_that_qgis_hands_on_is_trusted(choose, hub, certificate, monkeypatch, tiny):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    folder = fetched(choose(endpoint=hub.url.replace("http:", "https:")))
    assert (folder / WEIGHTS).read_bytes() == (tiny / WEIGHTS).read_bytes()


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "0123456"])
def test_a_revision_that_may_change_is_refused(revision, choose):
    with pytest.raises(RequestError, match="commit"):
        fetched(choose("Someone/else", revision=revision))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_called_so(choose):
    folder = fetched(choose())
    (folder / WEIGHTS).unlink()
    (folder / f"{WEIGHTS}.part").symlink_to("/dev/full")
    error = failure(choose())
    assert "disk is full" in str(error)
    assert error.values["reason"] == "disk full"


def test_too_little_space_is_noticed_before_the_download(choose, hub, monkeypatch):
    free = module.shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _folder: free)
    with pytest.raises(DownloadFailed, match="too full"):
        fetched(choose())
    assert hub.asked == []


def test_two_downloads_of_one_model_do_not_write_into_each_other(choose):
    folder = fetched(choose())
    (folder / WEIGHTS).unlink()
    with module.FileLock(folder / ".lock"), pytest.raises(DownloadFailed, match="another program"):
        fetched(choose())


def test_the_login_is_never_sent_to_a_mirror(choose, hub, monkeypatch):
    sent = []
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(Answer, "parse_request", _recording(Answer.parse_request, sent))
    fetched(choose())
    assert sent
    assert not [header for header in sent if header]


def _recording(parse, sent):
    def parse_and_note(self):
        done = parse(self)
        sent.append(self.headers.get("Authorization"))
        return done

    return parse_and_note


def test_the_pins_we_ship_name_lspace(monkeypatch):
    monkeypatch.setattr(pins, "PINS", pins.RESOURCES / "model_pins.txt")
    revision = pins.pinned_revision("NuTonic/lspace", None)
    digests = pins.pinned_digests("NuTonic/lspace", revision)
    assert len(revision) == 40
    assert [len(digest) for digest in digests.values()] == [64]
    assert list(digests) == [WEIGHTS]
