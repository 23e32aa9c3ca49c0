"""Run one node as declared: in a thread, streaming, fanned out, with timeout, retries and fallback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from vital_shared.graph.errors import NodeError
from vital_shared.graph.fan_out import call_each
from vital_shared.graph.in_time import in_time
from vital_shared.graph.kept_parts import kept_parts
from vital_shared.graph.node import Done, Pause, Retry, Skip
from vital_shared.graph.plan import Node
from vital_shared.graph.rounds import call_rounds
from vital_shared.graph.state import RunState
from vital_shared.graph.step import Step
from vital_shared.graph.subworkflow import OUTCOMES
from vital_shared.graph.thread import in_thread

__all__ = ["call_node"]

CHUNKS_PER_TURN: Final = 32
"""Chunks of a streaming node, after each of which the event loop has a turn: a generator that waits for
nothing would keep it for itself, and could not be cancelled."""


class _Sink:
    """The receiver of a node's chunks; it records whether there were any, since a chunk cannot be taken back.

    :param item: the index of the item, if the node is fanned out.
    """

    __slots__ = ("item", "node", "run", "shown")

    def __init__(self, run: RunState, node: Node, item: int | None = None) -> None:
        self.run = run
        self.node = node
        self.item = item
        self.shown = False


async def call_node(run: RunState, node: Node, arguments: Sequence[Any]) -> Any:
    """Return the node's value, or its fallback's.

    :raises NodeTimeout: when it took longer than declared, and has no fallback.
    """
    if node.declaration.effects and run.effect_guard is not None:
        run.effect_guard.check(node, kept_parts(run, node, arguments))
        if node.kind != "loop":
            await run.effect_guard.begin(node)
    sink = _Sink(run, node)
    fallback, seconds = node.fallback, node.declaration.timeout
    if fallback is None:
        return await in_time(node.name, seconds, partial(_attempts, sink, node, arguments))
    try:
        return await in_time(node.name, seconds, partial(_attempts, sink, node, arguments))
    except (Pause, Skip):
        raise
    except Exception as error:
        if sink.shown:  # a second answer behind half of the first would be none
            raise
        run.note_failure(node, error)
        value = await in_time(node.name, seconds, partial(fallback, run.target, *arguments))
        run.degrade(node, node.reason_of(error), error)
        return value


def _attempts(sink: _Sink, node: Node, arguments: Sequence[Any]) -> Awaitable[Any]:
    if node.declaration.each is not None:
        return call_each(sink.run, node, arguments, partial(_item, sink.run, node))
    return _tried(sink, node, arguments)


def _item(run: RunState, node: Node, index: int, arguments: Sequence[Any]) -> Awaitable[Any]:
    return _tried(_Sink(run, node, index), node, arguments)


def _tried(sink: _Sink, node: Node, arguments: Sequence[Any]) -> Awaitable[Any]:
    retry = node.declaration.retry
    once = partial(_once, sink, node)
    return once(arguments) if retry is None else _retried(sink, retry, once, arguments)


async def _retried(
    sink: _Sink, retry: Retry, once: Callable[[Sequence[Any]], Awaitable[Any]], arguments: Sequence[Any]
) -> Any:
    for attempt in range(1, retry.attempts):
        try:
            return await once(arguments)
        except (Pause, Skip):
            raise
        except retry.on as error:
            if sink.shown:
                raise
            sink.run.note_failure(sink.node, error, sink.item)
        await asyncio.sleep(retry.wait_seconds(attempt, random.random()))  # noqa: S311 - jitter, no secret
    return await once(arguments)


def _once(sink: _Sink, node: Node, arguments: Sequence[Any]) -> Awaitable[Any]:
    target = sink.run.target
    if node.kind == "async":
        return node.function(target, *arguments)  # type: ignore[no-any-return]  # a coroutine function
    if node.kind == "loop":
        return call_rounds(sink.run, node, arguments)
    if node.kind == "stream":
        return _stream(sink, node, node.function(target, *arguments))
    return in_thread(node, partial(node.function, target, *arguments))


def _text(chunk: object, node: Node) -> str:
    """Return a piece of a node whose value is the text of all that it yields.

    :raises NodeError: when it is no text.
    """
    if isinstance(chunk, str):
        return chunk
    raise NodeError(
        f"node '{node.name}' ({node.place}) yields {type(chunk).__name__}, and its value is the text of all "
        "that it yields: yield str, or end with Done(value)",
        node=node.name,
    )


async def _stream(sink: _Sink, node: Node, generator: Any) -> Any:
    deliver, chunks = sink.run.deliver, 0
    texts: list[str] | None = [] if node.joins_text else None
    try:
        async for chunk in generator:
            kind = type(chunk)
            if kind is Done:
                return chunk.value
            if chunk is Done:
                broken = f"node '{node.name}' yields the class Done: write Done(value)"
                raise NodeError(broken, node=node.name)
            if kind is Step:
                sink.run.step(node, chunk, sink.item)
                continue
            if texts is not None:
                texts.append(_text(chunk, node))
            sink.shown = True
            if deliver is not None:
                await deliver(node, chunk, sink.item)
            chunks += 1
            if not chunks % CHUNKS_PER_TURN:
                await asyncio.sleep(0)
    finally:
        await generator.aclose()
    if texts is not None:
        if not texts and node.makes in OUTCOMES:
            raise NodeError(
                f"node '{node.name}' ({node.place}) has yielded nothing, and is to make a text: yield it, "
                'or Done("") where there is none',
                node=node.name,
            )
        return "".join(texts)
    raise NodeError(
        f"node '{node.name}' ended without Done(value): yield that last, or let it return "
        "AsyncGenerator[str, None] where its value is the text of all that it yields",
        node=node.name,
    )
