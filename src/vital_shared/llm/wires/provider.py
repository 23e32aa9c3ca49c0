"""Carries the chats of one provider over HTTP: one pool of connections, timeouts and retries."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import aiohttp
import orjson
from pydantic import SecretStr

from vital_shared.errors import InvalidRequest
from vital_shared.http.connector import BoundedConnector
from vital_shared.http.proxy import proxy_for
from vital_shared.http.request_body import request_body
from vital_shared.http.retry_after import retry_after_seconds
from vital_shared.llm.base import (
    ModelError,
    ModelEvent,
    ModelRateLimited,
    ModelTimeout,
    ModelUnavailable,
    ProviderAnswer,
    Stop,
    Usage,
)
from vital_shared.llm.call_metrics import count_retry
from vital_shared.llm.routing.rate_limits import RateLimitBook
from vital_shared.llm.wires.base import Chat, Decoder, Wire, WireRequest
from vital_shared.llm.wires.body_text import body_text, declared_charset, in_utf8
from vital_shared.llm.wires.bounds import AnswerBounds, AnswerTooLarge
from vital_shared.llm.wires.embeddings import EMBEDDINGS_BOUNDS
from vital_shared.llm.wires.json_text import mended
from vital_shared.llm.wires.reading import NoEvents, packets
from vital_shared.llm.wires.refused_fields import RefusedFields
from vital_shared.llm.wires.relay import Operation, Relay, RelayedRequest
from vital_shared.llm.wires.responses_stream import ResponsesDecoder
from vital_shared.llm.wires.server import server_of
from vital_shared.llm.wires.sse import EventTooLarge
from vital_shared.llm.wires.timing import CallEnd, Silence, Timeouts
from vital_shared.llm.wires.whole_body import whole_body

__all__ = ["Provider"]

CHECK_SECONDS: Final = 5.0
"""Time for a check of the key, after connecting, in seconds."""

MAX_WAIT_SECONDS: Final = 20.0
"""Seconds: instead of a longer wait, another model serves the request better."""

BACKOFF: Final = 0.5
"""Seconds; doubled with each attempt, and drawn from between 0 and that (full jitter: M. Brooker,
"Exponential Backoff And Jitter", AWS Architecture Blog)."""

MAX_ERROR_BYTES: Final = 64 * 1024
"""Bytes of an error's body that are read."""

MAX_REQUEST_ID_CHARACTERS: Final = 200

EVENT_STREAM_HEADERS: Final[Mapping[str, str]] = {"Accept": "text/event-stream"}
EVENT_BEGINNINGS: Final = (b"data:", b"event:")
JSON_HEADERS: Final[Mapping[str, str]] = {"Accept": "application/json"}

EMPTY_STATUSES: Final = (204, 205)
"""Successes without a body (RFC 9110, sections 15.3.5 and 15.3.6)."""


class _Sending(NamedTuple):
    """One request, ready to be sent, and how its answer is read."""

    request: WireRequest
    max_output_tokens: int | None
    first_seconds: float
    """Seconds until the first piece of the answer."""
    headers: Mapping[str, str] = EVENT_STREAM_HEADERS
    relay: Relay | None = None
    """The way of the answer's data to the client; None: only their meaning counts."""
    is_streamed: bool = True
    operation: Operation = "chat"
    must_be_usable: bool = True
    choices: int = 1
    added: frozenset[str] | None = None
    """Fields that are left out if the provider refuses them; None: any of them."""


