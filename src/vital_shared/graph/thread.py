"""Run a sync node in a thread; a thread cannot be stopped, so cancelling the node waits for it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from vital_shared.graph.errors import NodeError
from vital_shared.graph.plan import Node

__all__ = ["in_thread"]

MAX_NODE_THREADS: Final = 32

_threads: Final = ThreadPoolExecutor(MAX_NODE_THREADS, "vital-node")
"""Threads of nodes alone: nodes that block hold up other sync nodes, and nothing else of the process."""


async def in_thread(node: Node, call: Callable[[], Any]) -> Any:
    """Return what the function returns, run in a thread with this task's context variables.

    :raises NodeError: when it returns a coroutine, so that its work has not been done.
    """
    start = threading.Lock()  # held by the first to decide: the thread to run it, or the loop to give up
    context = contextvars.copy_context()
    future = asyncio.get_running_loop().run_in_executor(
        _threads, context.run, _unless_taken, node, start, call
    )
    cancelled: asyncio.CancelledError | None = None
    try:
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError as error:
                cancelled = error
                if start.acquire(blocking=False):  # it was still waiting for a thread, and never starts
                    future.cancel()
        if cancelled is None:
            return _checked(node, future.result())
        if not future.cancelled():
            future.exception()  # retrieved; the cancellation is what is raised
        raise cancelled
    finally:
        del future, cancelled  # an exception that its own frame holds is a reference cycle


def _unless_taken(node: Node, start: threading.Lock, call: Callable[[], Any]) -> Any:
    if not start.acquire(blocking=False):
        return None
    try:
        return call()
    except StopIteration as error:  # a future cannot hold it: the run would wait for ever
        raise NodeError(f"node '{node.name}' raised StopIteration", node=node.name) from error
    except SystemExit as error:  # no signal raises it in a thread: it would end the others' runs as well
        raise NodeError(f"node '{node.name}' raised SystemExit", node=node.name) from error


def _checked(node: Node, value: Any) -> Any:
    if isinstance(value, Coroutine):
        value.close()
        raise NodeError(
            f"node '{node.name}' ({node.place}) is sync and returned a coroutine: make it async",
            node=node.name,
        )
    return value
