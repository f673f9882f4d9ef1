"""Talks to a worker process over its stdin and stdout, as QGIS does, but may wait."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from lspace.model_backend.errors import ProtocolError
from lspace.model_backend.protocol import Message, MessageType, parse_line

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 30


@dataclass(frozen=True)
class Heard:
    message: Message
    at: float
    """Monotonic seconds."""


class Conversation:
    """A worker process; a line of its stdout that is no message ends the test."""

    def __init__(self, command, **options):
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )
        self._heard = queue.SimpleQueue()
        self._stderr = b""
        self._threads = [threading.Thread(target=target) for target in (self._listen, self._drain)]
        for thread in self._threads:
            thread.start()

    def send(self, message_type, request_id, body=None):
        self.send_line(Message(message_type, request_id, body or {}).to_line())

    def send_line(self, line):
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def load(self, request_id=1, model="scripted"):
        self.send(MessageType.LOAD, request_id, {"model": model})
        return self.until_end_of(request_id)[-1]

    def next(self):
        """The next message, with the time it came in."""
        heard = self._heard.get(timeout=PATIENCE_S)
        if isinstance(heard, ProtocolError):
            raise heard
        return heard

    def until(self, is_last):
        """All messages up to and with the one for which ``is_last`` holds."""
        messages = []
        while not messages or not is_last(messages[-1]):
            messages.append(self.next().message)
        return messages

    def until_end_of(self, request_id):
        """All messages up to and with the terminal one of a request."""
        return self.until(lambda message: message.type.is_terminal() and message.request_id == request_id)

    def end_input(self):
        """Closes stdin; returns the process's exit status and how many seconds it took to end."""
        self._process.stdin.close()
        started = time.monotonic()
        return self.ended(), time.monotonic() - started

    def ended(self):
        """The exit status, after everything was read."""
        status = self._process.wait(PATIENCE_S)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        return status

    def rest(self):
        """What was said and not yet listened to; only after the end."""
        messages = []
        while not self._heard.empty():
            messages.append(self.next().message)
        return messages

    def stderr(self):
        return self._stderr.decode()

    def kill(self):
        self._process.kill()
        self.ended()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            stream.close()

    def _listen(self):
        for line in self._process.stdout:
            try:
                self._heard.put(Heard(parse_line(line), time.monotonic()))
            except ProtocolError as error:
                self._heard.put(error)  # raised where the test listens

    def _drain(self):
        for line in self._process.stderr:
            self._stderr += line
