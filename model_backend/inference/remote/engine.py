# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine that asks a server: several questions at once, each told as it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

import httpx
from PIL.Image import Image

from ...contract import Contract, load_contracts
from ...errors import RemoteFailed, RequestError
from ...remote_address import RemoteAddress
from ...remote_choice import RemoteChoice
from ..answers import completions_of
from ..completion import Completion, CompletionChunk
from ..engine import ModelInfo, Question
from ..prompts import Prompt
from ..source import OnStage
from ..writing import stop_if
from .messages import estimated_tokens
from .question import Body, bodies_of, plainer, without
from .server import Patience, Server

_LOOK_S = 0.05
"""How often it is looked whether somebody cancelled."""
_UNKNOWN = "unknown"

Arrival = tuple[int, CompletionChunk] | asyncio.Task[None]
"""A chunk with its question's place, or the end of a question."""


class RemoteEngine:
    """A model on a server; implements ``Engine``.

    All its connections live inside of a call, on an event loop of the call's own: a cancel, an error or
    nobody listening any more closes them at once.
    """

    def __init__(self, server: Server, contract: Contract, info: ModelInfo, concurrency: int) -> None:
        self.info: ModelInfo = info
        self.contract: Contract = contract
        self._server = server
        self._concurrency = concurrency
        self._refused: frozenset[str] = frozenset()
        """Extras of a question that this server does not take."""

    def complete(
        self, prompt: Prompt, images: Sequence[Image], is_cancelled: Callable[[], bool]
    ) -> Iterator[CompletionChunk]:
        """Yields the answer token by token, greedily; the last chunk has a finish reason.

        Raises:
            RemoteFailed: the server did not answer, or not to the end.
            Cancelled: ``is_cancelled`` was true.
        """
        for (chunk,) in self.complete_together([(prompt, images)], is_cancelled):
            if chunk is not None:
                yield chunk

    def complete_together(
        self, questions: Sequence[Question], is_cancelled: Callable[[], bool]
    ) -> Iterator[list[CompletionChunk | None]]:
        """Yields each token as it comes, at its question's place; raises what ``complete`` raises."""
        stop_if(is_cancelled)
        bodies = bodies_of(self.info.name, self.contract, questions)
        loop = asyncio.new_event_loop()
        try:
            for place, chunk in self._arrivals(loop, bodies, is_cancelled):
                yield [chunk if each == place else None for each in range(len(questions))]
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def complete_batch(
        self, questions: Sequence[Question], is_cancelled: Callable[[], bool]
    ) -> list[Completion]:
        """The whole answers to several questions, in their order; raises what ``complete`` raises."""
        return completions_of(self, questions, is_cancelled)

    def prompt_tokens(self, prompt: Prompt, images: Sequence[Image]) -> int:
        """About how many tokens a question has: a server does not tell."""
        return estimated_tokens(prompt, len(images))

    def _arrivals(
        self, loop: asyncio.AbstractEventLoop, bodies: Sequence[Body], is_cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, CompletionChunk]]:
        """The tokens of all questions in the order in which they come."""
        arrived: asyncio.Queue[Arrival] = asyncio.Queue()
        client, turns = self._server.client(), asyncio.Semaphore(self._concurrency)
        tasks = [
            loop.create_task(self._answer(client, turns, body, place, arrived))
            for place, body in enumerate(bodies)
        ]
        for task in tasks:
            task.add_done_callback(arrived.put_nowait)
        try:
            unanswered = len(tasks)
            while unanswered:
                stop_if(is_cancelled)
                arrival = loop.run_until_complete(_next(arrived))
                if isinstance(arrival, asyncio.Task):
                    arrival.result()
                    unanswered -= 1
                elif arrival is not None:
                    yield arrival
        finally:
            loop.run_until_complete(_close(client, tasks))

    async def _answer(
        self,
        client: httpx.AsyncClient,
        turns: asyncio.Semaphore,
        body: Body,
        place: int,
        arrived: asyncio.Queue[Arrival],
    ) -> None:
        """One question when its turn comes; asked in a plainer way where the server refuses it."""

        def take(chunk: CompletionChunk) -> None:
            arrived.put_nowait((place, chunk))

        async with turns:
            refusal: RemoteFailed | None = None
            for left_out, asked in plainer(without(body, self._refused)):
                try:
                    await self._server.answer(client, asked, take)
                except RemoteFailed as failure:
                    if failure.values["reason"] != "refused":
                        raise
                    refusal = refusal or failure
                else:
                    self._refused |= left_out
                    return
            if refusal is not None:
                raise refusal


def load_engine(
    choice: RemoteChoice,
    on_stage: OnStage,
    is_cancelled: Callable[[], bool] = lambda: False,
    patience: Patience | None = None,
) -> RemoteEngine:
    """The engine for a server's model, once the server has said that it is there.

    Raises:
        RequestError: the address is none, or there is no such contract.
        RemoteFailed: the server cannot be reached, does not want us, or has no such model.
    """
    started = perf_counter()
    contract = load_contracts().get(choice.contract)
    if contract is None or choice.concurrency < 1:
        raise RequestError(f"no model can be asked as {choice.contract!r}, {choice.concurrency} at once")
    address = RemoteAddress.parse(choice.address)
    server = Server(address, choice.headers, patience or Patience(first_token_s=choice.first_token_s))
    on_stage("server", None)
    stop_if(is_cancelled)
    name = _named(choice.model, asyncio.run(server.models()), server.host)
    return RemoteEngine(server, contract, _info(name, address, perf_counter() - started), choice.concurrency)


def _info(name: str, address: RemoteAddress, seconds: float) -> ModelInfo:
    """What is known of a model on a server, which tells no more than its name."""
    is_readable = not (address.is_encrypted or address.is_loopback)
    ending = "; NOT encrypted" if is_readable else ""
    return ModelInfo(
        name=name,
        revision=_UNKNOWN,
        device=f"remote ({address.host})",
        precision=_UNKNOWN,
        reason=f"the server {address.host} answers: questions and images are sent there{ending}.",
        probe_s=seconds,
        load_s=seconds,
        threads=0,
        random_weights=False,
    )


def _named(wanted: str, offered: list[str] | None, host: str) -> str:
    """The name by which the server knows the model."""
    if wanted and (offered is None or wanted in offered):
        return wanted
    if not wanted and offered and len(offered) == 1:
        return offered[0]
    told = ", ".join(offered or ()) or "no model that it would name"
    raise RemoteFailed(f"{host} has {told}", reason="no model", host=host)


async def _next(arrived: asyncio.Queue[Arrival]) -> Arrival | None:
    """What comes next, or None where it is time to look up."""
    try:
        return await asyncio.wait_for(arrived.get(), _LOOK_S)
    except asyncio.TimeoutError:
        return None


async def _close(client: httpx.AsyncClient, tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.aclose()
