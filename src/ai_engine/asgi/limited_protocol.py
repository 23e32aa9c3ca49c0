"""HTTP/1.1 with limits of size and time, in front of the application.

Uvicorn's protocol bounds neither heads nor the time they take, and answers a request that cannot be parsed
in the midst of the answer to the one before. Here a request beyond a limit gets one sentence, after the
answers to the requests before it, and its connection is closed.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httptools
import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ai_engine.asgi.crowding import connection_to_drop
from ai_engine.asgi.refusal import ProtocolRefusal, RequestRefused
from ai_engine.asgi.refusals import (
    FRAMING,
    FULL,
    MALFORMED,
    NO_WEBSOCKETS,
    PIPELINED,
    SLOW_BODY,
    SLOW_HEAD,
    body_too_large,
    head_too_large,
)
from ai_engine.asgi.request_head import check_head, head_size, is_websocket
from ai_engine.asgi.unframed_answer import without_chunks
from ai_engine.settings import ServerSettings
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import HTTP_REFUSALS_TOTAL

__all__ = ["LimitedConfig", "LimitedProtocol"]

logger = get_logger(__name__)

CHECKS_PER_LIMIT: Final = 10
"""A connection is looked at this often within its shortest limit, so limits hold to within a tenth."""

MAX_PIPELINED: Final = 16
"""Requests of one connection that may wait for the answer to the one before."""

FRAMING_BYTES_PER_BYTE: Final = 8
"""A body in chunks of one byte takes five bytes of framing for each."""

LINGER_SECONDS: Final = 2.0
"""A client that still sends gets this long to read its refusal: closing with unread data would reset the
connection, and the client would lose it (RFC 9112, 9.6)."""

DISCARDED_HEAD_BYTES: Final = 1_000_000
"""Bytes of a refused head that are read and discarded; then the client waits for the connection to close."""

DISCARDED_BODY_BYTES: Final = 100_000_000
"""The same of a refused body: many clients read no answer before they have sent all of it."""


class LimitedConfig(uvicorn.Config):
    """Uvicorn's configuration and the limits.

    :param settings: the limits are among them.
    """

    def __init__(self, app: Any, settings: ServerSettings, **options: Any) -> None:
        super().__init__(
            app, http=LimitedProtocol, ws="none", timeout_keep_alive=settings.keep_alive_seconds, **options
        )
        self.settings = settings


class LimitedProtocol(HttpToolsProtocol):
    """One connection.

    Nothing is timed for each request: one timer for the connection looks at it now and then.
    """

    config: LimitedConfig

    def __init__(
        self,
        config: LimitedConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits = config.settings
        self._body_limit = max(limits.max_body_bytes, limits.max_document_bytes) + limits.max_body_bytes
        shortest = min(limits.header_seconds, limits.body_seconds, limits.send_seconds)
        self._check_seconds = shortest / CHECKS_PER_LIMIT
        self._timer: asyncio.TimerHandle | None = None
        self._active: RequestResponseCycle | None = None
        self.url = b""
        self.peer = ""
        # The head
        self._idle_since = 0.0
        """The time of the last answer or, within a head, of its first byte."""
        self._head_bytes = 0
        self._passed_boundary = False
        """A head or a body has ended within the data at hand."""
        # The body
        self._reads_body = False
        self._read_at = 0.0
        self._body_bytes = self._body_raw_bytes = 0
        # The answer
        self._unsent_bytes = 0
        self._sent_at = 0.0
        # The refusal
        self._refusal: ProtocolRefusal | None = None
        self._discarded_bytes = 0

    @property
    def waiting_since(self) -> float | None:
        """The time from which the connection waits for a whole head; None while it does not."""
        return None if self._reads_body or self._is_answering else self._idle_since

    @property
    def _is_answering(self) -> bool:
        return self._active is not None and not self._active.response_complete

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Begin, or make room for it first."""
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else ""
        self._idle_since = self._sent_at = self.loop.time()
        self._timer = self.loop.call_later(self._check_seconds, self._check)
        if len(self.connections) > self._limits.max_connections:
            self._make_room()

    def _make_room(self) -> None:
        others = [each for each in self.connections if isinstance(each, LimitedProtocol) and each is not self]
        dropped = connection_to_drop(others)
        if dropped is None:
            self._refuse(FULL)
            return
        HTTP_REFUSALS_TOTAL.labels("503").inc()
        self.connections.discard(dropped)
        dropped.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    # Data

    def data_received(self, data: bytes) -> None:
        """Parse within the limits."""
        if self._refusal is not None:
            self._discard(len(data))
            return
        self._unset_keepalive_if_required()
        if self._reads_body:
            self._body_raw_bytes += len(data)
        elif not self._head_bytes:
            self._idle_since = self.loop.time()
        self._head_bytes += len(data)
        self._passed_boundary = False
        try:
            self.parser.feed_data(data)
            self._check_sizes()
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # answered as HTTP/1.1, as RFC 9110, 7.8 has it
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause.refusal if isinstance(cause, RequestRefused) else MALFORMED)
        except RequestRefused as error:
            self._refuse(error.refusal)

    def _check_sizes(self) -> None:
        """Check what has been read of a message that has not ended."""
        if self._reads_body:
            self._head_bytes = 0
            self._check_body()
        elif self._passed_boundary:
            self._head_bytes = 0
        elif self._head_bytes > self._limits.max_header_bytes:
            raise RequestRefused(head_too_large(self._limits.max_header_bytes))

    def _check_body(self) -> None:
        if not self.cycle.response_complete:  # what comes after the answer gets no more time
            self._read_at = self.loop.time()
        if self._body_bytes > self._body_limit:
            raise RequestRefused(body_too_large(self._body_limit))
        framing = self._body_raw_bytes - FRAMING_BYTES_PER_BYTE * self._body_bytes
        if framing > self._limits.max_header_bytes:
            raise RequestRefused(FRAMING)

    # Callbacks of the parser; what they raise is the context of its HttpParserCallbackError

    def on_headers_complete(self) -> None:
        """Begin a request."""
        limits = self._limits
        self._passed_boundary = True
        if self._head_bytes > limits.max_header_bytes:
            size = head_size(self.url, self.headers)
            if size > limits.max_header_bytes:
                raise RequestRefused(head_too_large(limits.max_header_bytes))
        check_head(self.headers, self.parser.get_http_version(), max_headers=limits.max_headers)
        if self.parser.should_upgrade() and is_websocket(self.headers):
            raise RequestRefused(NO_WEBSOCKETS)
        if len(self.pipeline) >= MAX_PIPELINED:
            raise RequestRefused(PIPELINED)
        super().on_headers_complete()
        self.headers = []  # trailers do not get among the headers that the application sees
        self._reads_body = True
        self._body_bytes = self._body_raw_bytes = 0

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._active = cycle
        is_old = cycle.scope["http_version"] == "1.0"
        super()._start_asgi_task(cycle, without_chunks(app, cycle) if is_old else app)

    def on_body(self, body: bytes) -> None:
        """Count it."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._passed_boundary, self._reads_body = True, False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, or with the refusal that had to wait."""
        super().on_response_complete()
        self._idle_since = self.loop.time()
        if self._refusal is not None and not self._is_answering:
            self._send_refusal(self._refusal)

    # Refusals

    def _refuse(self, refusal: ProtocolRefusal) -> None:
        """Refuse the request that is being read, after the answers to those before it; read no more."""
        self._refusal = refusal
        HTTP_REFUSALS_TOTAL.labels(str(refusal.status.value)).inc()
        logger.info("http_refused", status=refusal.status.value, reason=refusal.sentence, peer=self.peer)
        if self._reads_body and self.cycle is self._active:
            if self.cycle.response_complete:
                self.transport.close()
            elif self.cycle.response_started:  # nothing can be said in the midst of an answer
                self.cycle.keep_alive = False
            else:
                self._send_refusal(refusal)
            return
        if self._reads_body:  # its turn has not come, and does not
            self.pipeline.popleft()
        if not self._is_answering:
            self._send_refusal(refusal)

    def _send_refusal(self, refusal: ProtocolRefusal) -> None:
        if self.transport.is_closing():
            return
        path = self.url.partition(b"?")[0].decode("ascii", "replace") or "/"
        self.transport.write(refusal.encode(path, self.server_state.default_headers))
        if self._active is not None:  # it may wait for the rest of a body
            self._active.disconnected = True
            self._active.message_event.set()
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _discard(self, size: int) -> None:
        self._discarded_bytes += size
        if self._discarded_bytes > (DISCARDED_BODY_BYTES if self._reads_body else DISCARDED_HEAD_BYTES):
            self.flow.pause_reading()

    # Time

    def _check(self) -> None:
        """Look whether the peer has let the connection wait for too long."""
        now = self.loop.time()
        self._timer = self.loop.call_later(self._check_seconds, self._check)
        if self._is_stalled(now):
            self.transport.abort()
        elif self._refusal is None and not self.transport.is_closing():
            self._check_head_time(now)
            self._check_body_time(now)

    def _is_stalled(self, now: float) -> bool:
        """Return whether the client takes nothing of what was written for it."""
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent != self._unsent_bytes:
            self._unsent_bytes, self._sent_at = unsent, now
        return now - self._sent_at > self._limits.send_seconds

    def _check_head_time(self, now: float) -> None:
        if self.waiting_since is None:
            return
        is_first = self._active is None
        limits = self._limits
        seconds = limits.header_seconds if self._head_bytes or is_first else limits.keep_alive_seconds
        if now - self._idle_since < seconds:
            return
        if self._head_bytes:
            self._refuse(SLOW_HEAD)
        else:
            self.transport.close()

    def _check_body_time(self, now: float) -> None:
        if not self._reads_body:
            return
        if self.flow.read_paused or self.cycle.waiting_for_100_continue:  # it is the application that waits
            self._read_at = now
        elif now - self._read_at >= self._limits.body_seconds:
            self._refuse(SLOW_BODY)
