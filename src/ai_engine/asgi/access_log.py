"""One line of log for each request, an id that joins it to the client's, and no request without an answer.

Whatever a route raises is answered here, once, as a problem. The headers that every answer has are
added here too, where the answer passes anyway.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable
from typing import Final

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ai_engine.asgi.answer_headers import with_safe_headers
from ai_engine.asgi.request_metrics import count_request
from ai_engine.problems import respond_to, unexpected
from ai_engine.protocols.dialect import is_anthropics_client
from ai_engine.runs.fair_slots import stopping
from vital_shared.errors import VitalError
from vital_shared.logs import get_logger

__all__ = ["REQUEST_ID_HEADER", "AccessLog"]

logger = get_logger(__name__)

REQUEST_ID_HEADER: Final = "X-Request-ID"
ID_HEADER: Final = REQUEST_ID_HEADER.lower().encode()

ANTHROPIC_ID_HEADER: Final = b"request-id"
"""The header in which clients of Anthropic's API expect the id."""

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

CLIENT_CLOSED: Final = 499
"""The status of a request whose client left before there was an answer; nginx's number, in the log only."""


class AccessLog:
    """ASGI middleware, the outermost.

    The line has the path, never the query string or the body: nothing of what users ask.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and log how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        given = asked.get(REQUEST_ID_HEADER, "")
        request_id = given if _ID.fullmatch(given) else secrets.token_hex(16)
        started, status = time.perf_counter(), 0

        def answer(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = with_safe_headers(message.get("headers", ()))
                message["headers"].append((ID_HEADER, request_id.encode()))
                if is_anthropics_client(scope["path"], asked):
                    message["headers"].append((ANTHROPIC_ID_HEADER, request_id.encode()))
            return send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                try:
                    await self._app(scope, receive, answer)
                except (VitalError, HTTPException, asyncio.CancelledError) as error:
                    if status:
                        raise
                    await _answer_to(error, scope)(scope, receive, answer)
                    error.__traceback__ = None  # a run's error is raised for each of its readers
            except ClientDisconnect:
                status = status or CLIENT_CLOSED
            except Exception:
                logger.exception("request_failed", method=scope["method"], path=scope["path"])
                if status:  # too late for another answer: the connection is closed
                    raise
                await unexpected(Request(scope))(scope, receive, answer)
            finally:
                count_request(scope, status or CLIENT_CLOSED)
                logger.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status or CLIENT_CLOSED,
                    milliseconds=round(1000 * (time.perf_counter() - started), 1),
                )


def _answer_to(error: VitalError | HTTPException | asyncio.CancelledError, scope: Scope) -> Response:
    """Make the answer to what a route has raised; a cancelled one is that of an engine that ends."""
    raised = stopping() if isinstance(error, asyncio.CancelledError) else error
    return respond_to(Request(scope), raised)
