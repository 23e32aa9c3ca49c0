"""An answer to a body that is not wanted, which the client gets to read."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

__all__ = ["LingeringResponse"]

LINGER_SECONDS: Final = 2.0


class LingeringResponse(Response):
    """A whole answer at once; then what the client still sends is thrown away for a moment.

    Many clients read no answer before they have sent all, and closing a connection with unread data
    resets it, so that they would lose the answer (RFC 9112, 9.6). When the moment is over the
    connection is closed.
    """

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, linger, close."""
        self.headers["Connection"] = "close"
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                    pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})
