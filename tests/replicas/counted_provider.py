"""A provider that keeps its own books: what it has read and written of each call that it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import orjson
from aiohttp import web
from tests.llm.wires.servers.base import event
from tests.local_server import local_server

__all__ = ["BROKEN", "PROMPT_TOKENS", "SLOW", "CountedCall", "CountedProvider", "counted_provider"]

BROKEN: Final = "broken"
"""The model that never answers."""

SLOW: Final = "slow"
"""The model whose answers are often late."""

PROMPT_TOKENS: Final = 10


@dataclass
class CountedCall:
    """One call, as the provider would bill it."""

    model: str
    is_streamed: bool
    output_tokens: int
    """The tokens of the whole answer."""
    written: int = 0
    """The tokens that were sent so far."""
    is_counted: bool = False
    """Whether the counts were sent, which come last."""


@dataclass
class CountedProvider:
    """The calls that came, in their order."""

    url: str = ""
    calls: list[CountedCall] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Holds all answers back until it is set."""
    _random: Random = field(default_factory=lambda: Random(20))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer with as many words as are asked for at most, or fewer."""
        body = orjson.loads(await request.read())
        if body["model"] == BROKEN:
            error = {"error": {"message": "It is broken.", "type": "invalid_request_error"}}
            return web.json_response(error, status=404)
        longest = body.get("max_completion_tokens") or body["max_tokens"]
        call = CountedCall(
            body["model"], bool(body.get("stream")), self._random.randint(longest // 2, longest)
        )
        self.calls.append(call)
        await self.gate.wait()
        late = call.model == SLOW and self._random.random() < 0.5
        await asyncio.sleep(1.0 if late else self._random.uniform(0, 0.1))
        return await (self._stream if call.is_streamed else self._whole)(request, call)

    async def _whole(self, request: web.Request, call: CountedCall) -> web.StreamResponse:
        message = {"role": "assistant", "content": "word " * call.output_tokens}
        body = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": call.model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": _usage(call),
        }
        response = web.json_response(body)
        await response.prepare(request)
        await response.write_eof()
        call.written, call.is_counted = call.output_tokens, True
        return response

    async def _stream(self, request: web.Request, call: CountedCall) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(call.output_tokens):
            call.written += 1
            await response.write(_chunk([{"index": 0, "delta": {"content": "word "}}]))
            await asyncio.sleep(0.002)
        await response.write(_chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        call.is_counted = True
        await response.write(_chunk([], usage=_usage(call)) + event(b"[DONE]"))
        await response.write_eof()
        return response


def _usage(call: CountedCall) -> dict[str, int]:
    total = PROMPT_TOKENS + call.output_tokens
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": call.output_tokens,
        "total_tokens": total,
    }


def _chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "counted"}
    return event(head | {"choices": choices} | more)


@asynccontextmanager
async def counted_provider() -> AsyncIterator[CountedProvider]:
    """Serve on a local socket."""
    provider = CountedProvider()
    app = web.Application(client_max_size=10**8)
    app.router.add_route("*", "/{path:.*}", provider.handle)
    async with local_server(app, handler_cancellation=True) as provider.url:
        yield provider
