"""An HTTP proxy on 127.0.0.1 that wants a login."""

from __future__ import annotations

import base64
import select
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

USER, PASSWORD = "an@na", "s3:cr/et %41"


class Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, user: str, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.tunnels = 0

    @property
    def port(self) -> int:
        return self.server_address[1]

    def start(self) -> None:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Tunnel(BaseHTTPRequestHandler):
    server: Proxy

    def do_CONNECT(self) -> None:
        if self.headers.get("Proxy-Authorization") != self.server.login:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="the office"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as upstream:
            self.server.tunnels += 1
            self.send_response(200)
            self.end_headers()
            relay(self.connection, upstream)
        self.close_connection = True

    def log_message(self, *_args: object) -> None:
        pass


def relay(client: socket.socket, upstream: socket.socket) -> None:
    """Passes on what either says, until one of them ends."""
    ends = {client: upstream, upstream: client}
    while True:
        for end in select.select(list(ends), [], [])[0]:
            data = end.recv(1 << 16)
            if not data:
                return
            ends[end].sendall(data)
