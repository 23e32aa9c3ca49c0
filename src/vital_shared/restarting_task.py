"""Work that goes on for as long as its process: where it fails, it begins anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from vital_shared.failure_log import FailureLog
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import BACKGROUND_TASK_FAILURES_TOTAL

__all__ = ["MAX_PAUSE_SECONDS", "Sleep", "Work", "keep_running"]

Work: TypeAlias = Callable[[], Awaitable[None]]
"""The work, which is called anew after each failure."""

Sleep: TypeAlias = Callable[[float], Awaitable[None]]

MIN_PAUSE_SECONDS: Final = 1.0
"""The pause before work that has failed begins anew; it doubles with each failure in a row."""

MAX_PAUSE_SECONDS: Final = 60.0
"""The longest such pause, and the time without a failure after which the next one counts as the first."""

_failures = FailureLog(get_logger(__name__))


async def keep_running(
    name: str, work: Work, sleep: Sleep = asyncio.sleep, clock: Callable[[], float] = time.monotonic
) -> None:
    """Do work until it ends or this is cancelled; where it fails, that is counted, and it begins anew.

    :param name: one of `BACKGROUND_TASK`.
    :param sleep: waits for seconds.
    :param clock: seconds, monotonic.
    """
    pause, task = MIN_PAUSE_SECONDS, asyncio.current_task()
    while True:
        began = clock()
        try:
            await work()
        except asyncio.CancelledError as error:
            if task is None or task.cancelling():
                raise
            _note(name, error)  # nobody has cancelled the task itself
        except Exception as error:  # noqa: BLE001 - whatever it is must not end the others' work
            _note(name, error)
        else:
            return
        if clock() - began >= MAX_PAUSE_SECONDS:
            pause = MIN_PAUSE_SECONDS
        await sleep(pause)
        pause = min(2 * pause, MAX_PAUSE_SECONDS)


def _note(name: str, error: BaseException) -> None:
    BACKGROUND_TASK_FAILURES_TOTAL.labels(name).inc()
    _failures.warn("background_task_failed", name, error, task=name)
