"""A server of the OpenAI chat-completions protocol on 127.0.0.1, which misbehaves when told to."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import select
import socket
import ssl
import time
from collections import deque
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

from PIL import Image

TOKENS = re.compile(r"\d|[^\d]{1,4}")
BOXES = '[{"label": "water", "bbox": [0.1, 0.2, 0.3, 0.4]}]'


class Fault(Enum):
    SILENT = "no answer at all"
    STALLS = "half of the answer, then silence"
    PINGS = "half of the answer, then comments only"
    CUTS = "half of the answer, then the line is dead"
    HANGS_UP = "the line is dead before the answer"
    ENDS_EARLY = "half of the answer, and a proper end without a reason"
    BUSY = "429"
    FAILS = "500"
    BREAKS = "half of the answer, then an error in its place"
    UNAUTHORISED = "401"
    ABSENT = "404"
    TOO_LARGE = "413"
    GARBAGE = "an event that is no JSON"
    PAGE = "a page for people"
    MOVED = "307"
    ENDLESS = "more tokens than were asked for"


STATUSES = {
    Fault.BUSY: 429,
    Fault.FAILS: 500,
    Fault.UNAUTHORISED: 401,
    Fault.ABSENT: 404,
    Fault.TOO_LARGE: 413,
    Fault.MOVED: 307,
}


class ChatServer(ThreadingHTTPServer):
    """Answers by ``answer``, which is given a question's words and pictures; by TLS with a certificate."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer=lambda _words, _pictures: BOXES, certificate=None):
        super().__init__(("127.0.0.1", 0), _Answer)
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.answer = answer
        self.names = ["lspace"]
        self.faults = deque()
        """Of the next questions, one each; None for none."""
        self.refuses = set()
        """Fields of a question that it takes for a mistake."""
        self.complaint = None
        """Status and words, with which it answers every question, if any."""
        self.key = None
        """The only login that it lets in, if any."""
        self.retry_after = None
        self.calls = []
        """Names and arguments (JSON text) of the tools that it calls behind each answer."""
        self.token_s = 0.0
        self.pauses = deque()
        """Before the answers to the next questions, seconds."""
        self.knows_logprobs = True
        self.asked = []
        """The bodies of all questions, in the order in which they came."""
        self.headers = []
        self.gone = Event()
        """Set when a client left in the middle of an answer."""
        self.open_now = self.most_open = 0
        self.lock = Lock()
        self.let_go = Event()

    @property
    def host(self):
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self):
        return f"{self._scheme}://{self.host}/v1"

    def __enter__(self):
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self.let_go.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, *_args):
        """A client that left is nobody's mistake."""


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def do_GET(self):
        if not self._is_let_in():
            self._send_json({"error": {"message": f"no entry with {self.headers['Authorization']}"}}, 401)
        elif self.path == "/v1/models":
            self._send_json({"object": "list", "data": [{"id": name} for name in self.server.names]})
        else:
            self._send_json({"detail": "Not Found"}, 404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.asked.append(body)
            server.headers.append(dict(self.headers))
            server.open_now += 1
            server.most_open = max(server.most_open, server.open_now)
            fault = server.faults.popleft() if server.faults else None
            pause_s = server.pauses.popleft() if server.pauses else 0.0
        try:
            time.sleep(pause_s)
            self._answer(body, fault)
        except (BrokenPipeError, ConnectionResetError):
            server.gone.set()
        finally:
            with server.lock:
                server.open_now -= 1

    def _answer(self, body, fault):
        if fault is Fault.SILENT:
            self._wait_for_the_client()
        elif fault is Fault.HANGS_UP:
            self._hang_up()
        elif fault is Fault.PAGE:
            self._send(b"<html>Log in</html>", 200, "text/html")
        elif fault in STATUSES or not self._is_let_in():
            self._refuse(STATUSES.get(fault, 401))
        elif self.server.complaint:
            status, words = self.server.complaint
            self._send_json({"error": {"message": words, "code": status}}, status)
        elif self.server.refuses & body.keys():
            self._send_json({"error": {"message": "unknown field", "type": "BadRequestError"}}, 400)
        else:
            self._stream(body, fault)

    def _refuse(self, status):
        said = self.headers.get("Authorization")
        body = json.dumps({"error": {"message": f"not now, {said}", "code": status}}).encode()
        more = {"Retry-After": self.server.retry_after} if self.server.retry_after else {}
        more |= {"Location": "http://127.0.0.1:1/elsewhere"} if status == 307 else {}
        self._send(body, status, "application/json", more)

    def _stream(self, body, fault):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
        tokens = TOKENS.findall(self.server.answer(*question_in(body)))
        is_cut = len(tokens) > body["max_tokens"]
        tokens = tokens[: body["max_tokens"]]
        if fault is Fault.ENDLESS:
            tokens = ["again "] * (body["max_tokens"] + 50)
        if fault not in (None, Fault.ENDLESS):
            tokens = tokens[: len(tokens) // 2]
        for token in tokens:
            time.sleep(self.server.token_s)
            self._event({"choices": [self._choice(token, body)]})
        for index, (name, arguments) in enumerate(self.server.calls):
            self._call(index, {"id": f"id-{index}", "function": {"name": name, "arguments": ""}})
            for letter in arguments:
                self._call(index, {"function": {"arguments": letter}})
        self._end(fault, is_cut)

    def _end(self, fault, is_cut):
        if fault in (Fault.STALLS, Fault.PINGS):
            self._wait_for_the_client(pings=fault is Fault.PINGS)
        elif fault is Fault.CUTS:
            self._hang_up()
        elif fault is Fault.BREAKS:
            self._event({"error": {"message": "the engine died", "code": 500}})
        elif fault is Fault.GARBAGE:
            self._write("data: {not JSON\n\n")
        elif fault is not Fault.ENDS_EARLY:
            reason = "length" if is_cut else "tool_calls" if self.server.calls else "stop"
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
            self._event({"choices": [], "usage": {"completion_tokens": 1}})
        self._write("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _choice(self, token, body):
        choice = {"index": 0, "delta": {"content": token}, "finish_reason": None}
        if body.get("logprobs") and self.server.knows_logprobs:
            told = {"token": token, "logprob": math.log(0.9), "bytes": list(token.encode())}
            others = [(token, 0.9), (others_of(token), 0.1)][: body.get("top_logprobs", 0)]
            told["top_logprobs"] = [{"token": text, "logprob": math.log(share)} for text, share in others]
            choice["logprobs"] = {"content": [told]}
        return choice

    def _call(self, index, delta):
        self._event({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, **delta}]}}]})

    def _event(self, event):
        self._write(f"data: {json.dumps(event)}\n\n")

    def _write(self, text):
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _wait_for_the_client(self, pings=False):
        """Until it leaves; sets ``gone`` then."""
        while not self.server.let_go.is_set():
            if pings:
                self._write(": still here\n\n")
            if select.select([self.connection], [], [], 0.02)[0]:
                self.server.gone.set()
                break
        self._hang_up()

    def _hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _is_let_in(self):
        return self.server.key in (None, self.headers.get("Authorization"))

    def _send_json(self, value, status=200):
        self._send(json.dumps(value).encode(), status, "application/json")

    def _send(self, data, status, kind, more=()):
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(data)), **dict(more)}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args):
        pass


def others_of(token):
    """What might have stood in its place: the next digit, or another word."""
    return str((int(token) + 1) % 10) if token.isdecimal() else token.upper() + "!"


def question_in(body):
    """The last words of a question, and all its pictures as they were sent."""
    contents = [message.get("content") or "" for message in body["messages"]]
    contents = [[{"type": "text", "text": each}] if isinstance(each, str) else each for each in contents]
    words = "".join(part["text"] for part in contents[-1] if part["type"] == "text")
    urls = [part["image_url"]["url"] for parts in contents for part in parts if part["type"] == "image_url"]
    files = [base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True) for url in urls]
    return words, [Image.open(io.BytesIO(file), formats=["PNG"]) for file in files]
