"""Runs: their requests, progress and ends.

::

    queued ──→ running ⇄ awaiting_approval ──→ expired | cancelled
       │          └──→ completed | failed | cancelled
       └──→ failed | expired | cancelled

Each arrow is one UPDATE that names the status it starts from, so that of many who try at once, on
whatever replica, one succeeds. Where a deadline has passed, reading returns what `RunStore.sweep`
would have written.

A running run has an owner, the worker that has it, and an epoch, which a takeover and a resumption raise. All
that an owner writes of a run names both (`Fence`), and is refused when they are no longer the run's.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Update,
    select,
    true,
    update,
)

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import (
    AlreadyResumed,
    Conflict,
    NotFound,
    RunExpired,
    StoreError,
)
from vital_shared.logs import get_logger
from vital_shared.models.charge import Charge
from vital_shared.models.fence import Fence
from vital_shared.models.money import to_nanos
from vital_shared.models.recorded_call import RecordedCall
from vital_shared.models.run_decision import RunDecision
from vital_shared.models.run_steps import RunSteps
from vital_shared.models.usage_limits import UsageBound
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.store.admission import (
    Admission,
    AdmissionRequest,
    LimitsToLock,
    check,
    extend,
    lock_budget,
    release,
    reserve,
    run_lock,
)
from vital_shared.store.call_log import StoredCallLog
from vital_shared.store.charge_writer import ChargeWriter
from vital_shared.store.conversations import Turn
from vital_shared.store.database import Database
from vital_shared.store.fencing import fenced
from vital_shared.store.idempotency import IdempotencyKey, free_key, take_key
from vital_shared.store.journal import Journal
from vital_shared.store.ledger import charges_of
from vital_shared.store.lost_calls import LostCalls
from vital_shared.store.lost_runs import LostRuns
from vital_shared.store.model_calls import model_calls_of
from vital_shared.store.orphan_runs import OrphanRun, OrphanRuns, TakenRun
from vital_shared.store.overdue_runs import end_overdue
from vital_shared.store.patience import patiently
from vital_shared.store.requeue import start_over
from vital_shared.store.run_calls import CarriedCalls, begun_effects, calls_of, forget_calls, keep_calls
from vital_shared.store.run_decisions import add_decisions, decisions_of
from vital_shared.store.run_end import RunEnd
from vital_shared.store.run_nodes import finished_nodes, forget_nodes, keep_nodes
from vital_shared.store.run_record import (
    ENDED_COLUMNS,
    ENDED_WITHOUT_ANSWER,
    EndedRun,
    RunRecord,
    RunStatus,
    as_swept,
    to_ended,
    to_record,
    to_row,
)
from vital_shared.store.run_start import AdmissionOutcome, begin_run, start_lock
from vital_shared.store.settlement import Settlement, payer_of
from vital_shared.store.spool import Spool
from vital_shared.store.stray_runs import StrayRuns
from vital_shared.store.tables import runs

__all__ = ["EndedRun", "RunRecord", "RunStatus", "RunStore", "not_waiting"]

logger = get_logger(__name__)


class RunStore:
    """The runs of all tenants; where a tenant is asked for, None is an administrator, who sees all.

    :param worker: the id of this process, which owns the runs that it begins; empty: they have no owner.
    :param recent_jump: returns by how much the clock was set forward while runs are at work (`StoreClock`).
    """

    def __init__(
        self,
        database: Database,
        spool: Spool | None = None,
        journal: Journal | None = None,
        worker: str = "",
        recent_jump: Callable[[], timedelta] = timedelta,
    ) -> None:
        self._database = database
        self._recent_jump = recent_jump
        self._worker = worker
        self.journal = journal or Journal(None)
        """The part of the runs that outlives this process."""
        self.charge_writer = ChargeWriter(database, spool, self.journal)
        """Charges and ends of runs, on their way into the store."""
        self._lost_calls = LostCalls(database, self.charge_writer)
        self._lost = LostRuns(database, self.journal, self.charge_writer)
        self.orphans = OrphanRuns(database)
        """The durable runs of workers that have died."""
        self.strays = StrayRuns(self.orphans, worker)
        """The runs that this worker may have taken without knowing."""
        self._reserved: set[str] = set()
        """The runs of this process that have reserved money; others have nothing to release when they end."""
        self._budgeted: set[str] = set()
        """The runs of this process whose tenants have a budget."""
        self._limited: set[str] = set()
        """The runs of this process that have limits above them."""

    def fence(self, record: RunRecord) -> Fence:
        """Return what this worker's writes of a run name, once it has begun or taken over the run."""
        return Fence(self._worker, record.epoch)

    async def is_own(self, run_id: str, fence: Fence) -> bool:
        """Return whether no other worker has a run by now; it may have ended.

        :raises StoreError: when the database does not answer.
        """
        own = select(runs.c.id).where(runs.c.id == run_id, *fenced(fence))
        return await self._database.read(lambda connection: connection.execute(own).first() is not None)

    async def start(
        self,
        record: RunRecord,
        max_cost_nanos: Callable[[], int | UsageBound] = lambda: 0,
        key: IdempotencyKey | None = None,
        now: datetime | None = None,
    ) -> None:
        """Store a new run of this worker's, or take one out of the queue, if the tenant's limits allow it.

        A durable one may only be begun while this worker holds its lease, see `WorkerLease.hold`.

        :param max_cost_nanos: its max cost, in nano-dollars, or all that it may use; read only where there is
            a limit.
        :param key: the key of the client's request, stored with it.
        :param now: the moment of its start; None: that of its creation.
        :raises AlreadyBegun: when a queued run no longer waits.
        :raises KeyTaken: when the key has begun a run before; this one is not stored then.
        :raises InvalidRequest: when the key stands for another request, or the metadata is not JSON.
        :raises LimitExceeded: when the limits do not allow it; nothing is stored then.
        """
        row = to_row(record) | {"owner": self._worker}
        request = AdmissionRequest(
            record.id,
            record.tenant_id,
            now or record.created_at,
            record.deadline_at,
            max_cost_nanos,
            owed_nanos=self.charge_writer.owed_nanos,
            standstill=self._standstill(),
            user_id=record.user_id,
            key_id=record.key_id,
            has_own_transaction=False,
        )

        def write(connection: Connection) -> AdmissionOutcome:
            return begin_run(connection, row, request, key)

        self.journal.begin(record.id, record.deadline_at)

        def begun(admission: AdmissionOutcome) -> None:
            if isinstance(admission, LimitsToLock):
                if queued.cancelled():
                    self.journal.end(record.id)
                return
            if not isinstance(admission, Admission):
                self.journal.end(record.id)
                return
            self._note_admission(record.id, admission)
            if queued.cancelled():  # the caller has gone meanwhile
                self._abandon(record, key)

        def lost() -> None:
            # Whether it has reserved, and of which, is not known: all of it is let go.
            self._note_admission(record.id, Admission(1, has_budget=True, is_limited=True))
            self._abandon(record, key)

        queued = self._database.put(write, begun, lost=lost, locks=start_lock(record, key))
        admission = await self._in_time(queued)
        if isinstance(admission, LimitsToLock):
            request = request._replace(has_own_transaction=True)
            queued = self._database.put_alone(write, begun, lost=lost)
            admission = await self._in_time(queued)
        if not isinstance(admission, Admission):
            raise admission

    async def _in_time(self, queued: asyncio.Future[AdmissionOutcome]) -> AdmissionOutcome:
        """Wait for the start of a run to be stored.

        :raises StoreError: when that takes too long.
        """
        try:
            async with asyncio.timeout(self._database.wait_seconds):
                return await queued
        except TimeoutError as error:
            raise StoreError(
                f"The run could not be stored within {self._database.wait_seconds:g} seconds, "
                "so it was not begun: try again in a moment"
            ) from error

    async def pause(
        self,
        run_id: str,
        *,
        checkpoint: Mapping[str, Any],
        output: WorkflowOutput,
        last_seq: int,
        expires_at: datetime,
        now: datetime,
        context: RunContext | None = None,
        fence: Fence | None = None,
        interrupted: Collection[str] = (),
    ) -> bool:
        """Let a running run wait for approval, and return whether it was still running and this worker's.

        :param context: the context with its charges so far.
        :param interrupted: the nodes that were cut off, and that the run waits for a decision on.
        """
        statement = (
            _from("running", run_id)
            .where(*fenced(fence))
            .values(
                status="awaiting_approval",
                checkpoint=json.dumps(checkpoint),
                output=output.model_dump_json(),
                duration_seconds=output.timings.total_seconds,
                cost_nanos=to_nanos(output.cost.total),
                last_seq=last_seq,
                deadline_at=expires_at,
                owner="",
            )
        )

        stored = select(runs.c.id).where(
            runs.c.id == run_id, runs.c.status == "awaiting_approval", runs.c.deadline_at == expires_at
        )

        def write(connection: Connection) -> bool:
            if not _changed(connection, statement):  # by a first attempt, which the store did not confirm
                return connection.execute(stored).first() is not None
            if run_id in self._reserved:
                release(connection, run_id, is_limited=run_id in self._limited)
            forget_nodes(connection, run_id, interrupted)  # the checkpoint has them
            forget_calls(connection, run_id)  # and the ledger these
            return True

        return await self.charge_writer.write(context, now, write, partial(self.forget, run_id))

    async def claim(
        self,
        run_id: str,
        *,
        tenant_id: str | None,
        now: datetime,
        deadline_at: datetime,
        max_cost_nanos: Callable[[], int | UsageBound] = lambda: 0,
        decisions: Sequence[RunDecision] = (),
        key: IdempotencyKey | None = None,
        checkpoint: Mapping[str, Any] | None = None,
    ) -> RunRecord:
        """Take a waiting run to resume it; of many who claim it, one gets it, with its checkpoint.

        It is this worker's then, in the next epoch.

        :param deadline_at: the time when the resumed run counts as lost.
        :param max_cost_nanos: its max remaining cost, in nano-dollars.
        :param decisions: stored with the resumption.
        :param key: the key of the client's request, stored with it, too.
        :param checkpoint: the checkpoint with the decision in it, from which a durable run is taken over;
            None: it stays as it was.
        :raises KeyTaken: when the key stands for another run.
        :raises BudgetExceeded: when the tenant's budget does not allow that; the run waits on.
        :raises NotFound: when the tenant has no such run.
        :raises RunExpired: when the approval comes too late.
        :raises AlreadyResumed: when it no longer waits.
        """
        statement = (
            _from("awaiting_approval", run_id)
            .where(_visible(tenant_id), runs.c.deadline_at > now)
            .values(
                status="running",
                deadline_at=deadline_at,
                owner=self._worker,
                epoch=runs.c.epoch + 1,
                takeovers=0,
                **({} if checkpoint is None else {"checkpoint": json.dumps(checkpoint)}),
            )
            .returning(*runs.c)
        )
        waiting = select(runs.c.tenant_id).where(
            runs.c.id == run_id, runs.c.status == "awaiting_approval", _visible(tenant_id)
        )

        def take(connection: Connection) -> tuple[RowMapping, Admission] | None:
            if (owner := connection.execute(waiting).scalar()) is None:
                return None
            lock_budget(connection, owner)
            row = connection.execute(statement).mappings().first()
            if row is None:
                return None
            request = AdmissionRequest(
                run_id,
                owner,
                now,
                deadline_at,
                max_cost_nanos,
                is_request=False,
                owed_nanos=self.charge_writer.owed_nanos,
                standstill=self._standstill(),
                user_id=row["user_id"],
                key_id=row["key_id"],
            )
            admission = check(connection, request)
            reserve(connection, request, admission)
            add_decisions(connection, run_id, decisions, owner)
            if key is not None:
                take_key(connection, key, run_id, now)
            self.journal.begin(run_id, deadline_at)
            return row, admission

        async with self.strays.taking(run_id):
            taken = await self._database.write(take)
        if taken is not None:
            row, admission = taken
            self._note_admission(run_id, admission)
            return to_record(row)
        raise not_waiting(await self.get(run_id, tenant_id=tenant_id, now=now))

    async def take_over(self, orphan: OrphanRun, *, deadline_at: datetime) -> TakenRun | None:
        """Take a dead worker's run over, as `OrphanRuns.take_over` does, for this worker.

        :returns: None: another worker was faster, or the run has ended.
        """
        self.journal.begin(orphan.run_id, deadline_at)
        try:
            async with self.strays.taking(orphan.run_id):
                taken = await self.orphans.take_over(orphan, owner=self._worker, deadline_at=deadline_at)
        except BaseException:
            self.journal.end(orphan.run_id)
            raise
        if taken is None:
            self.journal.end(orphan.run_id)
            return None
        # It may have reserved; what is released without a reservation changes nothing.
        self._note_admission(orphan.run_id, Admission(1, has_budget=True, is_limited=True))
        return taken

    async def give_up(
        self, orphan: OrphanRun, message: str, now: datetime, *, starts_over: bool = False
    ) -> EndedRun | None:
        """End a dead worker's run that no other can go on with, and enter what its calls have cost.

        :param message: the reason, for its user.
        :param starts_over: see `OrphanRuns.give_up`.
        :returns: None: it has ended, a worker has it, or its queue has it.
        :raises StoreError: when the database does not answer.
        """
        ended = await self.orphans.give_up(orphan, message, now, owner=self._worker, starts_over=starts_over)
        await self._lost_calls.enter(now)
        return ended

    async def finished_nodes(self, run_id: str) -> dict[str, str]:
        """Return what finished nodes, or parts of nodes, of a run have made, as JSON by name.

        :raises StoreError: when the database does not answer.
        """
        return await self._database.read(partial(finished_nodes, run_id=run_id))

    async def taken(self, record: RunRecord) -> TakenRun:
        """Return a durable run that this worker has taken out of its queue, with what it goes on from.

        :raises StoreError: when the database does not answer.
        """

        def read(connection: Connection) -> TakenRun:
            finished = finished_nodes(connection, record.id)
            calls = CarriedCalls(calls_of(connection, record.id), begun_effects(connection, record.id))
            return TakenRun(record, finished, calls, math.inf)

        return await self._database.read(read)

    async def start_over(self, record: RunRecord, plan: str) -> RunRecord:
        """Forget what the nodes of a queued run have made, which another plan has no use for.

        :param plan: the fingerprint of the plan that the run begins with.
        :returns: the record of the run, as it is then.
        :raises StoreError: when the database does not answer.
        """
        waiting = _from("queued", record.id).where(runs.c.epoch == record.epoch).values(plan=plan)

        def write(connection: Connection) -> None:
            if _changed(connection, waiting):
                start_over(connection, record.id)

        await self._database.write(write)
        return record.model_copy(update=ENDED_WITHOUT_ANSWER | {"plan": plan})

    async def note_nodes(
        self,
        run_id: str,
        fence: Fence,
        finished: Mapping[str, str],
        *,
        without_parts: Collection[str] = (),
        context: RunContext | None = None,
    ) -> bool:
        """Store what finished nodes of a durable run have made, with what the run has cost by then.

        It shares a transaction with other writes. Should the worker die, the next one gets them with the run,
        see `take_over`; the ledger gets the charges with the end of the run, or with its pause.

        :param finished: JSON of what each node, or part of one, has made, by its name.
        :param without_parts: the nodes among them whose parts were stored before.
        :param context: the context with the charges.
        :returns: whether the run is running and this worker's; otherwise nothing is written.
        :raises StoreError: when the database is not there or does not answer.
        """
        known, logged = ((), 0) if context is None else (context.unlogged, len(context.charges))

        def write(connection: Connection) -> bool:
            is_own = keep_nodes(connection, run_id, fence, finished, without_parts)
            return is_own and keep_calls(connection, run_id, fence, known=known)

        def written(is_own: bool) -> None:
            if is_own and context is not None:
                context.mark_logged(logged)

        locks = "" if context is None else run_lock(context.request.tenant_id)
        return await asyncio.shield(self._database.put(write, written, locks=locks))

    def call_log(self, context: RunContext, fence: Fence) -> StoredCallLog:
        """Return the log of a durable run's calls, which others go on from."""
        return StoredCallLog(self._database, context, fence)

    async def decisions(self, run_id: str) -> tuple[RunDecision, ...]:
        """Return the decisions that were made on a run, the oldest first."""
        async with self._database.connect() as connection:
            return await connection.run_sync(decisions_of, run_id)

    def has_budget(self, run_id: str) -> bool:
        """Return whether the tenant of a run of this process has a budget."""
        return run_id in self._budgeted

    def is_limited(self, run_id: str) -> bool:
        """Return whether a run of this process has limits above it."""
        return run_id in self._limited

    async def reserve_more(
        self,
        run_id: str,
        more: int | UsageBound,
        spent_nanos: int,
        *,
        tenant_id: str,
        now: datetime,
        deadline_at: datetime,
        may_exceed_alone: bool = True,
        fence: Fence | None = None,
    ) -> None:
        """Reserve more of a tenant's budget for a run that is under way, and the worker's.

        :param more: nano-dollars, or all that it may use beside what it has reserved.
        :param spent_nanos: spending of the run since it began or was resumed, calls under way included.
        :param may_exceed_alone: whether a run that is alone with its budget may go on while some of it is
            left.
        :param fence: the worker that has the run; where another has it by now, nothing is reserved.
        :raises BudgetExceeded: when the budget does not allow it, or a limit above the run.
        :raises UsageLimited: when a limit of tokens, or of a minute, does not.
        """
        request = AdmissionRequest(
            run_id,
            tenant_id,
            now,
            deadline_at,
            lambda: more,
            is_request=False,
            owed_nanos=self.charge_writer.owed_nanos,
            standstill=self._standstill(),
            may_exceed_alone=may_exceed_alone,
            is_limited=run_id in self._limited,
        )
        self._reserved.add(run_id)  # before: the end of the run releases it, also where this is cancelled
        extend = partial(_extend_running, request=request, spent_nanos=spent_nanos, fence=fence)
        # One that is taken twice holds too much, until the end of the run.
        await patiently(
            lambda: self._database.write(extend), self._database.wait_seconds, "what the next call may cost"
        )

    async def complete(
        self,
        run_id: str,
        *,
        output: WorkflowOutput,
        turn: Turn | None,
        now: datetime,
        context: RunContext | None = None,
        written: str | None = None,
        last_seq: int | None = None,
        trace_id: str | None = None,
        fence: Fence | None = None,
    ) -> bool:
        """End a run with its answer, add the turn to its conversation and what it cost to the ledger.

        All of it is written, or nothing.

        :param written: the output as JSON, where the caller has it.
        :param last_seq: the number of its last event.
        :param trace_id: the id of its trace, in hexadecimal.
        :param fence: the worker that ends it; None: its status alone decides.
        :returns: whether it was still running, and the worker's; otherwise nothing changes, so this may be
            repeated.
        :raises NotFound: when the session belongs to another tenant.
        """
        end = RunEnd(
            run_id=run_id,
            status="completed",
            finished_at=now,
            output=output.model_dump_json() if written is None else written,
            duration_seconds=output.timings.total_seconds,
            first_token_seconds=output.timings.time_to_first_token_seconds,
            quality_score=output.quality_score if output.is_assessed else None,
            degraded=output.is_degraded,
            cache_status=output.cache_status,
            model=output.model,
            cost_nanos=to_nanos(output.cost.total) if context is None else context.bounded_nanos(),
            last_seq=last_seq,
            trace_id=trace_id,
            turn=turn,
            has_reservation=run_id in self._reserved,
            is_limited=run_id in self._limited,
            fence=fence,
            is_durable=_is_durable(context),
        )
        return await self._end(end, context)

    async def fail(
        self,
        run_id: str,
        *,
        status: Literal["failed", "cancelled"],
        error_type: str,
        message: str,
        node: str | None,
        now: datetime,
        seconds: float | None = None,
        steps: RunSteps | None = None,
        trace_id: str | None = None,
        context: RunContext | None = None,
        fence: Fence | None = None,
    ) -> bool:
        """End a run without an answer, and return whether it was still running, and the worker's.

        :param seconds: its duration, without waits for a person.
        :param steps: its nodes that have ended.
        :param trace_id: the id of its trace, in hexadecimal.
        :param context: the context with its charges all the same.
        """
        end = RunEnd(
            run_id=run_id,
            status=status,
            finished_at=now,
            error_type=error_type,
            error_message=message,
            error_node=node,
            steps=None if steps is None else steps.model_dump_json(),
            trace_id=trace_id,
            duration_seconds=seconds,
            cost_nanos=None if context is None else context.bounded_nanos(),
            has_reservation=run_id in self._reserved,
            is_limited=run_id in self._limited,
            fence=fence,
            is_durable=_is_durable(context),
        )
        return await self._end(end, context)

    async def cancel_waiting(self, run_id: str, *, tenant_id: str | None, now: datetime) -> EndedRun | None:
        """End a run that waits, in the queue or for approval, and return it; None where it did not wait."""
        statement = (
            update(runs)
            .where(runs.c.id == run_id, runs.c.status.in_(("queued", "awaiting_approval")))
            .where(_visible(tenant_id), runs.c.deadline_at > now)
            .values(status="cancelled", finished_at=now, **ENDED_WITHOUT_ANSWER)
            .returning(*ENDED_COLUMNS)
        )

        def cancel(connection: Connection) -> RowMapping | None:
            row = connection.execute(statement).mappings().first()
            if row is not None:
                forget_nodes(connection, run_id)
            return row

        row = await self._database.write(cancel)
        return None if row is None else to_ended(row)

    async def get(self, run_id: str, *, tenant_id: str | None, now: datetime | None = None) -> RunRecord:
        """Return a run of the tenant's.

        :param now: the moment for which deadlines count; None: now.
        :raises NotFound: when there is none.
        """
        statement = select(runs).where(runs.c.id == run_id, _visible(tenant_id))
        async with self._database.connect() as connection:
            row = (await connection.execute(statement)).mappings().first()
        if row is None:
            raise NotFound(f"There is no run {run_id}: check its id", field="run_id")
        record, end = to_record(row), self.charge_writer.waiting_end(run_id)
        now = now or datetime.now(UTC)
        if record.status == "running":
            now -= self._standstill()
        return as_swept(record if end is None else end.apply(record), now)

    def _abandon(self, record: RunRecord, key: IdempotencyKey | None) -> None:
        """End a run that nobody has begun to work on, where it is stored, and free its key."""
        end = RunEnd(
            run_id=record.id,
            status="failed",
            finished_at=record.created_at,
            error_type="store",
            error_message="The run was not begun: it could not be stored in time.",
            has_reservation=True,  # another worker may have taken it over by now, and reserved more for it
        )
        settlement = Settlement(
            run_id=record.id, payer=payer_of(record.input, record.workflow), at=record.created_at, end=end
        )
        self.charge_writer.write_later(settlement, partial(self.forget, record.id))
        if key is not None:
            self._database.put(partial(free_key, run_id=record.id), lambda _: None)

    async def charges(self, run_id: str) -> tuple[Charge, ...]:
        """Return what a run has cost so far, as far as it is written."""
        async with self._database.connect() as connection:
            return await charges_of(connection, run_id)

    async def model_calls(self, run_id: str) -> tuple[RecordedCall, ...]:
        """Return the calls of models that are stored with their words, in the order of their start."""
        return await self._database.read(partial(model_calls_of, run_id=run_id))

    async def sweep(self, now: datetime) -> tuple[EndedRun, ...]:
        """End the runs whose deadline has passed: those that wait expire, those that ran are lost.

        :returns: those that were ended here, and nowhere else.
        """
        await self.charge_writer.catch_up()  # first: what has ended is not lost
        lost_by = now - self._standstill()
        self.journal.forget_overdue(lost_by)
        async with self._database.begin() as connection:
            ended = await connection.run_sync(end_overdue, now, lost_by)
        await self._lost_calls.enter(now)
        return ended

    async def unfinished(self, run_ids: Collection[str]) -> set[str]:
        """Return those of some runs that run, or wait."""
        found = select(runs.c.id).where(runs.c.id.in_(run_ids), runs.c.finished_at.is_(None))
        async with self._database.connect() as connection:
            return set(await connection.scalars(found))

    async def end_lost(self, now: datetime) -> tuple[EndedRun, ...]:
        """End the runs of processes that have died; see `LostRuns.end`."""
        return await self._lost.end(now)

    async def _end(self, end: RunEnd, context: RunContext | None) -> bool:
        """Write the end of a run, with what it cost; it lets go of what it has reserved."""
        return await self.charge_writer.write(
            context, end.finished_at, end.write, partial(self.forget, end.run_id), end
        )

    def _note_admission(self, run_id: str, admission: Admission) -> None:
        if admission.reserved_nanos or admission.limits:
            self._reserved.add(run_id)
        if admission.has_budget:
            self._budgeted.add(run_id)
        if admission.is_limited:
            self._limited.add(run_id)

    def _standstill(self) -> timedelta:
        """Return the time that does not count for runs at work: a jump of the clock, or an outage."""
        return self._recent_jump() + self._database.outage.recent()

    def forget(self, run_id: str) -> None:
        """Forget a run that has ended, waits for a person, or is another worker's."""
        self._reserved.discard(run_id)
        self._budgeted.discard(run_id)
        self._limited.discard(run_id)
        self.journal.end(run_id)


