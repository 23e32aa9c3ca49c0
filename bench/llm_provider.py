"""The providers of `bench/llm.py`: local servers in a process of their own, which always say the same.

An answer comes in a burst, as many events in a packet as fit; or paced, one event in a packet, as providers
send it; or slow, as paced, with a gap as that of a model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import cycle, islice
from multiprocessing.connection import Connection

import orjson
from aiohttp import web

from child_server import child_server

WORDS = (" some", " words", " of", " the", " answer")
"""In turn: clients take the same piece again and again for a fault of the model."""
GAPS = {"paced": 0.001, "slow": 0.1}
"""Seconds between two events: of a paced answer longer than any client needs for one."""


def event(data: object, name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(data) + b"\n\n"


def repeated(events: list[bytes], times: int) -> Iterator[bytes]:
    return islice(cycle(events), times)


def openai_stream(chunks: int) -> list[bytes]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**head, "system_fingerprint": "fp_1", "choices": [choice], "usage": None})

    usage = {"prompt_tokens": 9, "completion_tokens": chunks, "total_tokens": 9 + chunks}
    return [
        chunk({"role": "assistant", "content": ""}),
        *repeated([chunk({"content": word}) for word in WORDS], chunks),
        chunk({}, "stop"),
        event({**head, "choices": [], "usage": usage}),
        b"data: [DONE]\n\n",
    ]


def openai_completion(chunks: int) -> object:
    text = "".join(islice(cycle(WORDS), chunks))
    usage = {"prompt_tokens": 9, "completion_tokens": chunks, "total_tokens": 9 + chunks}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def anthropic_stream(chunks: int) -> list[bytes]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    message |= {"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0}
    deltas = [delta | {"delta": {"type": "text_delta", "text": word}} for word in WORDS]
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}
    return [
        event({"type": "message_start", "message": message}, "message_start"),
        event(block, "content_block_start"),
        *repeated([event(delta, "content_block_delta") for delta in deltas], chunks),
        event({"type": "content_block_stop", "index": 0}, "content_block_stop"),
        event(end | {"usage": {"output_tokens": chunks}}, "message_delta"),
        event({"type": "message_stop"}, "message_stop"),
    ]


def gemini_stream(chunks: int) -> list[bytes]:
    def chunk(text: str, finish: str | None = None) -> bytes:
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        usage = {"promptTokenCount": 9, "candidatesTokenCount": chunks, "totalTokenCount": 9 + chunks}
        chunk = {"candidates": [candidate | ({"finishReason": finish} if finish else {})]}
        return event(chunk | {"usageMetadata": usage, "modelVersion": "m", "responseId": "r1"})

    return [*repeated([chunk(word) for word in WORDS], chunks - 1), chunk(" done.", "STOP")]


STREAMS: dict[str, Callable[[int], list[bytes]]] = {
    "openai": openai_stream,
    "anthropic": anthropic_stream,
    "gemini": gemini_stream,
}


def wire_of(path: str) -> str:
    known = (("anthropic", "/messages"), ("gemini", ":stream"))
    return next((wire for wire, part in known if part in path), "openai")


async def answer(request: web.Request) -> web.StreamResponse:
    """Send the answer that the base address asks for: ``/burst/10000/…``, ``/paced/300/…``."""
    _, pace, chunks, _ = request.path.split("/", 3)
    events = STREAMS[wire_of(request.path)](int(chunks))
    body = orjson.loads(await request.read() or b"{}")
    if wire_of(request.path) == "openai" and not body.get("stream"):
        return web.json_response(body=orjson.dumps(openai_completion(int(chunks))))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    if pace == "burst":
        await response.write(b"".join(events))
    else:
        for each in events:
            await response.write(each)
            await asyncio.sleep(GAPS[pace])
    await response.write_eof()
    return response


def serve(ready: Connection) -> None:
    async def main() -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


def running() -> AbstractContextManager[str]:
    """Run the servers, and give their address."""
    return child_server(serve)
