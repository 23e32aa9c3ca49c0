"""A worker that dies in the middle of an effect, and what has happened in the world by then."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from vital_shared import Workflow
from vital_shared.store.runs import RunRecord
from vital_shared.testing import question
from vital_shared.workflows.services import Services


class World:
    """The mails that have left, and the moment at which the worker dies."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all."""
        self.sent: list[str] = []
        self.looked = 0
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()


world = World()


async def cut_off(services: Services, workflow: type[Workflow]) -> str:
    """Let a worker leave a run in the middle of its effect, and return the run's id."""
    handle = await workflow(services).begin(question("bees"))
    running = asyncio.create_task(handle.run())
    await world.begun.wait()
    handle.hand_over()
    await asyncio.wait([running])
    await services.lease.aclose(gives_up=True)
    return handle.run_id


async def go_on(services: Services, workflow: type[Workflow]) -> Any:
    """Take the run over, run it until it ends or pauses, and return its handle."""
    (orphan,) = await services.runs.orphans.find()
    await services.lease.hold()
    taken = await services.runs.take_over(orphan, deadline_at=services.now() + timedelta(minutes=5))
    assert taken is not None
    handle = await workflow(services).begin_taken_over(taken)
    await handle.run()
    return handle


async def record(services: Services, run_id: str) -> RunRecord:
    return await services.runs.get(run_id, tenant_id=None)


async def over_a_takeover(pair: tuple[Services, Services], workflow: type[Workflow]) -> RunRecord:
    """Let one worker leave a run in its effect, and the other take it over as far as it goes."""
    dead, alive = pair
    run_id = await cut_off(dead, workflow)
    await go_on(alive, workflow)
    return await record(alive, run_id)
