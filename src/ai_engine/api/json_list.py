"""A stream of events as the items of one JSON list, as the Gemini API streams without ``alt=sse``."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ai_engine.api.streams import MEDIA_TYPE

__all__ = ["as_json_list"]

CONTENT_TYPE: Final = b"content-type"
REPLACED: Final = frozenset({CONTENT_TYPE, b"content-length"})
"""Headers of an answer in its own form, which a cached one has too."""

DATA: Final = b"data:"


def as_json_list(response: Response) -> Response:
    """Return an answer whose events are the items of a list; any other answer stays as it is."""
    return _JsonListResponse(response) if response.media_type == MEDIA_TYPE else response


class _JsonListResponse(Response):
    """A response that sends the data of another response in another form."""

    def __init__(self, events: Response) -> None:
        super().__init__()
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, item by item."""
        rewrite = _Rewriting()

        async def pass_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name not in REPLACED]
                headers = [*kept, (CONTENT_TYPE, b"application/json; charset=utf-8")]
                await send({**message, "headers": headers})
                return
            body = rewrite.feed(message.get("body", b""))
            if not message.get("more_body", False):
                body += rewrite.end()
            await send({**message, "body": body})

        await self._events(scope, receive, pass_on)


class _Rewriting:
    """The state of a list, whose events may arrive in pieces."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_begun = False

    def feed(self, events: bytes) -> bytes:
        """Return the items of the events that are whole; a comment between them is a blank line."""
        if events.startswith(b":") and not self._rest:
            return b"\n"
        *whole, self._rest = (self._rest + events).split(b"\n\n")
        return b"".join(self._item(event) for event in whole)

    def end(self) -> bytes:
        """Return the end of the list."""
        return b"]\n" if self._is_begun else b"[]\n"

    def _item(self, event: bytes) -> bytes:
        lines = [line[len(DATA) :].strip() for line in event.split(b"\n") if line.startswith(DATA)]
        if not lines:
            return b""
        opening = b",\r\n" if self._is_begun else b"["
        self._is_begun = True
        return opening + b"\n".join(lines)
