"""Requests to Pinecone: with the key, bounded in time and size, and repeated where that helps.

Source: Pinecone's API reference, version 2026-07, and its page "Error handling". Its official SDK takes more
time for a search: see `bench/pinecone_clients.py`.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import orjson
from pydantic import SecretStr

from vital_shared.errors import ConfigurationError, SourceError
from vital_shared.http.connector import BoundedConnector
from vital_shared.http.proxy import proxy_for
from vital_shared.http.retry_after import retry_after_seconds
from vital_shared.models.clean_text import clean_text
from vital_shared.models.search_use import RetryCause
from vital_shared.monitoring.metrics import RAG_RETRIES_TOTAL
from vital_shared.retrieval.search_usage import SearchUsage, UsageKind, current_usage

__all__ = [
    "MAX_CONNECTIONS",
    "SEARCH_RETRY_SECONDS",
    "SEARCH_SECONDS",
    "SOURCE_NAME",
    "PaidRequest",
    "PineconeClient",
    "PineconeRefused",
    "PineconeReply",
]

SOURCE_NAME: Final = "pinecone"

API_VERSION: Final = "2026-07"

SEARCH_SECONDS: Final = 10.0
"""Time for a request of a search: longer than a run waits, so that it is the run that is late."""
SEARCH_RETRY_SECONDS: Final = 4.0
"""Time in which such a request is sent again: later its answer would find no run any more."""

MAX_CONNECTIONS: Final = 32
"""Connections to one address at once; a search takes two."""

CONNECT_SECONDS: Final = 3.0
MAX_ATTEMPTS: Final = 6
MAX_THROTTLED_ATTEMPTS: Final = 30
"""Attempts of a request that Pinecone asks to send later, as it does for seconds while much is written."""
FIRST_BACKOFF_SECONDS: Final = 0.1
"""Doubled with each attempt, and drawn from between 0 and that (full jitter)."""
MAX_BACKOFF_SECONDS: Final = 5.0
MAX_REPLY_BYTES: Final = 16 * 1024 * 1024
"""Four times the largest result that Pinecone documents."""
MAX_WORDS: Final = 300
"""Characters of Pinecone's own words that an error repeats."""

_UNAVAILABLE: Final = frozenset({408, 500, 502, 503, 504})


class PineconeRefused(SourceError):
    """An answer with an error's status.

    :param status: the status of HTTP.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class PineconeReply(NamedTuple):
    """A successful answer."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]


class PaidRequest(NamedTuple):
    """The usage that a request is expected to have, and the place of the true one in its answer."""

    kind: UsageKind
    expected: int
    stated: Callable[[Mapping[str, Any]], object]
    """A reader of the units in the answer."""


class _Failure(NamedTuple):
    """A failed attempt."""

    error: SourceError
    cause: RetryCause | None
    """The reason why another attempt may help; None: it will not."""
    wait_seconds: float | None = None
    """The wait that Pinecone asks for; None: it asks for none."""


