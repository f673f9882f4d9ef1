"""A hub on 127.0.0.1 that misbehaves when told to; needs nothing but the standard library."""

from __future__ import annotations

import hashlib
import json
import ssl
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

HUB_ID, COMMIT = "Someone/tiny", "0123456789" * 4
WEIGHTS = "model.safetensors"


class Hub(ThreadingHTTPServer):
    """As much of a hub as a download needs."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, files: dict[str, bytes], certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = files
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # the handshake is for the thread of the answer
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.asked: list[tuple[str, int]] = []  # file, first byte
        self.agents: set[str] = set()
        self.served: dict[str, int] = {}
        self.cuts: list[int] = []  # bytes of the weights after which the line goes dead, time after time
        self.stalls: list[int] = []  # bytes of the weights after which nothing more comes, time after time
        self.go_on = Event()
        self.knows_ranges = True
        self.status: int | None = None  # that every request is answered with

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address) -> None:
        """Who asked has gone."""

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
        if self.server.status is not None:
            self._send(b"", self.server.status)
        elif path == f"/api/models/{HUB_ID}/revision/{COMMIT}":
            self._send(self.server.listing(), 200)
        elif name in self.server.files:
            self._send_file(name)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def do_CONNECT(self) -> None:
        self._send(b"", self.server.status or 405)

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
        if name == WEIGHTS and hub.cuts:
            data = data[: hub.cuts.pop(0)]
        if name == WEIGHTS and hub.stalls:
            self.wfile.write(data[: hub.stalls.pop(0)])
            self.wfile.flush()
            hub.go_on.wait()
            return
        self.wfile.write(data)
        hub.served[name] = hub.served.get(name, 0) + len(data)

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def running(files: dict[str, bytes], certificate: Path | None = None):
    """A hub with these files, until the block ends; by TLS where it has a certificate."""
    with Hub(files, certificate) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.go_on.set()
        server.shutdown()
