# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker process: owns stdin and stdout, reads requests from stdin, answers, ends when its input ends."""

from __future__ import annotations

import os
import platform
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from .errors import BackendError, Cancelled, OutOfMemory, ProtocolError, RequestError, RuntimePackageMissing
from .protocol import PROTOCOL_VERSION, Message, MessageType, parse_line
from .request import AgreementRequest, ModelChoice, RunRequest

if TYPE_CHECKING:  # these need packages, whose absence has to be told in messages
    from .inference.engine import Engine
    from .run import Event

LoadProgress = Callable[[str, "float | None"], None]
IsCancelled = Callable[[], bool]
EngineLoader = Callable[[ModelChoice, LoadProgress, IsCancelled], "Engine"]
Runner = Callable[["Engine", RunRequest, IsCancelled], "Iterator[Event]"]
Measurer = Callable[["Engine", AgreementRequest, Callable[[float], None], IsCancelled], "dict[str, Any]"]


class Inbox:
    """The requests on stdin, read on a thread of their own so that a cancel is seen at once."""

    def __init__(self, lines: BinaryIO) -> None:
        self._lines = lines
        self._waiting: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._ended = threading.Event()

    def start(self) -> None:
        """Starts reading; heavy imports must be over.

        On Windows, loading a native extension hangs while another thread waits on a piped stdin
        (numpy issue 24290).
        """
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def __iter__(self) -> Iterator[Message]:
        while (message := self._waiting.get()) is not None:
            yield message

    def is_cancelled(self, request_id: int) -> bool:
        """Whether the request was cancelled, or nobody is there to read the answer."""
        return request_id in self._cancelled or self._ended.is_set()

    def _read(self) -> None:
        try:
            for line in self._lines:
                self._take(line)
        finally:  # whatever ended it, the process has to end too
            self._ended.set()
            self._waiting.put(None)

    def _take(self, line: bytes) -> None:
        try:
            message = parse_line(line)
        except ProtocolError as error:
            sys.stderr.write(f"{error}\n")
            return
        if message.type is MessageType.CANCEL:
            self._cancelled.add(message.request_id)
        else:
            self._waiting.put(message)


class Worker:
    """Answers one request after the other with the model that was loaded last."""

    def __init__(
        self, inbox: Inbox, replies: BinaryIO, load_engine: EngineLoader, run: Runner, measure: Measurer
    ) -> None:
        self._inbox = inbox
        self._replies = replies
        self._load_engine = load_engine
        self._run_request = run
        self._measure = measure
        self._engine: Engine | None = None
        self._choice: ModelChoice | None = None

    def serve(self) -> None:
        """Handles requests until the input ends."""
        for message in self._inbox:
            try:
                body = self._handle(message)
                self._reply(MessageType.RESULT, message, body)
            except BrokenPipeError:
                return  # nobody listens any more
            except Cancelled:
                self._reply(MessageType.CANCELLED, message)
            except BackendError as error:
                self._reply(MessageType.ERROR, message, error.to_payload())
            except MemoryError as error:
                self._reply(MessageType.ERROR, message, OutOfMemory(f"no memory left {error}").to_payload())
            except Exception as error:  # noqa: BLE001 - the one place that keeps the worker alive
                traceback.print_exc(file=sys.stderr)
                body = {"code": "internal", "message": f"{type(error).__name__}: {error}", "values": {}}
                self._reply(MessageType.ERROR, message, body)

    def _handle(self, message: Message) -> dict[str, Any]:
        if self._inbox.is_cancelled(message.request_id):
            raise Cancelled("cancelled before it began")
        if message.type is MessageType.LOAD:
            return self._load(message)
        if message.type is MessageType.RUN:
            return self._run(message)
        if message.type is MessageType.AGREE:
            return self._agree(message)
        raise ProtocolError(f"{message.type.value!r} is not a request")

    def _load(self, message: Message) -> dict[str, Any]:
        choice = ModelChoice.from_payload(message.body)
        if self._engine is None or choice != self._choice:
            self._engine = None  # frees the memory of the old model before the new one needs it
            self._engine = self._load_engine(
                choice,
                lambda step, share: self._stage(message, step, share),
                lambda: self._inbox.is_cancelled(message.request_id),
            )
            self._choice = choice
        return {"info": self._engine.info.to_payload(), "contract": self._engine.contract.name}

    def _run(self, message: Message) -> dict[str, Any]:
        request = RunRequest.from_payload(message.body)
        started = time.monotonic()
        for event_type, body in self._run_request(
            self._loaded(), request, lambda: self._inbox.is_cancelled(message.request_id)
        ):
            self._reply(event_type, message, body)
        return {"seconds": time.monotonic() - started}

    def _agree(self, message: Message) -> dict[str, Any]:
        return self._measure(
            self._loaded(),
            AgreementRequest.from_payload(message.body),
            lambda share: self._reply(MessageType.STAGE, message, {"stage": "agreeing", "share": share}),
            lambda: self._inbox.is_cancelled(message.request_id),
        )

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise RequestError("no model is loaded")
        return self._engine

    def _stage(self, message: Message, step: str, share: float | None) -> None:
        self._reply(MessageType.STAGE, message, {"stage": "loading", "step": step, "share": share})

    def _reply(self, message_type: MessageType, to: Message, body: dict[str, Any] | None = None) -> None:
        send(self._replies, Message(message_type, to.request_id, body or {}))


def claim_stdin() -> BinaryIO:
    """Keeps the real stdin for requests; child processes and libraries find theirs empty.

    Python itself aborts at its end where a thread still waits for ``sys.stdin``.
    """
    requests = os.fdopen(os.dup(0), "rb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    return requests


def claim_stdout() -> BinaryIO:
    """Keeps the real stdout for messages; whatever libraries print goes to stderr from now on."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies


@contextmanager
def reporting_missing_packages() -> Iterator[None]:
    """Turns what a failed import raises into RuntimePackageMissing."""
    try:
        yield
    except (ImportError, OSError) as error:  # OSError: torch without a library of the system
        package = getattr(error, "name", None) or ""
        raise RuntimePackageMissing(str(error), package=package, python=sys.executable) from error


def send(replies: BinaryIO, message: Message) -> None:
    """Writes one message and flushes it."""
    replies.write(message.to_line())
    replies.flush()


def main(get_loader: Callable[[], EngineLoader]) -> int:
    """Runs a worker on this process's stdin and stdout; returns its exit status.

    Args:
        get_loader: imports whatever the engine needs and returns its loader.
    """
    requests, replies = claim_stdin(), claim_stdout()
    started = time.monotonic()
    try:
        with reporting_missing_packages():
            from .agreement import measure_agreement
            from .run import run

            load_engine = get_loader()
    except RuntimePackageMissing as error:
        send(replies, Message(MessageType.ERROR, 0, error.to_payload()))
        return 1
    inbox = Inbox(requests)
    inbox.start()
    ready = {
        "protocol": PROTOCOL_VERSION,
        "python": platform.python_version(),
        "import_s": time.monotonic() - started,
    }
    send(replies, Message(MessageType.READY, 0, ready))
    Worker(inbox, replies, load_engine, run, measure_agreement).serve()
    return 0