class Provider:
    """One provider: where it is, which protocol it speaks, and its connections.

    :param name: the prefix of its models' names before the colon.
    :param wire: its protocol.
    :param base_url: the address that the wire's paths are added to, without a slash at the end.
    :param key: None: it wants none.
    :param headers: more headers for each request.
    :param attempts: number of attempts of a call; only what is worth it is repeated, and never once anything
        of the answer has come.
    :param connections: concurrent connections at most; further calls wait, within the connect timeout.
    :param responses_path: the path of OpenAI's Responses API; None: it does not offer that.
    :param limits: takes the rate limits that it states; None: nobody wants them.
    :param sleep: waits between attempts.
    :param jitter: draws from 0 to 1.
    """

    def __init__(
        self,
        name: str,
        wire: Wire,
        *,
        base_url: str,
        key: SecretStr | None = None,
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts | None = None,
        attempts: int = 3,
        connections: int = 100,
        responses_path: str | None = None,
        limits: RateLimitBook | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.connections = connections
        self.in_use = 0
        """Calls that are under way."""
        self._wire = wire
        self.base_url = base_url.rstrip("/")
        self.server = server_of(self.base_url)
        """Its host and port."""
        self._key = key
        self._headers = dict(headers or {})
        self._timeouts = timeouts or Timeouts()
        self._attempts = attempts
        self._responses_path = responses_path
        self._limits = limits or RateLimitBook()
        self._sleep = sleep
        self._jitter = jitter
        self._session: aiohttp.ClientSession | None = None
        self._refused = RefusedFields()

    def __repr__(self) -> str:
        return f"Provider({self.name!r}, {self._wire.name}, {self.base_url!r})"

    async def aclose(self) -> None:
        """Close the connections; the provider may be used again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @property
    def protocol(self) -> str:
        """The name of its wire."""
        return self._wire.name

    @property
    def offers_responses(self) -> bool:
        """Whether it can be asked as OpenAI's Responses API is."""
        return self._responses_path is not None

    def stream(self, model: str, chat: Chat) -> AsyncGenerator[ModelEvent, None]:
        """Ask, and pass on what comes; closing the generator closes the connection.

        Iterating raises `ModelError`, which names ``provider:model``.

        :param model: the provider's own name of the model.
        """

        def prepare() -> _Sending:
            request = self._wire.request(model, chat)
            body = self._refused.left_out(model, _merged(request.body, chat.options))
            prepared = WireRequest(request.path, body)
            return _Sending(prepared, chat.max_output_tokens, self._timeouts.first_token)

        return self._calls(model, prepare)

    def relay(self, model: str, request: RelayedRequest, relay: Relay) -> AsyncGenerator[ModelEvent, None]:
        """Ask in the provider's own protocol; its answer's data go to `relay`, and their meaning is given.

        Iterating raises `ModelError`, with the provider's own answer where there was one.

        :param model: the provider's own name of the model.
        :raises InvalidRequest: when the provider cannot carry such a request.
        """
        path = self._relayed_path(model, request)
        if path is None:
            raise InvalidRequest(
                f'The provider of "{self.name}:{model}" has no {request.operation}.', field="model"
            )
        # An answer that is not streamed begins with its end.
        first = self._timeouts.first_token if request.is_streamed else self._timeouts.total
        accept = EVENT_STREAM_HEADERS if request.is_streamed else JSON_HEADERS
        headers = {**request.headers, **accept}

        def prepare() -> _Sending:
            return _Sending(
                WireRequest(path, self._refused.left_out(model, request.body, request.added)),
                None,
                first,
                headers,
                relay,
                is_streamed=request.is_streamed,
                operation=request.operation,
                must_be_usable=request.is_translated,
                choices=request.choices,
                added=request.added,
            )

        return self._calls(model, prepare)

    def _relayed_path(self, model: str, request: RelayedRequest) -> str | None:
        if request.operation == "embeddings":
            return self._wire.embeddings_path(model)
        if request.operation == "responses":
            return self._responses_path
        return self._wire.path(model, is_streamed=request.is_streamed)

    def _decoder(self, sending: _Sending, name: str) -> Decoder:
        if sending.operation == "embeddings":
            return self._wire.embeddings_decoder(name)
        if sending.operation == "responses":
            return ResponsesDecoder(name)
        return self._wire.decoder(name, must_be_usable=sending.must_be_usable, choices=sending.choices)

    async def _calls(self, model: str, prepare: Callable[[], _Sending]) -> AsyncGenerator[ModelEvent, None]:
        """Make a call, again where that is worth it, and give what comes."""
        name = f"{self.name}:{model}"
        ends = CallEnd.of(self._timeouts)
        if not ends.seconds:
            message = f'There is no time left to ask the model "{name}".'
            raise ModelTimeout(message, model=name, sent=False)
        self.in_use += 1
        attempt = 1
        try:
            while True:
                came = False
                sending = prepare()
                try:
                    call = self._once(sending, name, ends)
                    async with aclosing(call) as event_batches:
                        async for events in event_batches:
                            for event in events:
                                came = came or type(event) is not Usage
                                yield event
                except ModelError as error:
                    self._scrub(error)
                    if sending.relay is not None:
                        came = error.was_shown = sending.relay.is_shown
                    body = sending.request.body
                    if not came and self._refused.learn(model, body, error, sending.added):
                        continue  # at most once for each field of the body
                    wait = self._wait(error, attempt, ends)
                    if came or wait is None or _is_paid(error, sending):
                        raise
                    count_retry(error)
                else:
                    return
                attempt += 1
                await self._sleep(wait)
        finally:
            self.in_use -= 1

    async def check(self) -> str | None:
        """Ask for the list of models, which costs nothing; return why that fails, or None.

        All wires have it at ``/models`` (OpenAI, Anthropic and Gemini API references, "List models").
        """
        key = self._key.get_secret_value() if self._key else None
        name = f"{self.name}:*"
        try:
            async with asyncio.timeout(self._timeouts.connect + CHECK_SECONDS):
                response = await self._open_session().get(
                    f"{self.base_url}/models",
                    headers=self._headers | self._wire.headers(key),
                    allow_redirects=False,
                )
                async with response:
                    if response.status < HTTPStatus.MULTIPLE_CHOICES:
                        return None
                    ends = CallEnd.within(CHECK_SECONDS)
                    refused = await self._error(response, name, ends)
        except TimeoutError:
            return f"it did not answer within {self._timeouts.connect + CHECK_SECONDS:g} seconds"
        except (aiohttp.ClientError, OSError) as error:
            return f"it cannot be reached: {_reason(error)}"
        self._scrub(refused)
        return f"{response.status}: {refused.message}"

    async def _once(
        self, sending: _Sending, name: str, ends: CallEnd
    ) -> AsyncGenerator[Sequence[ModelEvent], None]:
        """Make the call once, and pass on what each packet says.

        :param ends: the end of the whole call.
        """
        response = await self._begin(sending, name, ends)
        self._limits.note(name, response.status, response.headers)
        try:
            if not 200 <= response.status < 300 or response.status in EMPTY_STATUSES:
                raise await self._error(response, name, ends)
            decoder = self._decoder(sending, name)
            if sending.relay is not None:
                decoder = sending.relay.reading(decoder)
            request_id = _readable(self._wire.request_id(response.headers))
            if not sending.is_streamed:
                bounds = EMBEDDINGS_BOUNDS if sending.operation == "embeddings" else AnswerBounds()
                with self._explained(response, name, request_id, decoder, ends):
                    yield await whole_body(response, decoder, bounds, ends=ends.at)
                    yield [_with_id(event, request_id) for event in decoder.end()]
                return
            batches = packets(
                response,
                decoder,
                AnswerBounds.of(sending.max_output_tokens),
                first=min(ends.at, asyncio.get_running_loop().time() + sending.first_seconds),
                between=self._timeouts.between_tokens,
                ends=ends.at,
            )
            with self._explained(response, name, request_id, decoder, ends):
                async with aclosing(batches):
                    async for events in batches:
                        yield events
                yield [_with_id(event, request_id) for event in decoder.end()]
        finally:
            response.close()  # a half-read stream is not drained: the provider sees that nobody listens

    async def _begin(self, sending: _Sending, name: str, ends: CallEnd) -> aiohttp.ClientResponse:
        """Send a request, and return its response once the head is there."""
        limit = asyncio.get_running_loop().time() + self._timeouts.connect + sending.first_seconds
        try:
            async with asyncio.timeout_at(min(ends.at, limit)):
                return await self._post(sending)
        except aiohttp.ConnectionTimeoutError as error:
            message = f'No connection to the provider of "{name}" within {self._timeouts.connect:g} seconds.'
            raise ModelTimeout(message, model=name, sent=False) from error
        except TimeoutError as error:
            raise self._late(name, ends, first=True) from error
        except aiohttp.ClientResponseError as error:  # it has answered, in a form that is none
            message = f'The provider of "{name}" sent an answer whose head cannot be read.'
            details = f"{message.removesuffix('.')}: {_reason(error)}."
            raise _bad_answer(message, name).detailed(details) from error
        except (aiohttp.ClientError, OSError) as error:
            message = f'The provider of "{name}" cannot be reached.'
            details = f"{message.removesuffix('.')}: {_reason(error)}."
            raise ModelUnavailable(message, model=name).detailed(details) from error

    async def _post(self, sending: _Sending) -> aiohttp.ClientResponse:
        key = self._key.get_secret_value() if self._key else None
        headers = {"Content-Type": "application/json", **sending.headers}
        return await self._open_session().post(
            self.base_url + sending.request.path,
            data=request_body(orjson.dumps(sending.request.body)),
            headers=headers | self._headers | self._wire.headers(key),
            allow_redirects=False,
        )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=BoundedConnector(limit=self.connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=self._timeouts.connect, sock_connect=self._timeouts.connect
                ),
                proxy=proxy_for(self.base_url),
            )
        return self._session

    @contextmanager
    def _explained(
        self,
        response: aiohttp.ClientResponse,
        name: str,
        request_id: str | None,
        decoder: Decoder,
        ends: CallEnd,
    ) -> Iterator[None]:
        """Say in our words what is wrong with a stream that is read within the block."""
        try:
            yield
        except Silence as error:
            raise self._late(name, ends, first=not decoder.pieces, request_id=request_id) from error
        except EventTooLarge as error:
            message = f'The provider of "{name}" sent an event of more than {error} bytes.'
            raise _bad_answer(message, name, request_id) from error
        except AnswerTooLarge as error:
            message = f'The provider of "{name}" sent more than {error.bound} for one answer.'
            raise _bad_answer(message, name, request_id) from error
        except NoEvents as error:
            message = f'The provider of "{name}" sent no answer: {_described(response, error.beginning)}.'
            other = ModelUnavailable(message, model=name, request_id=request_id)
            other.has_begun = error.beginning.startswith(EVENT_BEGINNINGS)  # a stream that nobody asked for
            raise other from error
        except (aiohttp.ClientError, OSError) as error:
            message = f'The stream of "{name}" broke off.'
            details = f"{message.removesuffix('.')}: {_reason(error)}."
            broken = ModelUnavailable(message, model=name, request_id=request_id)
            broken.has_begun = response.content.total_bytes > 0
            raise broken.detailed(details) from error
        except ModelError as error:
            error.request_id = error.request_id or request_id
            error.has_begun = error.has_begun or error.kind == "bad_answer"
            if isinstance(error, ModelRateLimited | ModelUnavailable) and error.retry_after_seconds is None:
                error.retry_after_seconds = retry_after_seconds(response.headers)
            raise

    async def _error(self, response: aiohttp.ClientResponse, name: str, ends: CallEnd) -> ModelError:
        """Read an answer whose status is no success."""
        if 300 <= response.status < 400:
            return ModelUnavailable(
                f'The provider of "{name}" answers with a redirect (status {response.status}): '
                "check its base address.",
                model=name,
            )
        if response.status < 300:
            return ModelUnavailable(
                f'The provider of "{name}" sent no answer: status {response.status}.', model=name
            )
        body = b""
        try:
            async with asyncio.timeout_at(min(ends.at, asyncio.get_running_loop().time() + MAX_WAIT_SECONDS)):
                content = body_text(response)
                while len(body) < MAX_ERROR_BYTES and (more := await content.readany()):
                    body += more
        except (TimeoutError, aiohttp.ClientError, OSError):
            body = b""  # the status alone has to do
        charset = declared_charset(response)
        body = body[:MAX_ERROR_BYTES] if charset is None else in_utf8(body[:MAX_ERROR_BYTES], charset)
        error = self._wire.error(response.status, response.headers, body, name)
        error.answer = ProviderAnswer(response.status, body)
        return error

    def _late(self, name: str, ends: CallEnd, *, first: bool, request_id: str | None = None) -> ModelTimeout:
        limits = self._timeouts
        if asyncio.get_running_loop().time() >= ends.at:
            return ModelTimeout(
                f'The model "{name}" was not done within {ends.seconds:g} seconds.',
                model=name,
                request_id=request_id,
            )
        seconds = limits.first_token if first else limits.between_tokens
        what = "did not begin to answer" if first else "fell silent"
        message = f'The model "{name}" {what} for {seconds:g} seconds.'
        return ModelTimeout(message, model=name, request_id=request_id)

    def _wait(self, error: ModelError, attempt: int, ends: CallEnd) -> float | None:
        """Return how long to wait before the next attempt, in seconds; None: there is none."""
        late = isinstance(error, ModelTimeout) and error.sent  # its time is used up
        if not error.retryable or late or attempt >= self._attempts:
            return None
        if isinstance(error, ModelRateLimited) and self._limits.has_free_peer(error.model):
            return None  # the route's next deployment answers sooner
        wait = BACKOFF * 2 ** (attempt - 1) * self._jitter()
        wait += error.retry_after_seconds or 0
        left = ends.at - asyncio.get_running_loop().time()
        return None if wait > min(MAX_WAIT_SECONDS, left) else wait

    def _scrub(self, error: ModelError) -> None:
        """Take the key out of what a provider says, should it repeat it, and make its id of the call text."""
        error.request_id = _readable(error.request_id)
        key = self._key.get_secret_value() if self._key else ""
        if key and key in error.message:
            error.message = error.message.replace(key, "…")
            error.args = (error.message,)
        if key and error.details is not None and key in error.details:
            error.details = error.details.replace(key, "…")
            error.__notes__ = [error.details]
        if key and error.answer is not None:
            error.answer = error.answer._replace(body=error.answer.body.replace(key.encode(), "…".encode()))


