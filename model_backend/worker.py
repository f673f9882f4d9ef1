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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from .errors import BackendError, Cancelled, OutOfMemory, ProtocolError, RequestError, RuntimePackageMissing
from .packages import reporting_missing_packages
from .protocol import PROTOCOL_VERSION, Message, MessageType, parse_line
from .request import (
    AgreementRequest,
    BatchRequest,
    ConverseRequest,
    MergeRequest,
    ModelChoice,
    RunRequest,
)

if TYPE_CHECKING:  # these need packages, whose absence has to be told in messages
    from .inference.engine import Engine
    from .run import Event

LoadProgress = Callable[[str, "float | None"], None]
IsCancelled = Callable[[], bool]
EngineLoader = Callable[[ModelChoice, LoadProgress, IsCancelled], "Engine"]
Runner = Callable[["Engine", RunRequest, IsCancelled], "Iterator[Event]"]
BatchRunner = Callable[["Engine", BatchRequest, IsCancelled], "Iterator[Event]"]
Converser = Callable[["Engine", ConverseRequest, IsCancelled], "Iterator[Event]"]
Measurer = Callable[["Engine", AgreementRequest, Callable[[float], None], IsCancelled], "dict[str, Any]"]
Merger = Callable[[MergeRequest], "Iterator[list[list[int]]]"]


@dataclass(frozen=True)
class Skills:
    """What a worker can do; all of it needs packages."""

    load_engine: EngineLoader
    run: Runner
    run_batch: BatchRunner
    converse: Converser
    measure: Measurer
    merge: Merger


class Inbox:
    """The requests on stdin, read on a thread of their own so that a cancel is seen at once.

    On Windows, loading a native library hangs while another thread waits on a piped stdin (numpy issue
    24290). So nobody reads while a model is loaded, which may import torch; QGIS cancels that by killing.
    """

    def __init__(self, lines: BinaryIO) -> None:
        self._lines = lines
        self._waiting: queue.Queue[Message | None] = queue.Queue()
        self._cancelled: set[int] = set()
        self._ended = threading.Event()

    def start(self) -> None:
        """Starts reading; the imports that every request needs must be over."""
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def __iter__(self) -> Iterator[Message]:
        while (message := self._waiting.get()) is not None:
            yield message

    def done(self) -> None:
        """The message that came last is dealt with."""
        self._waiting.task_done()

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
            # one that waits for another answer is not waited for: that answer may still be cancelled
            if message.type is MessageType.LOAD and self._waiting.unfinished_tasks == 1:
                self._waiting.join()


class Worker:
    """Answers one request after the other with the model that was loaded last."""

    def __init__(self, inbox: Inbox, replies: BinaryIO, skills: Skills) -> None:
        self._inbox = inbox
        self._replies = replies
        self._skills = skills
        self._engine: Engine | None = None
        self._choice: ModelChoice | None = None

    def serve(self) -> None:
        """Handles requests until the input ends."""
        for message in self._inbox:
            try:
                answer = self._answer(message)
                self._inbox.done()  # before it is told: what is sent in return finds nobody at work
                send(self._replies, answer)
            except BrokenPipeError:
                return  # nobody listens any more

    def _answer(self, message: Message) -> Message:
        """The terminal message."""
        kind = MessageType.ERROR
        try:
            kind, body = MessageType.RESULT, self._handle(message)
        except BrokenPipeError:
            raise
        except Cancelled:
            kind, body = MessageType.CANCELLED, {}
        except BackendError as error:
            body = error.to_payload()
        except MemoryError as error:
            body = OutOfMemory(f"no memory left {error}").to_payload()
        except Exception as error:  # noqa: BLE001 - the one place that keeps the worker alive
            traceback.print_exc(file=sys.stderr)
            body = {"code": "internal", "message": f"{type(error).__name__}: {error}", "values": {}}
        return Message(kind, message.request_id, body)

    def _handle(self, message: Message) -> dict[str, Any]:
        if self._inbox.is_cancelled(message.request_id):
            raise Cancelled("cancelled before it began")
        if message.type is MessageType.LOAD:
            return self._load(message)
        if message.type is MessageType.RUN:
            return self._run(message, self._skills.run, RunRequest.from_payload(message.body))
        if message.type is MessageType.BATCH:
            return self._run(message, self._skills.run_batch, BatchRequest.from_payload(message.body))
        if message.type is MessageType.CONVERSE:
            return self._run(message, self._skills.converse, ConverseRequest.from_payload(message.body))
        if message.type is MessageType.AGREE:
            return self._agree(message)
        if message.type is MessageType.MERGE:
            return self._merge(message)
        raise ProtocolError(f"{message.type.value!r} is not a request")

    def _load(self, message: Message) -> dict[str, Any]:
        choice = ModelChoice.from_payload(message.body)
        if self._engine is None or choice != self._choice:
            self._engine = None  # frees the memory of the old model before the new one needs it
            self._engine = self._skills.load_engine(
                choice,
                lambda step, share: self._stage(message, step, share),
                lambda: self._inbox.is_cancelled(message.request_id),
            )
            self._choice = choice
        return {"info": self._engine.info.to_payload(), "contract": self._engine.contract.name}

    def _run(
        self, message: Message, run: Callable[[Engine, Any, IsCancelled], Iterator[Event]], request: Any
    ) -> dict[str, Any]:
        """What an own ``result`` event says, and how long it took."""
        started, result = time.monotonic(), {}
        for event_type, body in run(
            self._loaded(), request, lambda: self._inbox.is_cancelled(message.request_id)
        ):
            if event_type is MessageType.RESULT:
                result = body
            else:
                self._reply(event_type, message, body)
        return {**result, "seconds": time.monotonic() - started}

    def _agree(self, message: Message) -> dict[str, Any]:
        return self._skills.measure(
            self._loaded(),
            AgreementRequest.from_payload(message.body),
            lambda share: self._reply(MessageType.STAGE, message, {"stage": "agreeing", "share": share}),
            lambda: self._inbox.is_cancelled(message.request_id),
        )

    def _merge(self, message: Message) -> dict[str, Any]:
        merged = 0
        for pairs in self._skills.merge(MergeRequest.from_payload(message.body)):
            self._reply(MessageType.MERGED, message, {"pairs": pairs})
            merged += len(pairs)
        return {"merged": merged}

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise RequestError("no model is loaded")
        return self._engine

    def _stage(self, message: Message, step: str, share: float | None) -> None:
        self._reply(MessageType.STAGE, message, {"stage": "loading", "step": step, "share": share})

    def _reply(self, message_type: MessageType, to: Message, body: dict[str, Any]) -> None:
        send(self._replies, Message(message_type, to.request_id, body))


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


def send(replies: BinaryIO, message: Message) -> None:
    """Writes one message and flushes it."""
    replies.write(message.to_line())
    replies.flush()


def main(get_loader: Callable[[], EngineLoader]) -> int:
    """Runs a worker on this process's stdin and stdout; returns its exit status.

    Args:
        get_loader: imports whatever nearly every choice needs and returns the loader of engines.
    """
    requests, replies = claim_stdin(), claim_stdout()
    started = time.monotonic()
    try:
        with reporting_missing_packages():
            from .agreement import measure_agreement
            from .batch import run_batch
            from .converse import converse
            from .georeference.proposal_table import merged_pairs
            from .run import run

            skills = Skills(get_loader(), run, run_batch, converse, measure_agreement, merged_pairs)
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
    Worker(inbox, replies, skills).serve()
    return 0
