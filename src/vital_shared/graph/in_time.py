"""Await a node, or an item, within its timeout, which is only armed if there is something to wait for.

Arming and disarming a timeout costs more than most nodes that never wait. So the call is started first, in
the same task, and continues under the timeout only if it has not ended by then.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from vital_shared.graph.errors import NodeTimeout

__all__ = ["in_time"]


async def in_time(node: str, seconds: float | None, call: Callable[[], Awaitable[Any]]) -> Any:
    """Return the result of a call.

    :param seconds: its time, from now on; None: any.
    :raises NodeTimeout: when it takes longer.
    """
    if seconds is None:
        return await call()
    ends_at = asyncio.get_running_loop().time() + seconds
    steps = call().__await__()
    try:
        waits_for = next(steps)
    except StopIteration as done:
        return done.value
    scope = asyncio.timeout_at(ends_at)
    try:
        async with scope:
            return await _rest(steps, waits_for)
    except Exception as error:
        if not scope.expired():
            raise
        raise NodeTimeout(node=node, seconds=seconds) from error


@types.coroutine
def _rest(steps: Generator[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """Go on with a call that waits for something: as ``yield from`` does it, from the second step on."""
    while True:
        try:
            try:
                answer = yield waits_for
            except BaseException as error:  # noqa: BLE001 - a cancellation, above all: the call's to handle
                waits_for = steps.throw(error)
            else:
                waits_for = steps.send(answer)
        except StopIteration as done:
            return done.value
