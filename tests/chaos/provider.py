"""A provider that speaks OpenAI's protocol, logs each call, and answers differently each time."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import orjson
from aiohttp import web
from tests.chaos.calls import Call, CallLog
from tests.local_server import local_server

__all__ = ["MODEL", "NANOS_PER_TOKEN", "Provider", "running_provider"]

MODEL: Final = "mock:m"
NANOS_PER_TOKEN: Final = 10_000
"""Ten dollars a million tokens, read and written."""

TABLES: Final = """
[providers.mock]
wire = "openai"
base_url = "{url}/v1"
key_env = ""
[models."mock:m"]
calls_tools = false
price = {{ input = "10", output = "10" }}
"""

PIECES: Final = 10

_QUESTION: Final = re.compile(r"chaos-(\d+)")


class Provider:
    """The model and its log.

    :param seconds: the time that an answer takes, from its first piece to its last.
    """

    def __init__(self, seconds: float) -> None:
        self.log = CallLog()
        self.seconds = seconds
        self.url = ""

    @property
    def configuration(self) -> str:
        """The provider's part of `vital.toml`."""
        return TABLES.format(url=self.url)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, piece by piece."""
        prompt = (await request.read()).decode()
        call = self.log.begin(int(_QUESTION.findall(prompt)[-1]), prompt)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        try:
            await response.prepare(request)
            await self._write(response, call)
        finally:
            call.ended_at = time.monotonic()
        return response

    async def _write(self, response: web.StreamResponse, call: Call) -> None:
        await response.write(_chunk(call, {"role": "assistant", "content": ""}))
        for piece in range(PIECES):
            text = f" word {piece}" if piece else f"Call {call.id} has answered chaos-{call.question}."
            await response.write(_chunk(call, {"content": text}))
            call.pieces += 1
            await asyncio.sleep(self.seconds / PIECES)
        end = _chunk(call, {}, "stop") + _event({**_head(call), "choices": [], "usage": call.usage})
        await response.write(end + b"data: [DONE]\n\n")
        await response.write_eof()
        call.is_answered = True


def _head(call: Call) -> dict[str, object]:
    return {"id": f"chatcmpl-{call.id}", "object": "chat.completion.chunk", "created": 0, "model": "m"}


def _chunk(call: Call, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    return _event({**_head(call), "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})


def _event(data: object) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


@asynccontextmanager
async def running_provider(seconds: float) -> AsyncIterator[Provider]:
    """Serve it on a free port of the loopback address."""
    provider = Provider(seconds)
    app = web.Application(client_max_size=10**8)
    app.router.add_post("/v1/chat/completions", provider.answer)
    async with local_server(app, handler_cancellation=True) as provider.url:
        yield provider