def not_waiting(record: RunRecord) -> Conflict:
    """Return the reason why a run cannot be resumed."""
    if record.status == "expired":
        return RunExpired(
            f"The run {record.id} waited for an answer or an approval until "
            f"{record.deadline_at:%Y-%m-%d %H:%M} UTC: ask again",
            field="run_id",
        )
    return AlreadyResumed(
        f"The run {record.id} does not wait for an answer or an approval: its status is {record.status}",
        field="run_id",
    )


def _from(status: RunStatus, run_id: str) -> Update:
    return update(runs).where(runs.c.id == run_id, runs.c.status == status)


def _is_durable(context: RunContext | None) -> bool:
    return context is not None and context.fence is not None


def _changed(connection: Connection, statement: Update) -> bool:
    return bool(connection.execute(statement).rowcount)


def _visible(tenant_id: str | None) -> ColumnElement[bool]:
    return true() if tenant_id is None else runs.c.tenant_id == tenant_id


def _extend_running(
    connection: Connection, request: AdmissionRequest, spent_nanos: int, fence: Fence | None
) -> None:
    """Reserve more for a run that neither has ended nor is another worker's: nobody would release it."""
    lock_budget(connection, request.tenant_id)
    columns = (runs.c.user_id, runs.c.key_id)
    running = select(*columns).where(runs.c.id == request.run_id, runs.c.status == "running", *fenced(fence))
    row = connection.execute(running.with_for_update(key_share=True)).first()
    if row is not None:
        extend(connection, request._replace(user_id=row.user_id, key_id=row.key_id), spent_nanos)
