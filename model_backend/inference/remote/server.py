# SPDX-License-Identifier: GPL-2.0-or-later
"""One server: asked over HTTP, again where that may help; whatever goes wrong is a ``RemoteFailed``."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import anyio
import httpx

from ...errors import RemoteFailed, RuntimePackageMissing
from ...remote_address import RemoteAddress
from ..completion import CompletionChunk
from .question import Body
from .stream import END, Calls, NoEvent, Refusal, chunks_of, events_of

Take = Callable[[CompletionChunk], None]
_REASONS = {
    400: "refused",
    401: "unauthorised",
    403: "unauthorised",
    404: "no model",
    407: "proxy login",
    408: "stalled",
    413: "too large",
    422: "refused",
    425: "busy",
    429: "busy",
    503: "busy",
}
_TELLING = (
    (re.compile(r"exceed\w*.*context|maximum context|context_length", re.IGNORECASE), "too large"),
    (re.compile(r"image input is not supported|not a multimodal model", re.IGNORECASE), "no images"),
)
"""Words of llama.cpp's and of vLLM's servers that say more than the status, which is 400 or 500."""
_PASSING = ("busy", "failed", "cut", "no network")
"""Reasons that may be gone when the server is asked again."""
_LONGEST_PAUSE_S = 60.0
"""A server that wants more is told to be busy."""
_LEAST_SECRET = 4
"""Letters of a login that are looked for: fewer would take half of the words with them."""
_MOST_WORDS = 300
_MOST_BYTES = 65_536
"""Of an answer that says what is wrong."""


@dataclass(frozen=True)
class Patience:
    """How long a server may take for what, and how often it is asked; all in seconds."""

    connect_s: float = 10.0
    first_token_s: float = 120.0
    between_tokens_s: float = 60.0
    pauses_s: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    """Before each further try."""


class Server:
    """Where questions are sent, and what for patience and login."""

    def __init__(self, address: RemoteAddress, headers: Mapping[str, str], patience: Patience) -> None:
        self.host = address.host
        self._address = address
        self._headers = dict(headers)
        self._patience = patience
        self._certificates = httpx.create_ssl_context()

    def client(self) -> httpx.AsyncClient:
        """Connections for one event loop; the system's proxies are used, but not to reach this computer.

        Raises:
            RemoteFailed, RuntimePackageMissing: a proxy that cannot be used.
        """
        patience, name = self._patience, httpx.URL(self._address.url).host
        try:
            return httpx.AsyncClient(
                base_url=self._address.url,
                headers=self._headers,
                verify=self._certificates,
                timeout=httpx.Timeout(patience.first_token_s, connect=patience.connect_s, pool=None),
                mounts={f"all://{name}": None} if self._address.is_loopback else None,
            )
        except (ValueError, httpx.InvalidURL) as error:
            raise self._failed("no network", "the address of the proxy cannot be read") from error
        except ImportError as error:  # for a proxy that speaks SOCKS
            raise RuntimePackageMissing(str(error), package="socksio") from error

    async def models(self) -> list[str] | None:
        """The names of its models; None where it does not tell them.

        Raises:
            RemoteFailed: it cannot be reached, or does not want us.
        """
        with self._telling():
            async with self.client() as client:
                response = await client.get("models", timeout=self._patience.connect_s)
        if response.status_code in (404, 405, 501):
            return None
        if not response.is_success:
            raise self._failure(response.status_code, response.content, response.headers)
        try:
            return [str(model["id"]) for model in response.json()["data"]]
        except (ValueError, TypeError, KeyError) as error:
            raise self._failed("protocol", "it does not answer as a server of this kind does") from error

    async def answer(self, client: httpx.AsyncClient, body: Body, take: Take) -> None:
        """Has a question answered; it is asked again after a pause as long as nothing was taken.

        Raises:
            RemoteFailed: tokens that were taken before stay valid.
        """
        taken = 0

        def counted(chunk: CompletionChunk) -> None:
            nonlocal taken
            taken += 1
            if taken > body["max_tokens"] + 1:
                raise self._failed("protocol", "it writes more than it was asked for")
            take(chunk)

        pauses = iter(self._patience.pauses_s)
        while True:
            try:
                return await self._ask(client, body, counted)
            except RemoteFailed as failure:
                pause, wanted = next(pauses, None), failure.values.get("retry_after_s", 0.0)
                is_passing = failure.values["reason"] in _PASSING and wanted <= _LONGEST_PAUSE_S
                if taken or pause is None or not is_passing:
                    raise
                await asyncio.sleep(max(pause, wanted))

    async def _ask(self, client: httpx.AsyncClient, body: Body, take: Take) -> None:
        is_over, calls = False, Calls()
        with self._telling(), anyio.fail_after(self._patience.first_token_s) as scope:
            async with client.stream("POST", "chat/completions", json=body) as response:
                await self._check(response)
                async for data in events_of(response.aiter_lines()):
                    if data == END:
                        break
                    for chunk in chunks_of(data, calls):
                        scope.deadline = anyio.current_time() + self._patience.between_tokens_s
                        is_over = is_over or chunk.finish_reason is not None
                        take(chunk)
        if not is_over:
            raise self._failed("cut", "the answer broke off")

    async def _check(self, response: httpx.Response) -> None:
        """Refuses what is no stream of events."""
        if not response.is_success:
            content = b""
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > _MOST_BYTES:
                    break
            raise self._failure(response.status_code, content, response.headers)
        kind = response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            raise self._failed("protocol", f"it sends {kind or 'something'} where a stream of events was due")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Turns what the network and the protocol raise into ``RemoteFailed``."""
        try:
            yield
        except Refusal as error:
            raise self._failed(_reason(error.status, str(error)), str(error)) from error
        except NoEvent as error:
            raise self._failed("protocol", str(error)) from error
        except httpx.ConnectTimeout as error:
            raise self._failed("no network", "it could not be reached in time") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise self._failed("stalled", "it did not write anything in time") from error
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
            raise self._failed("cut", f"the connection broke off: {error}") from error
        except httpx.HTTPError as error:
            raise self._failed(_network_reason(error), f"it cannot be reached: {error}") from error

    def _failure(self, status: int, content: bytes, headers: Mapping[str, str]) -> RemoteFailed:
        """What an answer of that status means."""
        words = f"HTTP {status} {_words_in(content)}".strip()
        wanted = _seconds(headers.get("retry-after", ""))
        return self._failed(_reason(status, words), words, **({"retry_after_s": wanted} if wanted else {}))

    def _failed(self, reason: str, words: str, **values: Any) -> RemoteFailed:
        """With the login taken out of the words, which may be the server's own."""
        for secret in self._headers.values():
            for part in (secret, *secret.split()):
                words = words.replace(part, "***") if len(part) >= _LEAST_SECRET else words
        return RemoteFailed(f"{self.host}: {words}"[:_MOST_WORDS], reason=reason, host=self.host, **values)


def _reason(status: int, words: str) -> str:
    if status in (400, 500):
        for telling, reason in _TELLING:
            if telling.search(words):
                return reason
    return _REASONS.get(status, "failed" if status >= 500 else "protocol" if status < 400 else "refused")


def _network_reason(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ProxyError) and str(error).startswith("407"):
        return "proxy login"
    return "tls" if "SSL" in str(error) or "certificate" in str(error).lower() else "no network"


def _words_in(content: bytes) -> str:
    """What a server says is wrong: servers agree on no form."""
    text = content.decode(errors="replace").strip()
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return "" if text.startswith("<") else text
    for name in ("error", "message", "detail"):
        told = told.get(name, told) if isinstance(told, dict) else told
    return str(told)


def _seconds(retry_after: str) -> float:
    """How long a server wants to be left alone; it says so in seconds, or as a date."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
