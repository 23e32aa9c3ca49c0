"""One execution of a workflow: it checks and stores the run, streams its events, and stores its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from structlog.contextvars import bind_contextvars

from vital_shared.billing.run_context import RunContext, current_run_context
from vital_shared.deadline import current_deadline, run_deadline
from vital_shared.errors import (
    CostLimitExceeded,
    InvalidRequest,
    LimitExceeded,
    RateLimited,
    RunCancelled,
    RunFailed,
    StoreError,
    UsageLimited,
    VitalError,
)
from vital_shared.events.log import StaleWriter
from vital_shared.graph import CheckpointError, EffectInterrupted, GraphError, NodeTimeout, Run
from vital_shared.llm.base import ModelError
from vital_shared.logs import get_logger
from vital_shared.models.cache_reason import CacheReason
from vital_shared.models.cancellation import CancelReason
from vital_shared.models.charge import Charge
from vital_shared.models.event import (
    RunFailedEvent,
    RunFinished,
    RunPaused,
    WarningRaised,
)
from vital_shared.models.fence import Fence
from vital_shared.models.model_call import ModelCall
from vital_shared.models.quality import DegradationReason
from vital_shared.models.run_steps import NodeFailure
from vital_shared.models.tool import ToolResult
from vital_shared.models.usage_limits import UsageBound
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput
from vital_shared.monitoring.tracing import tracer
from vital_shared.store.idempotency import IdempotencyKey
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.cache_lookup import Lookup
from vital_shared.workflows.events import ANSWER_VALUE, RunEvents, check_text
from vital_shared.workflows.interrupted import INTERRUPTED, NO_EFFECTS, EarlierEffects, StoredEffects
from vital_shared.workflows.loop_services import current_services
from vital_shared.workflows.lost_fields import lost_fields
from vital_shared.workflows.node_failures import run_steps
from vital_shared.workflows.node_writer import NodeWriter
from vital_shared.workflows.open_calls import OpenCalls
from vital_shared.workflows.output import build_output
from vital_shared.workflows.retrieving import answers_from_documents
from vital_shared.workflows.run_errors import Departure, broken_off, departed, ended_from_outside
from vital_shared.workflows.run_handle import RunHandle, end_task
from vital_shared.workflows.run_line import log_end
from vital_shared.workflows.run_metrics import RunMetrics, count_refused
from vital_shared.workflows.self_llm.current_run import CurrentRun, current_run
from vital_shared.workflows.turn import turn_of
from vital_shared.workflows.typed_result import check_answer
from vital_shared.workflows.workflow_parts import WorkflowParts

if TYPE_CHECKING:
    from vital_shared.workflows.tracing import RunSpan

__all__ = ["RESUMED_AT", "SPAN_NAME", "Execution"]

logger = get_logger(__name__)

SPAN_NAME: Final = "traceparent"
"""The key of the run's span beside a checkpoint, where the run is traced."""

RESUMED_AT: Final = "resumed_at"
"""The key of the moment of a resumption, beside the checkpoint of a durable run that was resumed."""


