"""Run one node as it was declared: in a thread, streaming, fanned out, with timeout, retries and fallback."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from vital_shared.graph.errors import NodeError, NodeTimeout
from vital_shared.graph.fan_out import call_each
from vital_shared.graph.node import Done, Pause, Skip
from vital_shared.graph.plan import Node

if TYPE_CHECKING:
    from vital_shared.graph.run import Run

__all__ = ["call_node"]


async def call_node(run: Run, node: Node, arguments: Sequence[Any]) -> Any:
    """Return the node's value, or its fallback's.

    :raises NodeTimeout: when it took longer than declared, and has no fallback.
    """
    if node.fallback is None:
        return await _bounded(node, lambda: _attempts(run, node, arguments))
    shown = False

    async def deliver(of: Node, chunk: Any) -> None:
        nonlocal shown
        shown = True
        if run.deliver is not None:
            await run.deliver(of, chunk)

    try:
        return await _bounded(node, lambda: _attempts(run, node, arguments, deliver))
    except (Pause, Skip):
        raise
    except Exception as error:
        if shown:  # a second answer behind half of the first would be none
            raise
        timed_out = isinstance(error, NodeTimeout) and error.node == node.name
        run.degrade(node, node.reason_on_timeout if timed_out else node.reason, error)
        fallback, values = node.fallback, [arguments[position] for position in node.fallback_slots]
        return await _bounded(node, lambda: fallback(run.target, *values))


async def _bounded(node: Node, call: Callable[[], Awaitable[Any]]) -> Any:
    seconds = node.declaration.timeout
    if seconds is None:
        return await call()
    try:
        async with asyncio.timeout(seconds) as scope:
            return await call()
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise NodeTimeout(node=node.name, seconds=seconds) from error


async def _attempts(
    run: Run,
    node: Node,
    arguments: Sequence[Any],
    deliver: Callable[[Node, Any], Awaitable[None]] | None = None,
) -> Any:
    if node.declaration.each is not None:
        return await call_each(run, node, arguments, partial(_retried, run, node))
    return await _retried(run, node, arguments, deliver)


async def _retried(
    run: Run,
    node: Node,
    arguments: Sequence[Any],
    deliver: Callable[[Node, Any], Awaitable[None]] | None = None,
) -> Any:
    retry = node.declaration.retry
    if retry is None:
        return await _once(run, node, arguments, deliver or run.deliver)
    for attempt in range(1, retry.attempts):
        shown = False

        async def note(of: Node, chunk: Any) -> None:
            nonlocal shown
            shown = True
            sink = deliver or run.deliver
            if sink is not None:
                await sink(of, chunk)

        try:
            return await _once(run, node, arguments, note)
        except retry.on:
            if shown:  # what the reader has seen cannot be taken back
                raise
        await asyncio.sleep(retry.wait_seconds(attempt, random.random()))  # noqa: S311 - jitter, no secret
    return await _once(run, node, arguments, deliver or run.deliver)


async def _once(
    run: Run, node: Node, arguments: Sequence[Any], deliver: Callable[[Node, Any], Awaitable[None]] | None
) -> Any:
    if node.kind == "async":
        return await node.function(run.target, *arguments)
    if node.kind == "sync":
        return await _in_thread(partial(node.function, run.target, *arguments))
    return await _stream(run, node, arguments, deliver)


async def _stream(
    run: Run, node: Node, arguments: Sequence[Any], deliver: Callable[[Node, Any], Awaitable[None]] | None
) -> Any:
    generator = node.function(run.target, *arguments)
    try:
        async for chunk in generator:
            if type(chunk) is Done:
                return chunk.value
            if deliver is not None:
                await deliver(node, chunk)
    finally:
        await generator.aclose()
    raise NodeError(f"node '{node.name}' ended without Done(value)", node=node.name)


async def _in_thread(call: Callable[[], Any]) -> Any:
    """Run a function in a thread; cancelling waits for it, since a thread cannot be stopped."""
    context = contextvars.copy_context()
    future = asyncio.get_running_loop().run_in_executor(None, context.run, call)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return future.result()
    if not future.cancelled():
        future.exception()  # seen; the cancellation is what is told
    raise cancelled
