"""Answers to HTTP/1.0, which knows no chunks: one without a length ends with its connection.

Uvicorn sends chunks to all clients; an older one takes their sizes for parts of the answer (RFC 9112, 6.1).
"""

from __future__ import annotations

from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

__all__ = ["without_chunks"]


def without_chunks(app: ASGI3Application, cycle: RequestResponseCycle) -> ASGI3Application:
    """Return an application whose answers in one cycle of a connection are not in chunks."""

    async def answer(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        is_unframed = False

        async def send_unframed(event: ASGISendEvent) -> None:
            nonlocal is_unframed
            if event["type"] == "http.response.start":
                names = {name.lower() for name, _ in event.get("headers", ())}
                is_unframed = b"content-length" not in names
                if is_unframed:
                    cycle.chunked_encoding = cycle.keep_alive = False
            elif is_unframed and event["type"] == "http.response.body":
                cycle.expected_content_length = len(event.get("body", b""))
            await send(event)

        await app(scope, receive, send_unframed)

    return answer
