"""Downloads from a hub that runs here, on 127.0.0.1, and misbehaves when told to."""

from __future__ import annotations

import hashlib
import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from lspace.model_backend.errors import (
    Cancelled,
    ChecksumMismatch,
    DownloadFailed,
    ModelNotFound,
    RequestError,
)
from lspace.model_backend.inference import download as module
from lspace.model_backend.inference import pins
from lspace.model_backend.inference.checkpoint import locate, open_checkpoint
from lspace.model_backend.inference.download import download
from lspace.model_backend.request import ModelChoice

HUB_ID, COMMIT = "Someone/tiny", "0123456789" * 4
WEIGHTS = "model.safetensors"
UNWANTED = {"README.md": b"# tiny", "pytorch_model.bin": b"\x80", "sub/config.json": b"{}"}


class Hub(ThreadingHTTPServer):
    """As much of a hub as a download needs."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = files
        self.asked: list[tuple[str, int]] = []  # file, first byte
        self.agents: set[str] = set()
        self.served: dict[str, int] = {}
        self.cut_after: int | None = None  # bytes of the weights after which the line goes dead
        self.cuts = 0
        self.knows_ranges = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def listing(self) -> bytes:
        entries = [{"rfilename": name, "size": len(data), "blobId": "0"} for name, data in self.files.items()]
        for entry in entries:
            if entry["rfilename"] == WEIGHTS:
                digest = hashlib.sha256(self.files[WEIGHTS]).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": entry["size"], "pointerSize": 1}
        return json.dumps({"id": HUB_ID, "sha": COMMIT, "siblings": entries}).encode()


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self.server.agents.add(self.headers["User-Agent"])
        path = self.path.split("?")[0]
        name = path.removeprefix(f"/{HUB_ID}/resolve/{COMMIT}/")
        if path == f"/api/models/{HUB_ID}/revision/{COMMIT}":
            self._send(self.server.listing(), 200)
        elif name in self.server.files:
            self._send_file(name)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send_file(self, name: str) -> None:
        asked = self.headers.get("Range") if self.server.knows_ranges else None
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.server.asked.append((name, first))
        self._send(self.server.files[name][first:], 206 if asked else 200, name)

    def _send(self, data: bytes, status: int, name: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        hub = self.server
        if name == WEIGHTS and hub.cut_after is not None and hub.cuts > 0:
            hub.cuts -= 1
            data = data[: hub.cut_after]
        self.wfile.write(data)
        hub.served[name] = hub.served.get(name, 0) + len(data)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def hub(tiny):
    files = {path.name: path.read_bytes() for path in tiny.iterdir()}
    with Hub({**files, **UNWANTED}) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def pinned(tiny, tmp_path, monkeypatch):
    """The tiny checkpoint's weights, pinned as the real ones are."""
    data = (tiny / WEIGHTS).read_bytes()
    line = f"{HUB_ID} {COMMIT} {WEIGHTS} {len(data)} {hashlib.sha256(data).hexdigest()}\n"
    monkeypatch.setattr(pins, "PINS", tmp_path / "pins.txt")
    pins.PINS.write_text("# hub id, revision, file, bytes, sha256\n" + line)


@pytest.fixture
def choose(hub, tmp_path):
    def make(model: str = HUB_ID, **options) -> ModelChoice:
        settings = {"endpoint": hub.url, "cache_dir": str(tmp_path / "cache"), **options}
        return ModelChoice(model, **settings)

    return make


def fetched(choice: ModelChoice, on_progress=lambda *_: None, is_cancelled=lambda: False) -> Path:
    return download(choice, on_progress, is_cancelled)[0]


def test_a_downloaded_model_loads_and_is_named_by_its_commit(choose):
    stages = []
    source = locate(choose(), lambda *stage: stages.append(stage), lambda: False)
    assert (source.name, source.revision()) == (HUB_ID, COMMIT)
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
    hub.cut_after, hub.cuts = size // 2, 1
    folder = fetched(choose())
    assert (folder / WEIGHTS).read_bytes() == (tiny / WEIGHTS).read_bytes()
    assert [first > 0 for name, first in hub.asked if name == WEIGHTS] == [False, True]
    assert hub.served[WEIGHTS] < 2 * size


def test_what_had_arrived_is_kept_for_the_next_try(choose, hub, tiny):
    size = len(hub.files[WEIGHTS])
    hub.cut_after, hub.cuts = size // 8, 99
    with pytest.raises(DownloadFailed):
        fetched(choose())
    hub.cuts = 0
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
    hub.cut_after, hub.cuts = len(hub.files[WEIGHTS]) // 2, 1
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
        with pytest.raises(DownloadFailed, match=url):
            fetched(choose(endpoint=url))


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "0123456"])
def test_a_revision_that_may_change_is_refused(revision, choose):
    with pytest.raises(RequestError, match="commit"):
        fetched(choose("Someone/else", revision=revision))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_called_so(choose):
    folder = fetched(choose())
    (folder / WEIGHTS).unlink()
    (folder / f"{WEIGHTS}.part").symlink_to("/dev/full")
    with pytest.raises(DownloadFailed, match="disk is full"):
        fetched(choose())


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