class Execution(RunHandle):
    """A run in this process; created by `begin` or `resume`.

    :param workflow: the workflow.
    :param request: the input, with its session.
    :param stream: the writer of its events.
    :param run: the run of the graph engine.
    :param record: the record to store first, or None if it is already stored.
    :param max_use: the maximum usage of the run, for the limits of its tenant and others.
    :param metrics: the metrics of the run.
    :param fence: the ownership of this worker, which is checked with every write.
    :param is_durable: whether another worker can take over the run.
    :param earlier_span: the span of the part before a pause, if it was traced.
    :param paid: the cost of the part before a pause, as recorded in the ledger.
    :param calls: the model calls of the part before a pause.
    :param node_failures: failed attempts at nodes in the part before a pause.
    :param tool_results: the results of the tools that models called for earlier workers, see `RunContext`.
    :param carried: the charges of a worker that died with the run, which are not in the ledger yet.
    :param effects: the nodes with effects that earlier workers started, and the decisions on them.
    :param lookup: the result of the cache lookup; None for a resumed run, which is not looked up.
    :param key: the key of the client's request, stored with the record.
    """

    def __init__(
        self,
        workflow: WorkflowParts,
        request: WorkflowInput,
        stream: RunEvents,
        run: Run,
        record: RunRecord | None,
        max_use: Callable[[], UsageBound],
        metrics: RunMetrics,
        fence: Fence,
        *,
        is_durable: bool = False,
        earlier_span: str | None = None,
        paid: Sequence[Charge] = (),
        calls: Sequence[ModelCall] = (),
        node_failures: Sequence[NodeFailure] = (),
        tool_results: Sequence[tuple[str, ToolResult]] = (),
        carried: Sequence[Charge] = (),
        effects: EarlierEffects = NO_EFFECTS,
        lookup: Lookup | None = None,
        key: IdempotencyKey | None = None,
    ) -> None:
        super().__init__(stream.log)
        self._answer: WorkflowOutput | None = None
        self._completing: WorkflowOutput | None = None
        """The answer, once it is being stored."""
        self._services = workflow.services
        self._traits = workflow.traits
        self._open_calls = OpenCalls()
        self._request = request
        self._stream = stream
        self._run = run
        self._record = record
        self._max_use = max_use
        self._metrics = metrics
        self._fence = fence
        self._lookup = lookup
        self._key = key
        note = partial(workflow.services.runs.journal.note, stream.run_id)
        self._context = RunContext(
            stream.run_id,
            request,
            paid,
            note,
            calls,
            workflow.name,
            epoch=fence.epoch,
            fence=fence if is_durable else None,
            tool_results=tool_results,
            carried=carried,
            begun_effects=effects.begun,
            records_calls=workflow.services.settings.store_prompts,
        )
        self._nodes = None
        if is_durable:
            self._context.call_log = log = workflow.services.runs.call_log(self._context, fence)
            run.effect_guard = StoredEffects(log, effects)
            self._nodes = NodeWriter(workflow.services, self._context, fence, workflow.traits.built_in)
        run.observers = (*run.observers, metrics, *filter(None, [self._nodes]))
        self._earlier = run.seconds
        self._earlier_failures = tuple(node_failures)
        self._started = time.perf_counter()
        self._trace = _traced(workflow, stream.run_id, request, run, earlier_span)
        self._task: asyncio.Task[None] | None = None
        self._ending = False
        self._cancel_reason: CancelReason | None = None
        self._is_durable = is_durable
        self._departure: Departure | None = None

    async def run(self) -> None:
        """Store the run's beginning, and run it to its end."""
        if self._record is not None:
            # A queued run is tried again, or ended, by its worker, which counts it then.
            counting = nullcontext() if self._record.status == "queued" else self._metrics.beginning()
            with counting:
                if self._is_durable:
                    await self._services.lease.hold()
                await self._services.runs.start(self._record, self._max_use, self._key, self._services.now())
        with self._owning():
            await self._run_stored()

    @contextmanager
    def _owning(self) -> Iterator[None]:
        """Have a durable run watched over by the lease of this worker."""
        if self._nodes is None:
            yield
            return
        loop, lease = asyncio.get_running_loop(), self._services.lease

        def lost() -> None:  # in the thread of the lease
            loop.call_soon_threadsafe(self._supersede)

        owned = lease.own(self.run_id, self._fence, lost)
        self._metrics.owned = self._nodes.owned = owned
        try:
            yield
        finally:
            lease.disown(self.run_id, owned)
            # They refer to each other: what is left of a run must be no reference cycle.
            self._metrics.owned = self._nodes.owned = self._context.call_log = None

    async def _run_stored(self) -> None:
        store = self._services.runs
        self._context.is_limited = store.is_limited(self.run_id)
        if store.has_budget(self.run_id) or self._context.is_limited:
            self._context.reserve_more = self._reserve_more
        self._stream.note_token = self._metrics.token
        with self._metrics.active(zero=self._started - self._earlier):
            self._task = asyncio.create_task(self._observed())
            try:
                await asyncio.wait([self._task])
            finally:
                await end_task(self._task)

    async def _reserve_more(self, more: int | UsageBound, spent_nanos: int) -> None:
        """Reserve more of the tenant's budget and other limits, for what a node's own calls may use."""
        now = self._services.now()
        settings = self._services.settings
        try:
            await self._services.runs.reserve_more(
                self.run_id,
                more,
                spent_nanos,
                tenant_id=self._request.tenant_id,
                now=now,
                deadline_at=now + timedelta(seconds=settings.run_timeout_seconds + settings.store_seconds),
                may_exceed_alone=self._context.may_exceed_alone,
                fence=self._fence,
            )
        except LimitExceeded as error:
            count_refused(error)
            raise

    def cancel(self, reason: CancelReason = "cancelled") -> None:
        """Cancel the run; its last event is `run_failed`, whose error type is the reason.

        A run whose end is being stored ends as it would: the streamed end and the stored end are the same.
        """
        if self._ending or self._cancel_reason is not None:
            return
        self._cancel_reason = reason
        if self._task is not None:  # otherwise it ends once it has begun
            self._task.cancel()

    def hand_over(self) -> None:
        """Let another worker go on with the run, where that can; otherwise it ends with the engine."""
        if self._is_durable:
            self._depart("handed_over")
        else:
            self.cancel("shutting_down")

    def _supersede(self) -> None:
        """Stop, since another worker has the run: nothing more of it is written, counted or streamed."""
        self._depart("superseded")

    def _depart(self, reason: Departure) -> None:
        if self._ending or self._departure is not None or self._cancel_reason is not None:
            return
        self._departure = reason
        self._stream.is_departing = True
        if self._task is not None:
            self._task.cancel()

    async def _observed(self) -> None:
        """Run; what is logged meanwhile, in tasks and threads too, names the run, and its end is a line."""
        request, trace = self._request, self._trace
        current_run_context.set(self._context)  # for this task and those that it makes
        current_services.set(self._services)
        current_run.set(CurrentRun(self._services, self._run, self._stream, self._context, self._open_calls))
        bind_contextvars(run_id=self.run_id, tenant_id=request.tenant_id)
        with trace or nullcontext():
            try:
                await self._work()
            finally:
                log_end(self.run_id, request, self._answer, self.error, self._seconds, self._metrics.agent_id)
                if trace is not None:
                    trace.ended(self._answer, self.error)

    @property
    def _seconds(self) -> float:
        return self._earlier + time.perf_counter() - self._started

    async def _work(self) -> None:
        deadline = run_deadline(self._services.settings.run_timeout_seconds)
        current_deadline.set(deadline)
        try:
            self._stream.announce(self._request.mode, resumed=self._record is None)
            await self._be_cancelled()
            async with asyncio.timeout(deadline.remaining_seconds) as scope:
                await self._run_graph()
            self._ending = True
            await (self._pause() if self._run.paused else self._finish())
        except StaleWriter:
            await self._leave("superseded")
        except asyncio.CancelledError as error:
            if self._departure is not None:
                await self._leave(self._departure)
                raise
            if not _is_being_cancelled():  # something that the run waited for was given up: a fault of ours
                await self._fail(broken_off(self.run_id, error))
                return
            await self._fail(ended_from_outside(self.run_id, self._cancel_reason or "cancelled"))
            raise
        except Exception as error:  # noqa: BLE001 - a node may raise anything: streamed as `run_failed`
            if isinstance(error, TimeoutError) and scope.expired():
                failure = RunFailed(
                    f"The run took longer than {deadline.seconds:g} seconds.",
                    run_id=self.run_id,
                    error_type="deadline",
                )
            else:
                failure = self._failure(error)
            failure.__cause__ = error
            await self._fail(failure)

    async def _leave(self, reason: Departure) -> None:
        """End here without an end: the run is another worker's, or will be."""
        self._departure, self._ending = reason, True
        if reason == "superseded":
            self._metrics.discard()
        elif self._nodes is not None:
            await self._nodes.flush(self._run)
        self._services.runs.forget(self.run_id)
        self.error, self.has_departed = departed(self.run_id, reason), True
        logger.info("run_goes_on_elsewhere", reason=reason, epoch=self._fence.epoch)

    async def _leave_if_superseded(self) -> bool:
        """Return whether the store has refused an end since another worker has the run."""
        if not self._is_durable or await self._services.runs.is_own(self.run_id, self._fence):
            return False
        await self._leave("superseded")
        return True

    async def _run_graph(self) -> None:
        """Run the nodes; what their tasks have asked models for, and left behind, ends with them."""
        try:
            await self._run.execute()
        finally:
            await self._open_calls.end()
            if self._nodes is not None:
                await self._nodes.stop()

    async def _be_cancelled(self) -> None:
        """End here where the run was cancelled before it had a task.

        The graph would take a cancellation that was asked for before its start for its caller's.
        """
        if (self._cancel_reason or self._departure) and self._task is not None:
            self._task.cancel()
            await asyncio.sleep(0)

    def _output(
        self,
        status: Literal["completed", "awaiting_approval"],
        more_reasons: tuple[DegradationReason, ...] = (),
    ) -> WorkflowOutput:
        wants_documents = self._request.enable_rag and answers_from_documents(self._run.plan)
        if wants_documents and self._services.embedder is None:
            more_reasons = ("models_missing", *more_reasons)
        first = self._stream.first_token_at
        output = build_output(
            self._run,
            self._request,
            self._context,
            status=status,
            seconds=self._seconds,
            first_token_seconds=None if first is None else self._earlier + first - self._started,
            more_reasons=more_reasons,
            cache_status=self._lookup.status if self._lookup else "bypass",
            own_values=self._traits.own_values,
            has_result=self._traits.has_result,
            earlier_failures=self._earlier_failures,
        )
        if status == "awaiting_approval":
            return output
        return output.model_copy(update={"cache_reason": self._cache_reason(output)})

    def _cache_reason(self, output: WorkflowOutput) -> CacheReason:
        """Return the reason of the cache's decision on this run; a resumed one was not looked up."""
        if self._lookup is None:
            return "resumed"
        return self._lookup.reason_of(output, self._read_only_tools)

    @property
    def _read_only_tools(self) -> frozenset[str]:
        return self._context.read_only_tools(self._services.tools.read_only)

    async def _finish(self) -> None:
        check_answer(self._run)
        output = self._output("completed")
        check_text(ANSWER_VALUE, "makes", output.response)
        self._stream.finish_text(output.response)  # from a node that does not stream
        saved = ended = True
        self._completing, written = output, output.model_dump_json()
        await self._stream.log.readable()  # once the end is stored, nobody writes what comes before it
        try:
            async with asyncio.timeout(self._services.settings.store_seconds):
                ended = await self._services.runs.complete(
                    self.run_id,
                    output=output,
                    written=written,
                    turn=turn_of(self._request, output),
                    now=self._services.now(),
                    context=self._context,
                    last_seq=self._stream.last_seq + len(output.warnings) + 1,
                    trace_id=None if self._trace is None else self._trace.trace_id,
                    fence=self._fence,
                )
        except (StoreError, InvalidRequest, TimeoutError):
            # The answer is there, and the user gets it; that it is not stored yet is said in it and logged.
            logger.exception("run_end_not_saved")
            output, saved = self._output("completed", ("save_failed",)), False
        if not ended and await self._leave_if_superseded():
            return
        for warning in output.warnings:
            self._stream.emit(WarningRaised, warning=warning)
        end = partial(self._stream.emit, RunFinished, output=output)
        if not saved and not await self._reaches_readers(end):
            return
        self._answer = output
        if ended:  # otherwise it was called lost, and counted so
            self._metrics.answered(output, saved=saved)
            if saved and self._lookup is not None:
                await self._lookup.keep(self._request, output, self._read_only_tools, len(written))
        if saved:
            end()

    async def _reaches_readers(self, end: Callable[[], None]) -> bool:
        """Stream an end that the store has not taken, and return whether readers have it.

        Where another worker has taken the run over meanwhile, its end counts, and nobody gets this one.
        """
        try:
            end()
            await self._stream.log.readable()
        except StaleWriter:
            await self._leave("superseded")
            return False
        if self._stream.log.is_superseded:
            await self._leave("superseded")
        return not self.has_departed

    async def _pause(self) -> None:
        output = self._output("awaiting_approval")
        services = self._services
        self._check_input()
        await self._stream.log.readable()  # once the pause is stored, nobody writes what comes before it
        paused = await services.runs.pause(
            self.run_id,
            checkpoint=self._run.checkpoint().model_dump(mode="json") | self._span_name() | self._cut_off(),
            output=output,
            last_seq=self._stream.last_seq + 1,  # the event below included
            expires_at=services.now() + timedelta(seconds=services.settings.approval_ttl_seconds),
            now=services.now(),
            context=self._context,
            fence=self._fence,
            interrupted=[node.name for node in self._run.plan.nodes if node.makes in self._run.interrupted],
        )
        if not paused and await self._leave_if_superseded():
            return
        self._stream.emit(RunPaused, output=output)

    def _check_input(self) -> None:
        """See that the nodes behind the pause will read the same input as those before it.

        :raises CheckpointError: when they would not.
        """
        for field in lost_fields(self._request, self._traits.caching.inputs):
            raise CheckpointError(
                f"the run cannot pause: {field} of its input would not be the same when it is read back, "
                "since JSON does not hold all of it (secrets, excluded fields, objects of a subclass, NaN)"
            )

    def _span_name(self) -> dict[str, str]:
        """Name the span of this part of the run, for the next one to link to."""
        name = self._trace and self._trace.traceparent
        return {SPAN_NAME: name} if name else {}

    def _cut_off(self) -> dict[str, list[str]]:
        """Name the values whose nodes with effects were cut off, for the decision on them."""
        return {INTERRUPTED: sorted(self._run.interrupted)} if self._run.interrupted else {}

    def _failure(self, error: Exception) -> RunFailed:
        node = self._run.failed_line
        # What our own errors say is meant for users; what others say may hold anything.
        is_own = isinstance(error, VitalError | GraphError)
        reason = (
            str(error) if is_own else ": ".join(filter(None, (type(error).__name__, self._run.failed_hint)))
        )
        what = f'The run failed in "{node}": ' if node else "The run failed: "
        failure = RunFailed(what + reason, run_id=self.run_id, node=node, error_type=_error_type(error))
        details = error.details if isinstance(error, VitalError) else None
        return failure if details is None else failure.detailed(what + details)

    async def _fail(self, failure: RunFailed) -> None:
        self.error, self._ending = failure, True
        saved = ended = True
        try:
            async with asyncio.timeout(self._services.settings.store_seconds):
                ended = await self._services.runs.fail(
                    self.run_id,
                    status="cancelled" if isinstance(failure, RunCancelled) else "failed",
                    error_type=failure.error_type,
                    message=failure.message,
                    node=failure.node,
                    now=self._services.now(),
                    seconds=self._seconds,
                    steps=run_steps(self._run, self._earlier_failures),
                    trace_id=None if self._trace is None else self._trace.trace_id,
                    context=self._context,
                    fence=self._fence,
                )
        except (StoreError, TimeoutError):
            # It is written as soon as the store takes it: see `ChargeWriter`.
            logger.exception("run_end_not_saved")
            saved = False
        if not ended and await self._leave_if_superseded():
            return
        fields = {"error_type": failure.error_type, "message": failure.message, "node": failure.node}
        end = partial(self._stream.emit, RunFailedEvent, **fields)
        if not saved and not await self._reaches_readers(end):
            return
        if ended:
            self._metrics.failed(failure, self._seconds, saved=saved)
        elif self._completing is not None:  # cancelled while its end was written, which went on
            self._metrics.answered(self._completing)
        # Otherwise it was called lost, and counted so.
        if not isinstance(failure, RunCancelled):
            logger.warning("run_failed", node=failure.node, exc_info=failure.__cause__)
        if saved:
            end()


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _traced(
    workflow: WorkflowParts, run_id: str, request: WorkflowInput, run: Run, earlier: str | None
) -> RunSpan | None:
    """Let the run be traced, where that is wanted."""
    found = tracer()
    if found is None:
        return None
    from vital_shared.workflows.tracing import RunSpan  # noqa: PLC0415 - OpenTelemetry is an extra

    span = RunSpan(found, workflow, run_id, request, earlier)
    run.observers = (*run.observers, span)
    return span


def _error_type(error: Exception) -> str:
    """Name a failure from a closed set, since it is a metric's label."""
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (NodeTimeout, "timeout"),
        (EffectInterrupted, "interrupted"),
        (ModelError, "model"),
        (StoreError, "store"),
        (RateLimited, "rate_limit"),
        (UsageLimited, "rate_limit"),
        (LimitExceeded, "budget"),
        (CostLimitExceeded, "budget"),
        (InvalidRequest, "invalid"),
        (TimeoutError, "timeout"),
    )
    return next((name for kind, name in kinds if isinstance(error, kind)), "internal")
