"""Store the values of costly nodes of a durable run when they finish, so that these need not run again.

The finished items of a fan-out, and the finished rounds of a loop, are stored too while the node is at work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final, cast

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import StoreError
from vital_shared.failure_log import FailureLog
from vital_shared.graph import (
    CheckpointError,
    Node,
    NodeStatus,
    ObservedRun,
    Observer,
    Outcome,
    Run,
    owner_of,
)
from vital_shared.logs import get_logger
from vital_shared.models.fence import Fence
from vital_shared.store.worker_lease import OwnedRun
from vital_shared.workflows.part_records import FinishedPart, PartRecords
from vital_shared.workflows.run_handle import end_task
from vital_shared.workflows.services import Services
from vital_shared.workflows.stored_node import StoredNode

__all__ = ["COSTLY_SECONDS", "PART_SECONDS", "NodeWriter"]

RETRY_SECONDS: Final = 1.0
"""The wait for a store that has not taken what nodes have made."""

logger = get_logger(__name__)
failures = FailureLog(logger)

COSTLY_SECONDS: Final = 0.02
"""A node that took as long is stored, whatever it did; a quicker one that did nothing costly runs again."""

PART_SECONDS: Final = 0.05
"""The time for which a finished item or round waits for others, or for its node, to be stored with them."""


_warned: Final = set[tuple[str, str]]()
"""The names and places of the nodes that were warned of: each is once."""


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
        self._parts: list[FinishedPart] = []
        self._records = PartRecords(context, trusted)
        self._is_due = False
        """Whether something waits that is to be stored at once."""
        self._timer: asyncio.TimerHandle | None = None
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
        self._parts = [part for part in self._parts if part.node is not node]
        self._waiting.append(node)
        self._begin_writing(cast("Run", run))

    def item_finished(
        self, run: ObservedRun, node: Node, index: int, item: Any, outcome: Outcome[Any]
    ) -> None:
        """Let a costly item be stored, soon: its node may be about to finish, and holds it then."""
        if outcome.status == "success" or not _is_being_cancelled():
            self._part_finished(run, FinishedPart(node, index, item, (outcome,)), outcome.seconds)

    def round_finished(
        self, run: ObservedRun, node: Node, number: int, carried: Any, value: Any, seconds: float
    ) -> None:
        """Let a costly round be stored, soon."""
        self._part_finished(run, FinishedPart(node, number, carried, value), seconds)

    def _part_finished(self, run: ObservedRun, part: FinishedPart, seconds: float) -> None:
        if not self._is_costly(part.node, seconds):
            return
        self._parts.append(part)
        if part.node.declaration.effects:
            self._begin_writing(cast("Run", run))
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(PART_SECONDS, self._begin_writing, cast("Run", run))

    def _begin_writing(self, run: Run) -> None:
        self._stop_timer()
        self._is_due = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write(run))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def flush(self, run: Run) -> None:
        """Store what waits, with what the run has cost by now, before this worker lets go of it."""
        await self.stop()
        await self._write_once(run)

    async def stop(self) -> None:
        """Store nothing more; the run ends or pauses, and what it has made is stored with that."""
        self._stop_timer()
        if self._task is not None:
            await end_task(self._task)

    def _need_not_run_again(self, node: Node, status: NodeStatus) -> bool:
        if status == "success":
            return True
        is_end = node.declaration.optional and status not in ("cancelled", "paused")
        return is_end and not _is_being_cancelled()

    def _is_costly(self, node: Node, seconds: float) -> bool:
        if seconds >= COSTLY_SECONDS or node.declaration.effects:
            return True
        return any(node.covers(charge.node) for charge in self._context.charges)

    async def _write(self, run: Run) -> None:
        while self._is_due:
            self._is_due = False
            if not await self._write_once(run):
                await asyncio.sleep(RETRY_SECONDS)
                self._is_due = True

    async def _write_once(self, run: Run) -> bool:
        """Store what waits, and return whether the store has taken it; what it did not take waits on."""
        nodes, self._waiting = self._waiting, []
        parts, self._parts = self._parts, []
        finished = {node.name: text for node in nodes if (text := self._as_json(run, node)) is not None}
        owners = self._records.owners | {owner_of(part) for part in run.earlier_parts}
        over = [name for name in finished if name in owners]
        finished |= self._records.as_json(run, parts)
        try:
            is_own = await self._services.runs.note_nodes(
                self._context.run_id, self._fence, finished, context=self._context, without_parts=over
            )
        except StoreError as error:
            failures.warn("finished_nodes_not_stored", "store", error, nodes=list(finished))
            self._waiting = [*nodes, *self._waiting]
            self._parts = [*(part for part in parts if part.node not in self._waiting), *self._parts]
            return False
        self._records.confirm()
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


def _is_being_cancelled() -> bool:
    """Return whether this task is: what has failed by then may have failed for that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
