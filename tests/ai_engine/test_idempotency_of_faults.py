"""A run that ended by a fault of the engine's own is no answer: its key begins another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.ai_engine.harness import Serve, Service, SteppedModel, asked
from tests.ai_engine.test_idempotency import HEADER, keyed, runs_of
from tests.store_database import store_lock

from vital_shared.errors import StoreError, VitalError
from vital_shared.graph import node
from vital_shared.workflows.base_workflow import BaseWorkflow

HEADERS = {HEADER: "k-1"}


class FailsOnce(BaseWorkflow):
    """A workflow whose first run has a fault."""

    faults: list[Callable[[], None]]

    @node
    async def look_it_up(self, query: str) -> str:
        """Fail, the first time."""
        if self.faults:
            self.faults.pop()()
        return query


async def failing_once(serve: Serve, error: Exception, **parts: Any) -> Service:
    def fault() -> None:
        raise error

    return await with_fault(serve, fault, **parts)


async def with_fault(serve: Serve, fault: Callable[[], None], **parts: Any) -> Service:
    workflow = type("FailsWithThis", (FailsOnce,), {"faults": [fault]})
    return await serve(settings={"workflow": workflow}, **parts)


@pytest.mark.parametrize("remembered", [True, False])
async def test_a_run_that_the_store_failed_begins_anew(serve: Serve, *, remembered: bool) -> None:
    service = await failing_once(serve, StoreError("The database is down."))
    failed = await keyed(service)
    assert (failed.status_code, failed.headers["retry-after"]) == (503, "1")
    if not remembered:
        service.engine.hub._runs.clear()
    again = await keyed(service)
    assert again.status_code == 200
    assert (await keyed(service)).content == again.content
    assert await runs_of(service) == 2


async def test_a_stream_that_the_store_failed_begins_anew(serve: Serve) -> None:
    service = await failing_once(serve, StoreError("The database is down."))
    first = await service.events(json=asked(), headers=HEADERS)
    assert (first[-1]["type"], first[-1]["error_type"]) == ("run_failed", "store")
    again = await service.events(json=asked(), headers=HEADERS)
    assert (again[0]["seq"], again[-1]["type"]) == (1, "run_finished")


async def test_of_many_that_repeat_a_failed_run_at_once_one_begins_another(serve: Serve) -> None:
    service = await failing_once(serve, StoreError("The database is down."))
    assert (await keyed(service)).status_code == 503
    answers = await asyncio.gather(*(keyed(service) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert await runs_of(service) == 2


async def test_a_run_that_its_question_failed_keeps_its_error(serve: Serve) -> None:
    service = await failing_once(serve, VitalError("This cannot be answered."))
    first, again = await keyed(service), await keyed(service)
    assert first.status_code == again.status_code == 500
    assert again.json() == first.json()
    assert await runs_of(service) == 1


async def test_a_run_whose_failure_is_not_stored_yet_is_repeated_once_the_store_is_back(
    serve: Serve, tmp_path: Path
) -> None:
    other_program = ExitStack()

    def lock_the_store() -> None:
        other_program.enter_context(store_lock(tmp_path))
        raise StoreError("The database is down.")

    service = await with_fault(serve, lock_the_store, store_seconds=0.5)
    assert [(await keyed(service)).status_code for _ in range(3)] == [503] * 3
    other_program.close()
    while (again := await keyed(service)).status_code != 200:
        assert again.status_code == 503, again.text
    assert await runs_of(service) == 2


async def test_a_run_that_the_engine_ended_at_its_stop_begins_anew(serve: Serve, model: SteppedModel) -> None:
    before = await serve([model], settings={"shutdown_seconds": 0})
    waiting = asyncio.create_task(keyed(before, model="stepped"))
    await model.asked.wait()
    await before.stop()
    assert (await waiting).status_code == 503
    after = await serve([model])
    model.finish()
    assert (await keyed(after, model="stepped")).status_code == 200
    assert await runs_of(after) == 2


async def test_a_run_that_is_overdue_and_not_swept_yet_begins_anew(service: Service) -> None:
    await keyed(service)
    service.engine.hub._runs.clear()
    async with service.services.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE runs SET status = 'running', deadline_at = created_at")
    async with asyncio.timeout(20):
        assert (await keyed(service)).status_code == 200
    assert await runs_of(service) == 2
