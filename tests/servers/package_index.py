"""A package index on 127.0.0.1 that serves a folder of wheels, and misbehaves when told to."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
import time
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread


class Fault(Enum):
    STALLS = "the first half, then silence"
    CUTS = "the first half, then the line is dead"
    CORRUPTS = "wrong bytes"
    REFUSES = "403"


class PackageIndex(ThreadingHTTPServer):
    """``faults`` says what goes wrong for files whose name begins so, ``times`` how often."""

    daemon_threads = True

    def __init__(self, folder: Path, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files = {path.name: path.read_bytes() for path in folder.glob("*.whl")}
        self.faults: dict[str, Fault] = {}
        self.times = 1_000_000
        self.knows_ranges = True
        self.told_digests = True
        self.asked: list[str] = []
        """Names of files, in the order in which they were asked for."""
        self.sent: dict[str, int] = {}
        """Bytes by name."""
        self.open = Event()
        """Set to let go of those who wait."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # pip keeps what comes by https only; the handshake is for the thread of the answer
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_address[1]}/simple"

    def start(self) -> None:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self.open.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, *_args: object) -> None:
        """A client that was killed is nobody's mistake."""

    def fault_for(self, name: str) -> Fault | None:
        fault = next((fault for start, fault in self.faults.items() if name.startswith(start)), None)
        if fault is None or self.times <= 0:
            return None
        self.times -= 1
        return fault


class _Answer(BaseHTTPRequestHandler):
    server: PackageIndex

    def do_GET(self) -> None:
        *_, folder, name = self.path.rstrip("/").split("/")
        if folder == "simple":
            self._list(name)
        elif name in self.server.files:
            self.server.asked.append(name)
            self._send_file(name)
        else:
            self._send(b"", 404)

    def _list(self, project: str) -> None:
        wanted = [
            name for name in self.server.files if name.lower().startswith(project.replace("-", "_") + "-")
        ]
        links = [f'<a href="/files/{name}{self._digest(name)}">{name}</a>' for name in wanted]
        self._send("\n".join(["<!DOCTYPE html>", *links]).encode(), 200 if wanted else 404)

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256(self.server.files[name]).hexdigest()
        return f"#sha256={digest}" if self.server.told_digests else ""

    def _send_file(self, name: str) -> None:
        data, fault = self.server.files[name], self.server.fault_for(name)
        if fault is Fault.REFUSES:
            self._send(b"no", 403)
            return
        if fault is Fault.CORRUPTS:
            data = bytes(byte ^ 0x55 for byte in data)
        asked = self.headers.get("Range") if self.server.knows_ranges else None
        first = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        half = (len(data) - first) // 2 if fault in (Fault.STALLS, Fault.CUTS) else None
        self._send(data[first:], 206 if asked else 200, half)
        self.server.sent[name] = self.server.sent.get(name, 0) + (half or len(data) - first)
        if fault is Fault.STALLS:
            self.wfile.flush()
            self.server.open.wait(60)

    def _send(self, data: bytes, status: int, only: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if data.startswith(b"<") else "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{len(data)}"')
        # as the real index says it of files
        self.send_header(
            "Cache-Control", "max-age=365000000, immutable" if "/files/" in self.path else "no-cache"
        )
        self.end_headers()
        self.wfile.write(data[:only])

    def log_message(self, *_args: object) -> None:
        pass


def self_signed(path: Path) -> Path:
    """A certificate of 127.0.0.1 with its key, made anew."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=LSpace test",
    ]
    names = [
        "-addext",
        "subjectAltName=IP:127.0.0.1,DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
    ]
    key = path.with_suffix(".key")
    subprocess.run(
        [*command, *names, "-keyout", str(key), "-out", str(path)], check=True, capture_output=True
    )
    with path.open("a") as stream:
        stream.write(key.read_text())
    return path


def waited_for(condition, timeout_s: float = 30) -> None:
    """For processes that have no event loop."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
