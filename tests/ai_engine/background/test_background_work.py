"""A task beside the requests that fails begins anew, and takes nothing else along."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.ai_engine.conftest import Serve

from ai_engine.background.background_work import BackgroundWork
from vital_shared.monitoring.metrics import BACKGROUND_TASK_FAILURES_TOTAL
from vital_shared.restarting_task import MAX_PAUSE_SECONDS

OWN_CANCELLATION = asyncio.CancelledError()


class Pauses:
    """Pauses that end at once, on a clock of their own."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.at = 0.0

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)

    def now(self) -> float:
        return self.at


def failing(times: int, error: BaseException, done: asyncio.Event) -> Callable[[], Awaitable[None]]:
    left = [times]

    async def work() -> None:
        if left[0]:
            left[0] -= 1
            raise error
        done.set()
        await asyncio.Event().wait()

    return work


@pytest.mark.parametrize("error", [KeyError("gauge"), OSError("disk"), OWN_CANCELLATION])
async def test_one_that_fails_begins_anew_after_longer_and_longer_pauses(error: BaseException) -> None:
    before = BACKGROUND_TASK_FAILURES_TOTAL.labels("tick").value
    pauses, done, others = Pauses(), asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        work = BackgroundWork(tasks, pauses, pauses.now)
        work.observe(("tick", failing(9, error, done)))
        work.take_on(("takeover", failing(0, error, others)))
        await done.wait()
        assert others.is_set()
        work.stop()
    assert pauses.seconds == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert BACKGROUND_TASK_FAILURES_TOTAL.labels("tick").value - before == 9


async def test_a_failure_after_a_long_time_counts_as_the_first() -> None:
    pauses, done = Pauses(), asyncio.Event()
    rounds = [0]

    async def work() -> None:
        rounds[0] += 1
        if rounds[0] == 5:
            done.set()
            await asyncio.Event().wait()
        pauses.at += MAX_PAUSE_SECONDS if rounds[0] == 3 else 0
        raise ValueError("odd")

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        background = BackgroundWork(tasks, pauses, pauses.now)
        background.take_on(("retention", work))
        await done.wait()
        background.take_no_more()
    assert pauses.seconds == [1, 2, 1, 2]


async def test_an_engine_answers_whose_sweep_fails(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = asyncio.Event()

    async def fail(*_: object) -> None:
        failed.set()
        raise KeyError("a gauge that is gone")

    monkeypatch.setattr("ai_engine.background.run_sweep.RunSweep.sweep", fail)
    service = await serve(settings={"may_fail": "run_sweep"})
    async with asyncio.timeout(20):
        await failed.wait()
    answer = await service.ask()
    assert (answer.status_code, (await service.client.get("/readyz")).status_code) == (200, 200)
