"""Store the values of costly nodes of a durable run when they finish, so that these need not run again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final, cast

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import StoreError
from vital_shared.failure_log import FailureLog
from vital_shared.graph import CheckpointError, FinishedNode, Node, NodeStatus, ObservedRun, Observer, Run
from vital_shared.logs import get_logger
from vital_shared.models.base import Frozen
from vital_shared.models.fence import Fence
from vital_shared.models.model_call import ModelCall
from vital_shared.models.tool import ToolResult
from vital_shared.store.worker_lease import OwnedRun
from vital_shared.workflows.run_handle import end_task
from vital_shared.workflows.services import Services

__all__ = ["COSTLY_SECONDS", "NodeWriter", "StoredNode"]

RETRY_SECONDS: Final = 1.0
"""The wait for a store that has not taken what nodes have made."""

logger = get_logger(__name__)
failures = FailureLog(logger)

COSTLY_SECONDS: Final = 0.02
"""A node that took as long is stored, whatever it did; a quicker one that did nothing costly runs again."""


_warned: Final = set[tuple[str, str]]()
"""The names and places of the nodes that were warned of: each is once."""


class StoredNode(Frozen):
    """A finished node, with its effects on the run besides its value."""

    node: FinishedNode
    calls: tuple[ModelCall, ...] = ()
    """Its calls of models."""
    tool_results: tuple[ToolResult, ...] = ()
    """The results of the tools that models have called for it."""


class NodeWriter(Observer):
    """The writer of a durable run's finished nodes, a moment after they finish.

    :param services: hold the store.
    :param context: the run's context, whose charges are written along.
    :param fence: this worker as the owner of the run.
    :param trusted: the names of the nodes whose values are known to come back from JSON as they are.
    """

    def __init__(
        self, services: Services, context: RunContext, fence: Fence, trusted: Collection[str]
    ) -> None:
        self.owned: OwnedRun | None = None
        """The run as this worker's, while it is at work."""
        self._services = services
        self._context = context
        self._fence = fence
        self._trusted = trusted
        self._waiting: list[Node] = []
        self._task: asyncio.Task[None] | None = None

    def node_finished(
        self,
        run: ObservedRun,
        node: Node,
        status: NodeStatus,
        seconds: float,
        error: BaseException | None,  # noqa: ARG002 - the interface
    ) -> None:
        """Let a costly node be stored; it is written down while the next nodes wait for something."""
        if not self._need_not_run_again(node, status) or not self._is_costly(node, seconds):
            return
        self._waiting.append(node)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write(cast("Run", run)))

    async def flush(self, run: Run) -> None:
        """Store what waits, with what the run has cost by now, before this worker lets go of it."""
        await self.stop()
        await self._write_once(run)

    async def stop(self) -> None:
        """Store nothing more; the run ends or pauses, and what it has made is stored with that."""
        if self._task is not None:
            await end_task(self._task)

    def _need_not_run_again(self, node: Node, status: NodeStatus) -> bool:
        return status == "success" or (node.declaration.optional and status not in ("cancelled", "paused"))

    def _is_costly(self, node: Node, seconds: float) -> bool:
        if seconds >= COSTLY_SECONDS or node.declaration.effects:
            return True
        return any(node.covers(charge.node) for charge in self._context.charges)

    async def _write(self, run: Run) -> None:
        while self._waiting:
            if not await self._write_once(run):
                await asyncio.sleep(RETRY_SECONDS)

    async def _write_once(self, run: Run) -> bool:
        """Store what waits, and return whether the store has taken it; what it did not take waits on."""
        nodes, self._waiting = self._waiting, []
        finished = {node.name: text for node in nodes if (text := self._as_json(run, node)) is not None}
        try:
            is_own = await self._services.runs.note_nodes(
                self._context.run_id, self._fence, finished, context=self._context
            )
        except StoreError as error:
            failures.warn("finished_nodes_not_stored", "store", error, nodes=list(finished))
            self._waiting = [*nodes, *self._waiting]
            return False
        if not is_own and self.owned is not None:
            self.owned.lose()
        return is_own

    def _as_json(self, run: Run, node: Node) -> str | None:
        try:
            finished = run.finished(node, is_trusted=node.name in self._trusted)
        except CheckpointError as error:
            self._warn(node, error)
            return None
        if finished is None:
            return None
        calls = tuple(call for call in self._context.calls if node.covers(call.node))
        results = tuple(self._context.tool_results_of(node.name))
        stored = StoredNode.model_construct(node=finished, calls=calls, tool_results=results)
        return stored.model_dump_json()

    def _warn(self, node: Node, error: CheckpointError) -> None:
        """Warn once of a node that runs again, should this worker die."""
        subject = node.name, node.place
        if subject not in _warned:
            _warned.add(subject)
            hint = "where its process dies it runs, and is paid, again: return what JSON can hold in full"
            logger.warning(
                "node_not_storable", node=node.name, place=node.place, reason=str(error), hint=hint
            )