def _is_paid(error: ModelError, sending: _Sending) -> bool:
    """Return whether the provider charges for a call that has failed, so that another one costs once more.

    A stream may break off before it says anything.
    """
    return error.has_begun and (not sending.is_streamed or error.kind == "bad_answer")


def _bad_answer(message: str, name: str, request_id: str | None = None) -> ModelUnavailable:
    """Return the error of an answer that is of no use, and has been written all the same."""
    error = ModelUnavailable(message, model=name, request_id=request_id, kind="bad_answer")
    error.has_begun = True
    return error


def _readable(request_id: str | None) -> str | None:
    """Return a provider's id of a call as text that can be written anywhere; headers may hold any bytes."""
    return request_id and mended(request_id)[:MAX_REQUEST_ID_CHARACTERS]


def _with_id(event: ModelEvent, request_id: str | None) -> ModelEvent:
    if isinstance(event, Stop) and event.request_id is None:
        return event.model_copy(update={"request_id": request_id})
    return event


def _merged(body: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Put the configuration's own fields into a body; tables within are merged, too."""
    both = {
        key: {**body[key], **value}
        for key, value in options.items()
        if isinstance(value, dict) and isinstance(body.get(key), dict)
    }
    return {**body, **options, **both}


def _described(response: aiohttp.ClientResponse, body: bytes) -> str:
    """Describe a body that is no answer by its status, type and beginning."""
    beginning = " ".join(body.decode("utf-8", "replace").split())
    return mended(f"status {response.status}, {response.content_type}, {beginning[:80]}")


def _reason(error: Exception) -> str:
    # The status that aiohttp gives to what it cannot read is its own, and was not sent.
    said = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    text = " ".join(said.split())
    return text or type(error).__name__
