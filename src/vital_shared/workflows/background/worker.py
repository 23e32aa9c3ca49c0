"""A program's own worker of background runs, where no engine serves its workflows."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Self

from vital_shared.errors import RunFailed, VitalError
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.background.dispatcher import Dispatcher, check_installed
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.run_metrics import unstreamed
from vital_shared.workflows.workflow import Workflow
from vital_shared.workflows.workflow_parts import stored_name

__all__ = ["BackgroundWorker"]


class BackgroundWorker:
    """Runs what waits in the background, in this event loop, while the block lasts.

    >>> async with BackgroundWorker(workflow):
    ...     run_id = await workflow.start_in_background(request)
    ...     output = await workflow.wait_for_run(run_id)

    An engine that serves the workflows is one, too; any number of them share the work. What is still under
    way at the end of the block begins anew at another worker, or at the next one.

    :param workflows: the workflows that it runs; the first one's services are used.
    """

    def __init__(self, *workflows: Workflow[Any, Any]) -> None:
        self._workflows = {stored_name(type(each)): each for each in workflows}
        self._handles: dict[str, RunHandle] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._is_stopping = False
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Begin to work.

        :raises ConfigurationError: when what it needs is not installed.
        """
        check_installed()
        for workflow in self._workflows.values():
            services = await workflow.open()
        await services.enter_lost()  # where the caller has opened them
        self._tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        dispatcher = Dispatcher(services, list(self._workflows), self._run, self._cancel)
        watching = self._tasks.create_task(dispatcher.watch())
        self._stack.callback(watching.cancel)
        self._stack.callback(self._stop)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def _run(self, record: RunRecord) -> None:
        """Run a queued run to its end or pause.

        :raises VitalError: when it could not begin.
        """
        assert self._tasks is not None  # noqa: S101 - the dispatcher works within the block
        if self._is_stopping:
            raise VitalError("This worker is stopping.")
        handle = await self._workflows[record.workflow].begin_queued(record)
        self._handles[record.id] = handle
        # A task of its own: what waits for it may be cancelled, and only `_stop` says why the run ends.
        running = self._tasks.create_task(_answered(handle))
        await asyncio.wait([running])
        del self._handles[record.id]
        if (error := running.result()) is not None:
            raise error

    def _cancel(self, run_id: str) -> None:
        if (handle := self._handles.get(run_id)) is not None:
            handle.cancel()

    def _stop(self) -> None:
        self._is_stopping = True
        for handle in self._handles.values():
            handle.cancel("shutting_down")


async def _answered(handle: RunHandle) -> Exception | None:
    """Run it to its end, which is stored; return the reason why it could not begin."""
    with unstreamed():
        try:
            await handle.answer()
        except RunFailed:
            return None
        except Exception as error:  # noqa: BLE001 - raised by the caller, outside of this task's group
            return error
    return None