class PineconeClient:
    """One address of Pinecone's: an index, or the hosted models.

    :param base_url: scheme and host.
    :param key: sent with each request, and shown nowhere.
    :param sleep: waits between attempts.
    :param jitter: draws from 0 to 1.
    :raises ConfigurationError: when the address cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        key: SecretStr,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._base_url = _address(base_url)
        self._key = key
        self._sleep = sleep
        self._jitter = jitter
        self._session: aiohttp.ClientSession | None = None
        self.in_use = 0
        """Requests that are under way."""

    async def aclose(self) -> None:
        """Close the connections; the address may be asked again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        seconds: float,
        retry_seconds: float | None = None,
        paid: PaidRequest | None = None,
    ) -> PineconeReply:
        """Send a request, with arrays of numpy in it, that may come twice; see `_call`."""
        data = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        return await self._call(
            "POST", path, seconds=seconds, retry_seconds=retry_seconds, paid=paid, data=data
        )

    async def get(
        self, path: str, params: Sequence[tuple[str, str]] = (), *, seconds: float
    ) -> PineconeReply:
        """Read something; see `_call`."""
        return await self._call("GET", path, seconds=seconds, params=params)

    async def delete(self, path: str, *, seconds: float) -> PineconeReply:
        """Delete something; see `_call`."""
        return await self._call("DELETE", path, seconds=seconds)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        seconds: float,
        retry_seconds: float | None = None,
        paid: PaidRequest | None = None,
        **request: Any,
    ) -> PineconeReply:
        """Ask until there is an answer, or attempts or time are used up.

        :param seconds: for all attempts together.
        :param retry_seconds: no attempt begins later than this; None: as `seconds`.
        :raises PineconeRefused: when Pinecone answers with an error.
        :raises SourceError: when it cannot be reached, is late, or sends what cannot be read.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        last_start = began + (seconds if retry_seconds is None else retry_seconds)
        self.in_use += 1
        try:
            async with asyncio.timeout_at(began + seconds):
                for attempt in itertools.count(1):
                    outcome = await self._attempt(method, path, request, paid)
                    if isinstance(outcome, PineconeReply):
                        return outcome
                    wait = self._backoff(attempt) if outcome.wait_seconds is None else outcome.wait_seconds
                    attempts = MAX_THROTTLED_ATTEMPTS if outcome.cause == "throttled" else MAX_ATTEMPTS
                    if outcome.cause is None or attempt >= attempts or loop.time() + wait >= last_start:
                        raise outcome.error
                    RAG_RETRIES_TOTAL.labels(SOURCE_NAME, outcome.cause).inc()
                    await self._sleep(wait)
        except TimeoutError:
            raise SourceError(f"Pinecone did not answer within {seconds:g} seconds.") from None
        finally:
            self.in_use -= 1
        raise AssertionError

    async def _attempt(
        self, method: str, path: str, request: Mapping[str, Any], paid: PaidRequest | None
    ) -> PineconeReply | _Failure:
        try:
            async with (
                _charged(paid) as report,
                self._open_session().request(
                    method, self._base_url + path, allow_redirects=False, **request
                ) as response,
            ):
                body = await _read(response)
                if 200 <= response.status < 300:
                    reply = PineconeReply(_parsed(body), response.headers)
                    report(reply.body)
                    return reply
        except (aiohttp.ClientError, OSError) as error:
            reason = clean_text(str(error) or type(error).__name__)[:MAX_WORDS]
            away = SourceError("Pinecone cannot be reached.")
            return _Failure(away.detailed(f"Pinecone cannot be reached: {reason}."), "connection")
        refused = PineconeRefused(self._sentence(response.status, body), status=response.status)
        if response.status == 429:
            return _Failure(refused, "throttled", retry_after_seconds(response.headers))
        if response.status in _UNAVAILABLE:
            return _Failure(refused, "unavailable", retry_after_seconds(response.headers))
        return _Failure(refused, None)

    def _backoff(self, attempt: int) -> float:
        return min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** (attempt - 1)) * self._jitter()

    def _sentence(self, status: int, body: bytes) -> str:
        words = _words(body.replace(self._key.get_secret_value().encode(), b"..."))
        said = f" ({words})" if words else ""
        match status:
            case 401:
                return "Pinecone refused the key: check PINECONE_API_KEY."
            case 402 | 403:
                return f"Pinecone does not allow the request{said}: check the project's plan and quotas."
            case 404:
                return f"Pinecone knows no such thing{said}: check VITAL_PINECONE_HOST."
            case 429:
                return f"Pinecone is asked too often{said}."
        if 300 <= status < 400:
            return "Pinecone sends to another address: VITAL_PINECONE_HOST has to be the index's own."
        problem = "is not available" if status >= 500 else "refused the request"
        return f"Pinecone {problem}: status {status}{said}."

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=BoundedConnector(limit=MAX_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={
                    "Api-Key": self._key.get_secret_value(),
                    "X-Pinecone-Api-Version": API_VERSION,
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                },
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                proxy=proxy_for(self._base_url),
            )
        return self._session


@asynccontextmanager
async def _charged(paid: PaidRequest | None) -> AsyncIterator[Callable[[Mapping[str, Any]], None]]:
    """Enclose an attempt, and give what takes its answer, so that it is charged to the search at hand."""
    if paid is None:
        yield lambda _body: None
        return
    usage = current_usage.get() or SearchUsage(None)
    async with usage.request(paid.kind, paid.expected) as report:
        yield lambda body: report(paid.stated(body))


def _address(base_url: str) -> str:
    """Complete a host as Pinecone's console shows it; the key goes over plain HTTP to this machine only."""
    address = base_url if "://" in base_url else f"https://{base_url}"
    parts = urlsplit(address)
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if (
        not parts.hostname
        or parts.scheme not in ("https", "http")
        or (parts.scheme == "http" and not is_local)
    ):
        raise ConfigurationError(
            f'"{base_url}" is not the address of a Pinecone index: copy its host from the console, such as '
            "docs-abc123.svc.us-east-1.pinecone.io."
        )
    return f"{parts.scheme}://{parts.netloc}"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_REPLY_BYTES:
            raise SourceError(f"Pinecone sent more than {MAX_REPLY_BYTES:,} bytes.")
    return bytes(body)


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        raise SourceError(
            "Pinecone sent an answer that is not a JSON object: is VITAL_PINECONE_HOST an index's?"
        )
    return parsed


def _words(body: bytes) -> str:
    """Return what an error says: of the data plane, of the hosted models, or in plain text."""
    try:
        error = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body[: 4 * MAX_WORDS].decode("utf-8", "replace")
        return "" if text.lstrip().startswith("<") else clean_text(" ".join(text.split()))[:MAX_WORDS]
    inner = error.get("error", error) if isinstance(error, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else inner
    return clean_text(" ".join(message.split()))[:MAX_WORDS] if isinstance(message, str) else ""
