"""A batch: its lines are queued as background runs, and their ends are written down."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from vital_cli.batch.lines import BatchLine
from vital_cli.batch.results import ResultsFile
from vital_shared.errors import InvalidRequest, QueueFull
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.background.stored_run import cancel_run
from vital_shared.workflows.background.worker import BackgroundWorker
from vital_shared.workflows.services import Services
from vital_shared.workflows.workflow import Workflow

__all__ = ["Batch"]

WINDOW: Final = 200
"""Lines of a batch that are queued or under way at once; the others wait in the file."""

LOOK_SECONDS: Final = 0.2

GOING_ON: Final = ("queued", "running")
WITH_OUTPUT: Final = ("completed", "awaiting_approval")


class Batch:
    """The lines of a file, each answered once over all starts of the batch.

    :param results: their results, those of earlier starts included.
    """

    def __init__(
        self, workflow: Workflow[Any, Any], lines: tuple[BatchLine, ...], results: ResultsFile
    ) -> None:
        self.lines = lines
        self._workflow = workflow
        self._results = results
        self._waiting = deque(line for line in lines if not results.has_answer(line))
        self._open: dict[str, BatchLine] = {}
        """The lines that are queued or under way, by their runs."""
        self._inherited: set[str] = set()
        """The runs that an earlier start has begun."""

    @property
    def done(self) -> int:
        """The lines that have ended."""
        return len(self.lines) - len(self._waiting) - len(self._open)

    async def run(self, on_progress: Callable[[], None] = lambda: None) -> None:
        """Answer what has no answer yet."""
        async with BackgroundWorker(self._workflow):
            services = await self._workflow.open()
            while self._waiting or self._open:
                await self._queue_more(services)
                await self._collect(services)
                on_progress()
                await asyncio.sleep(LOOK_SECONDS)

    async def cancel(self) -> int:
        """Cancel the runs of this batch that wait or are under way, and return how many."""
        services = await self._workflow.open()
        cancelled = 0
        for line in self.lines:
            if line.request is not None and not self._results.has_answer(line):
                run_id, status = await self._newest(services, line)
                cancelled += status in (*GOING_ON, "awaiting_approval") and await cancel_run(
                    services, run_id, line.request.tenant_id
                )
        return cancelled

    async def _queue_more(self, services: Services) -> None:
        while self._waiting and len(self._open) < WINDOW:
            line = self._waiting[0]
            try:
                await self._queue(services, line)
            except QueueFull:
                if not self._open:
                    raise
                return
            self._waiting.popleft()

    async def _queue(self, services: Services, line: BatchLine) -> None:
        """Queue a line, unless an earlier start of the batch has; a line that is no request has ended."""
        if line.request is None:
            self._results.add(line, _failure("invalid", line.error))
            return
        run_id, status = await self._newest(services, line)
        if status is None:
            try:
                record = await self._workflow.queued_record(line.request, run_id)
            except InvalidRequest as error:
                self._results.add(line, _failure("invalid", error.message))
                return
            await services.background.put([record])
        else:
            self._inherited.add(run_id)
        self._open[run_id] = line

    async def _newest(self, services: Services, line: BatchLine) -> tuple[str, str | None]:
        """Return the run of a line's newest attempt, and its status; None: it is to be begun.

        An attempt that ended without an answer is followed by another one.
        """
        attempt = 1
        while True:
            run_id = line.run_id(self._results.batch_id, attempt)
            status = (await services.background.statuses([run_id])).get(run_id)
            if status is None or status in (*GOING_ON, *WITH_OUTPUT):
                return run_id, status
            attempt += 1

    async def _collect(self, services: Services) -> None:
        """Write down what has ended."""
        for run_id in await services.background.ended(tuple(self._open)):
            line = self._open.pop(run_id)
            record = await services.runs.get(run_id, tenant_id=None, now=services.now())
            if run_id in self._inherited and record.status not in WITH_OUTPUT:
                self._waiting.append(line)  # this start has not asked it yet
            else:
                self._results.add(line, _result(record))


def _result(record: RunRecord) -> dict[str, Any]:
    if record.status in WITH_OUTPUT and record.output is not None:
        output = record.output.model_dump(mode="json")
        return {"run_id": record.id, "status": record.status, "output": output}
    message = record.error_message or f"The run is {record.status}."
    error = {"type": record.error_type or record.status, "message": message}
    return {"run_id": record.id, "status": record.status, "error": error}


def _failure(error_type: str, message: str) -> dict[str, Any]:
    return {"run_id": None, "status": "failed", "error": {"type": error_type, "message": message}}
