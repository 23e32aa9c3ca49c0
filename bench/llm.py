"""Measure what a streamed answer costs in this process: our wires, bare aiohttp, and the official clients.

    python bench/llm.py [--quick] [--json FILE]

The providers are local servers in a process of their own, which send the same answers over and over, each
chunk an event, as many as fit in a packet at once. What is counted is this process's CPU time (user and
system) per chunk and per call. The floor is bare aiohttp and orjson on the same stream: it reads, splits
lines, parses each event and takes the text out of it. All rows run in turn, several times over, and the
median counts. Ends with 1 where one of our wires takes more than 1.5 times the floor.

There are two rows of bare aiohttp: by lines (``async for line in response.content``), as one writes it by
hand and as the target is meant, and by packets, split at once, which is the least that can be done.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import orjson
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from vital_shared.llm.base import TextDelta
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.base import Chat, UserTurn, Wire
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.llm.wires.provider import Provider

TARGET = 1.5
FLOOR = "bare aiohttp, by lines"
WORD = " word"
CHAT = Chat(turns=(UserTurn(text="Say something."),), max_output_tokens=4_000)
WIRES: dict[str, tuple[Wire, str]] = {
    "openai": (OpenAIWire(), "/v1"),
    "anthropic": (AnthropicWire(), ""),
    "gemini": (GeminiWire(), ""),
}
Ask = Callable[[int], Awaitable[int]]
"""Asks for so many chunks, and returns how many came."""


def event(data: object, name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(data) + b"\n\n"


def openai_stream(chunks: int) -> bytes:
    def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return event({**head, "system_fingerprint": "fp_1", "choices": [choice], "usage": None})

    usage = {"prompt_tokens": 9, "completion_tokens": chunks, "total_tokens": 9 + chunks}
    last = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    body = chunk({"role": "assistant", "content": ""}) + chunk({"content": WORD}) * chunks
    return body + chunk({}, "stop") + event(last | {"usage": usage}) + b"data: [DONE]\n\n"


def anthropic_stream(chunks: int) -> bytes:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    message |= {"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": WORD}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}
    return b"".join(
        [
            event({"type": "message_start", "message": message}, "message_start"),
            event(block, "content_block_start"),
            event(delta, "content_block_delta") * chunks,
            event({"type": "content_block_stop", "index": 0}, "content_block_stop"),
            event(end | {"usage": {"output_tokens": chunks}}, "message_delta"),
            event({"type": "message_stop"}, "message_stop"),
        ]
    )


def gemini_stream(chunks: int) -> bytes:
    def chunk(text: str, finish: str | None = None) -> bytes:
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        usage = {"promptTokenCount": 9, "candidatesTokenCount": chunks, "totalTokenCount": 9 + chunks}
        told = {"candidates": [candidate | ({"finishReason": finish} if finish else {})]}
        return event(told | {"usageMetadata": usage, "modelVersion": "m", "responseId": "r1"})

    return chunk(WORD) * (chunks - 1) + chunk(WORD, "STOP")


STREAMS = {"openai": openai_stream, "anthropic": anthropic_stream, "gemini": gemini_stream}


def serve(ready: multiprocessing.connection.Connection, sizes: tuple[int, ...]) -> None:
    """Serve all three protocols; the number of chunks stands in the prompt's place, the last path's end."""
    from aiohttp import web

    bodies = {(kind, size): make(size) for kind, make in STREAMS.items() for size in sizes}

    async def answer(request: web.Request) -> web.StreamResponse:
        kind = next(
            (k for k, part in (("anthropic", "/messages"), ("gemini", ":stream")) if part in request.path),
            "openai",
        )
        size = int(request.headers["x-chunks"])
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await request.read()
        await response.prepare(request)
        await response.write(bodies[kind, size])
        await response.write_eof()
        return response

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


def bare(session: aiohttp.ClientSession, url: str, name: str, *, by_lines: bool) -> Ask:
    (wire, prefix), take = WIRES[name], TAKES[name]
    path, body = wire.request("m", CHAT)
    payload, headers = orjson.dumps(body), {"Content-Type": "application/json", **wire.headers("k")}

    async def lines(chunks: int) -> int:
        count = 0
        sized = {**headers, "x-chunks": str(chunks)}
        async with session.post(url + prefix + path, data=payload, headers=sized) as response:
            async for line in response.content:
                if line.startswith(b"data: {") and take(orjson.loads(line[6:])):
                    count += 1
        return count

    async def packets(chunks: int) -> int:
        count, rest = 0, b""
        sized = {**headers, "x-chunks": str(chunks)}
        async with session.post(url + prefix + path, data=payload, headers=sized) as response:
            async for packet in response.content.iter_any():
                *whole, rest = (rest + packet).split(b"\n")
                for line in whole:
                    if line.startswith(b"data: {") and take(orjson.loads(line[6:])):
                        count += 1
        return count

    return lines if by_lines else packets


def _openai_text(data: dict) -> object:
    return data["choices"] and data["choices"][0]["delta"].get("content")


def _anthropic_text(data: dict) -> object:
    return data["type"] == "content_block_delta" and data["delta"].get("text")


def _gemini_text(data: dict) -> object:
    return data["candidates"][0]["content"]["parts"][0].get("text")


TAKES = {"openai": _openai_text, "anthropic": _anthropic_text, "gemini": _gemini_text}


def ours(url: str, name: str, stack: AsyncExitStack) -> Ask:
    wire, prefix = WIRES[name]
    providers: dict[int, Provider] = {}

    async def ask(chunks: int) -> int:
        if chunks not in providers:
            headers = {"x-chunks": str(chunks)}
            made = Provider(name, wire, base_url=url + prefix, key=SecretStr("k"), headers=headers)
            providers[chunks] = made
            stack.push_async_callback(made.aclose)
        count = 0
        async for each in providers[chunks].stream("m", CHAT):
            if isinstance(each, TextDelta):
                count += 1
        return count

    return ask


def official(url: str, name: str) -> Ask:
    """Make a row of the provider's own client."""
    messages = [{"role": "user", "content": "Say something."}]
    if name == "openai":
        from openai import AsyncOpenAI

        client = AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)

        async def ask(chunks: int) -> int:
            stream = await client.chat.completions.create(
                model="m", messages=messages, stream=True, extra_headers={"x-chunks": str(chunks)}
            )
            return sum([bool(c.choices and c.choices[0].delta.content) async for c in stream])

    elif name == "anthropic":
        from anthropic import AsyncAnthropic

        client = AsyncAnthropic(base_url=url, api_key="k", max_retries=0)

        async def ask(chunks: int) -> int:
            stream = await client.messages.create(
                model="m",
                max_tokens=4_000,
                messages=messages,
                stream=True,
                extra_headers={"x-chunks": str(chunks)},
            )
            return sum([each.type == "content_block_delta" async for each in stream])

    else:
        from google import genai
        from google.genai import types

        async def ask(chunks: int) -> int:
            options = types.HttpOptions(base_url=url, headers={"x-chunks": str(chunks)})
            client = clients.setdefault(chunks, genai.Client(api_key="k", http_options=options))
            stream = await client.aio.models.generate_content_stream(model="m", contents="Say something.")
            return sum([bool(each.text) async for each in stream])

        clients: dict[int, genai.Client] = {}
    return ask


