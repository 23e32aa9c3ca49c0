"""Background runs of a service: queued by its clients, run by its hub beside the others."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from ai_engine.runs.hub import RunHub
from ai_engine.served_workflows import ServedWorkflows
from vital_shared.errors import RunFailed
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.store.idempotency import IdempotencyKey
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.background.dispatcher import Dispatcher, is_installed
from vital_shared.workflows.services import Services
from vital_shared.workflows.workflow import Workflow

__all__ = ["BackgroundRuns"]

MAX_CANCEL_LOOKS: Final = 50
CANCEL_LOOK_SECONDS: Final = 0.2
"""The wait for another process to cancel a run: ten seconds in all; it looks each second."""


class BackgroundRuns:
    """The background runs of a service.

    :param hub: runs them, like all others, so that clients can follow, approve and cancel them.
    """

    def __init__(self, services: Services, workflows: ServedWorkflows, hub: RunHub) -> None:
        self.store = services.background
        self._services = services
        self._workflows = workflows
        self._hub = hub
        names = [served.stored_name for served in workflows]
        self._dispatcher = Dispatcher(services, names, self._run, hub.cancel, takes_over=True)

    @property
    def is_available(self) -> bool:
        """Whether what background runs need is installed; where it is not, that preference is ignored."""
        return is_installed()

    async def watch(self) -> None:
        """Hand runs to the queue, and work on them, until cancelled."""
        await self._dispatcher.watch()

    async def begin(
        self,
        workflow: Workflow[Any, Any],
        request: WorkflowInput,
        *,
        key: IdempotencyKey | None = None,
        webhook: str | None = None,
    ) -> str:
        """Queue a run, and return its id.

        :param webhook: the URL to call at its end.
        :raises InvalidRequest: when the request asks for what is not there.
        :raises KeyTaken: when the key has begun a run before.
        :raises QueueFull: when too many runs of the tenant wait.
        """
        record = (await workflow.queued_record(request)).model_copy(update={"is_durable": True})
        await self.store.put([record], key, webhook)
        return record.id

    async def cancel_at_peer(self, run_id: str) -> bool:
        """Let the process that runs a background run cancel it, and return whether it did."""
        if not await self.store.request_cancel(run_id):
            return False
        for _ in range(MAX_CANCEL_LOOKS):
            status = (await self.store.statuses([run_id])).get(run_id)
            if status not in ("queued", "running"):
                return status == "cancelled"  # otherwise it was faster, or waits for a person
            await asyncio.sleep(CANCEL_LOOK_SECONDS)
        return False

    async def _run(self, record: RunRecord) -> None:
        """Run a queued run to its end or pause; nobody has to read it.

        :raises VitalError: when it could not begin.
        """
        workflow = self._workflows.of(record).workflow
        run = await self._hub.start(lambda: workflow.begin_queued(record), tenant_id=record.tenant_id)
        run.is_awaited = True
        run.log.give_up_place()
        await run.ended.wait()
        if run.error is not None and not isinstance(run.error, RunFailed):
            raise run.error
