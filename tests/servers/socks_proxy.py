"""A SOCKS5 proxy on 127.0.0.1 that wants a login, and looks names up itself."""

from __future__ import annotations

import socket
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

from .proxy import relay

_VERSION, _BY_LOGIN, _NONE_FITS, _BY_NAME = 5, 2, 0xFF, 3


class SocksProxy(ThreadingTCPServer):
    """Whatever name under ``.example`` is asked for, it is this computer."""

    daemon_threads = True

    def __init__(self, user: str, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.login = (user.encode(), password.encode())
        self.names: list[str] = []
        """Hosts that were asked for by name."""

    @property
    def port(self) -> int:
        return self.server_address[1]

    def start(self) -> None:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_args: object) -> None:
        """A client that goes away is nobody's mistake."""


class _Tunnel(StreamRequestHandler):
    """RFC 1928, with the login of RFC 1929."""

    server: SocksProxy

    def handle(self) -> None:
        _, count = self.rfile.read(2)
        if _BY_LOGIN not in self.rfile.read(count):
            self.wfile.write(bytes([_VERSION, _NONE_FITS]))
            return
        self.wfile.write(bytes([_VERSION, _BY_LOGIN]))
        self.rfile.read(1)
        is_right = (self._counted(), self._counted()) == self.server.login
        self.wfile.write(bytes([1, 0 if is_right else 1]))
        if is_right:
            self._connect()

    def _counted(self) -> bytes:
        return self.rfile.read(self.rfile.read(1)[0])

    def _connect(self) -> None:
        kind = self.rfile.read(4)[3]
        host = self._counted().decode() if kind == _BY_NAME else socket.inet_ntoa(self.rfile.read(4))
        port = int.from_bytes(self.rfile.read(2), "big")
        if kind == _BY_NAME:
            self.server.names.append(host)
        known = "127.0.0.1" if host.endswith(".example") else host
        with socket.create_connection((known, port)) as upstream:
            self.wfile.write(bytes([_VERSION, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
            relay(self.connection, upstream)