async def cpu(ask: Ask, chunks: int, calls: int) -> float:
    """Return the CPU seconds of one call."""
    began = time.process_time()
    for _ in range(calls):
        count = await ask(chunks)
        if count != chunks:
            raise SystemExit(f"{count} chunks came instead of {chunks}")
    return (time.process_time() - began) / calls


async def measure(url: str, chunks: int, rounds: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Return microseconds per chunk and per call, by wire and row."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        rows: dict[tuple[str, str], Ask] = {}
        for name in WIRES:
            rows[name, FLOOR] = bare(session, url, name, by_lines=True)
            rows[name, "bare aiohttp, by packets"] = bare(session, url, name, by_lines=False)
            rows[name, "VITAL"] = ours(url, name, stack)
            rows[name, "official client"] = official(url, name)
        samples: dict[tuple[str, str], list[tuple[float, float]]] = {key: [] for key in rows}
        for ask in rows.values():  # loads what is loaded late
            await ask(1)
            await ask(chunks)
        for _ in range(rounds):
            for key, ask in rows.items():
                one = await cpu(ask, 1, 20)
                many = await cpu(ask, chunks, 2)
                samples[key].append(((many - one) / (chunks - 1), one))
    told: dict[str, dict[str, tuple[float, float]]] = {}
    for (name, row), each in samples.items():
        medians = tuple(1e6 * statistics.median(values) for values in zip(*each, strict=True))
        told.setdefault(name, {})[row] = (medians[0], medians[1])
    return told


def show(console: Console, told: dict[str, dict[str, tuple[float, float]]]) -> bool:
    table = Table("wire", "row", "µs per chunk", "to the floor", "µs per call", "to the floor")
    passed = True
    for name, rows in told.items():
        floor = rows[FLOOR]
        for row, (chunk, call) in rows.items():
            good = row != "VITAL" or chunk <= TARGET * floor[0]
            passed = passed and good
            ratio = f"{chunk / floor[0]:.2f}" + ("" if good else " MISSED")
            table.add_row(name, row, f"{chunk:.1f}", ratio, f"{call:.0f}", f"{call / floor[1]:.2f}")
    console.print(table)
    console.print(
        f"Target: VITAL's CPU per chunk at most {TARGET} times the floor's: {'met' if passed else 'missed'}."
    )
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    chunks, rounds = (2_000, 3) if arguments.quick else (10_000, 9)
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, (1, chunks)), daemon=True
    )
    server.start()
    try:
        told = asyncio.run(measure(f"http://127.0.0.1:{here.recv()}", chunks, rounds))
    finally:
        server.terminate()
        server.join()
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0 if show(Console(width=None if sys.stdout.isatty() else 120), told) else 1


if __name__ == "__main__":
    sys.exit(main())
