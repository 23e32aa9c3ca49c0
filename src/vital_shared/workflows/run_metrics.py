"""Record the metrics of a run: its nodes and sources while it runs, and exactly once its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import sub
from typing import Any, Final, Literal

from vital_shared.errors import (
    BudgetExceeded,
    Forbidden,
    InvalidRequest,
    KeyTaken,
    LimitExceeded,
    NotFound,
    RateLimited,
    RunCancelled,
    RunFailed,
    StoreError,
    UsageLimited,
)
from vital_shared.failure_log import FailureLog
from vital_shared.graph import Node, NodeStatus, ObservedRun, Observer, Outcome
from vital_shared.graph.outcome import RunStatus
from vital_shared.logs import get_logger
from vital_shared.models.agent import AgentProfile
from vital_shared.models.answer_estimate import CALIBRATIONS
from vital_shared.models.workflow_io import CacheStatus, WorkflowInput, WorkflowOutput
from vital_shared.models.workflow_names import BUILT_IN_CLASS
from vital_shared.monitoring.finished import count_request
from vital_shared.monitoring.labels import OTHER
from vital_shared.monitoring.metrics import (
    AGENT_USAGE_TOTAL,
    ANSWER_PROBABILITY,
    CACHED_FIRST_TOKEN_SECONDS,
    DEGRADATIONS_TOTAL,
    DEGRADED_RESPONSES_TOTAL,
    ERROR_TYPE,
    INTER_TOKEN_SECONDS,
    NODE_DURATION_SECONDS,
    PARALLEL_SECONDS_SAVED_TOTAL,
    QUALITY_SCORE,
    REQUESTS_REJECTED_TOTAL,
    TIME_TO_FIRST_TOKEN_SECONDS,
    TOOL_EXECUTIONS_TOTAL,
    USAGE_LIMIT_REFUSALS_TOTAL,
    WARNINGS_TOTAL,
    WORKFLOW_ACTIVE,
    WORKFLOW_AFTER_GRAPH_SECONDS,
    WORKFLOW_BEFORE_GRAPH_SECONDS,
    WORKFLOW_CANCELLATIONS_TOTAL,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_ERRORS_TOTAL,
)
from vital_shared.monitoring.tracing import current_trace_id
from vital_shared.monitoring.workflow_label import workflow_label
from vital_shared.retrieval.search_metrics import count_search
from vital_shared.store.request_counts import RequestCounts
from vital_shared.store.run_record import EndedRun
from vital_shared.store.worker_lease import OwnedRun
from vital_shared.workflows.events import RESULTS_NODE
from vital_shared.workflows.traits import WorkflowTraits, known_traits

__all__ = ["RunMetrics", "count_ended", "count_refused", "count_rejected", "unstreamed"]

logger = get_logger(__name__)
failures = FailureLog(logger)

MERGED_NODE: Final = "passages"
"""The node without which what the sources have found is of no use."""

is_streamed: Final[ContextVar[bool]] = ContextVar("is_streamed", default=True)
"""Whether the caller reads the answer piece by piece; requests that begin within have it."""

UNKNOWN: Final = (
    ("agent_id", "unknown_agent"),
    ("model", "unknown_model"),
    ("requested_tools", "unknown_tool"),
)
"""The reason of a rejection, by the field that names what is not there."""

LIMITS: Final = ((BudgetExceeded, "budget"), ((RateLimited, UsageLimited), "rate_limit"))
"""The reason why a request is turned away, by the error that is raised."""

UNANSWERABLE: Final = ("no_sources",)
"""All that is amiss where the documents do not hold the answer."""

_unsaved: Final[set[str]] = set()
"""Runs counted by this process though the store does not know their end: it will call them lost."""


class RunMetrics(Observer):
    """The metrics of one run, or of its part after a pause.

    :param request: the input of the run.
    :param request_counts: the counts in the store, of the same requests as the metrics.
    :param traits: the traits of the workflow's class; None: unknown, and an agent was to answer.
    :param workflow: the name of the workflow in the records of its runs.
    """

    def __init__(
        self,
        run_id: str,
        request: WorkflowInput,
        request_counts: RequestCounts,
        traits: WorkflowTraits | None,
        workflow: str = BUILT_IN_CLASS,
    ) -> None:
        self.workflow = workflow
        self._workflow = workflow_label(workflow)
        self._has_agent = traits is None or traits.has_agent
        self._is_assessed = traits is not None and traits.is_assessed
        self._run_id = run_id
        self._request = request
        self._request_counts = request_counts
        self._mode = request.mode.value
        self.owned: OwnedRun | None = None
        """The run as this worker's, where it is durable."""
        self.cache_status: CacheStatus = "bypass"
        """The result of the cache lookup, once that is known."""
        self._model = OTHER
        """The answering model, as far as that is known."""
        self._created = time.perf_counter()
        self._graph_ended: float | None = None
        self._trace_id: str | None = None
        self._found: list[tuple[str, float]] = []
        """Sources whose search has succeeded, with its seconds, until it is known whether that was of use."""
        self._is_streamed = is_streamed.get()
        self._began = 0.0
        self._in_nodes = 0.0
        """Seconds of all nodes together."""
        self._tokens: list[float] = []
        self.token: Callable[[float], None] = self._tokens.append
        """Note when the reader gets a piece of the answer. It is called for each, so nothing else is done."""

    @property
    def agent_id(self) -> str | None:
        """The agent that answers; None: there is none in the workflow."""
        return self._request.agent_id if self._has_agent else None

    # Notifications of the engine

    def run_started(self, run: ObservedRun) -> None:
        """Note when."""
        self._began, self._trace_id = run.now(), current_trace_id()
        seconds = time.perf_counter() - self._created
        WORKFLOW_BEFORE_GRAPH_SECONDS.labels(self._mode, self._workflow).observe(seconds)

    def node_finished(
        self, run: ObservedRun, node: Node, status: NodeStatus, seconds: float, error: BaseException | None
    ) -> None:
        """Count a node; one that pauses has not ended."""
        if self.owned is not None and not self.owned.is_held:
            return  # another worker may have the run, and counts it
        self._in_nodes += seconds
        if status != "paused":
            NODE_DURATION_SECONDS.labels(node.name, status).observe(seconds)
        if error is not None and status in ("failed", "timeout") and node.declaration.optional:
            place = f"{self._workflow} {node.name}"
            failures.warn("optional_node_failed", place, error, run_id=self._run_id, node=node.name)
        if node.method == MERGED_NODE and self._found:
            lost = status in ("failed", "timeout")
            self._count_searches(
                "timeout" if status == "timeout" else "failed" if lost else "success", seconds
            )

    def item_finished(
        self, run: ObservedRun, node: Node, index: int, item: Any, outcome: Outcome[Any]
    ) -> None:
        """Count the search of a source."""
        if node.method != RESULTS_NODE:
            return
        if outcome.status == "success":
            self._found.append((item, outcome.seconds))
        else:
            count_search(item, outcome.status, outcome.seconds)

    def run_finished(self, run: ObservedRun, status: RunStatus, error: BaseException | None) -> None:
        """Count what was saved by running nodes at the same time."""
        self._graph_ended = time.perf_counter()
        self._count_searches("success")
        PARALLEL_SECONDS_SAVED_TOTAL.labels(self._mode).inc(
            max(0.0, self._in_nodes - (run.now() - self._began))
        )
        agent = run.value("load_agent")
        self._model = self._request.model or (agent.model if isinstance(agent, AgentProfile) else OTHER)

    def _count_searches(self, status: Literal["success", "failed", "timeout"], more: float = 0.0) -> None:
        """Count searches that found something: what was found too late, or was lost, is of no use.

        :param more: the seconds that merging took, where that failed.
        """
        for source, seconds in self._found:
            count_search(source, status, seconds if status == "success" else seconds + more)
        self._found.clear()

    # What the caller gets

    @contextmanager
    def beginning(self) -> Iterator[None]:
        """Count a request that ends here, before it runs."""
        started = time.perf_counter()
        try:
            yield
        except KeyTaken:  # answered by the run that it has begun before, which is counted
            raise
        except (InvalidRequest, LimitExceeded) as error:
            count_rejected(self._request, self._request_counts, self._workflow)
            count_refused(error)
            if isinstance(error, InvalidRequest):
                REQUESTS_REJECTED_TOTAL.labels(_reason(error)).inc()
            raise
        except Exception as error:
            kind = "store" if isinstance(error, StoreError) else "internal"
            self._count_failed(kind, time.perf_counter() - started)
            raise
        except BaseException:
            self._count("cancelled", self.cache_status, time.perf_counter() - started)
            raise

    @contextmanager
    def active(self, zero: float) -> Iterator[None]:
        """Count the run as in flight, and at the end what its reader has got.

        :param zero: time of the request, by the clock of `token`; later by the time it waited for a person.
        """
        try:
            with self.following():
                yield
        finally:
            self.count_tokens(zero)

    @contextmanager
    def following(self) -> Iterator[None]:
        """Count a request as in flight that waits for another's run."""
        gauge = WORKFLOW_ACTIVE.labels(self._mode, self._workflow)
        gauge.inc()
        try:
            yield
        finally:
            gauge.inc(-1)

    def first_token(self, seconds: float) -> None:
        """Count when an answer began, for a caller who streams it."""
        if self._is_streamed:
            if self.cache_status == "hit":
                first = CACHED_FIRST_TOKEN_SECONDS.labels(self._mode, self._workflow)
            else:
                first = TIME_TO_FIRST_TOKEN_SECONDS.labels(self._mode, self._model, self._workflow)
            first.observe(seconds, self._run_id, self._trace_id)

    def count_tokens(self, zero: float) -> None:
        """Count when the reader got the pieces; see `active`."""
        times = self._tokens
        if times:
            self.first_token(times[0] - zero)
        if len(times) > 1:
            INTER_TOKEN_SECONDS.labels(self._model).observe_all(list(map(sub, times[1:], times)))

    # How it ends

    def discard(self) -> None:
        """Count nothing more: another worker has the run, and counts it."""
        self._tokens.clear()

    def answered(self, output: WorkflowOutput, *, saved: bool = True) -> None:
        """Count a run with its answer.

        :param saved: whether the store knows its end.
        """
        if not saved:
            _unsaved.add(self._run_id)
        self._model, self.cache_status = output.model or self._model, output.cache_status
        reasons = output.degradation_reasons
        answerable = "false" if reasons == UNANSWERABLE else "true"
        self._count(
            "degraded" if reasons else "success",
            output.cache_status,
            output.timings.total_seconds,
            quality=output.quality_score if self._is_assessed else None,
            answerable=answerable,
        )
        if self._is_assessed:
            QUALITY_SCORE.labels(self._mode, answerable).observe(output.quality_score, self._run_id)
        if output.answer_probability is not None and "no_sources" not in reasons:
            version = output.answer_calibration
            ANSWER_PROBABILITY.labels(self._mode, version if version in CALIBRATIONS else OTHER).observe(
                output.answer_probability, self._run_id
            )
        if reasons:
            DEGRADED_RESPONSES_TOTAL.labels(self._mode, answerable).inc()
        for reason in reasons:
            DEGRADATIONS_TOTAL.labels(self._mode, reason).inc()
        for warning in output.warnings:
            WARNINGS_TOTAL.labels(self._mode, warning.type).inc()
        for result in output.tool_results:
            if result.status == "denied":  # nobody but us has seen the call
                TOOL_EXECUTIONS_TOTAL.labels(result.name, "denied").inc()

    def failed(self, failure: RunFailed, seconds: float, *, saved: bool = True) -> None:
        """Count a run without an answer.

        :param seconds: the duration, without waits for a person.
        :param saved: whether the store knows its end.
        """
        if not saved:
            _unsaved.add(self._run_id)
        if isinstance(failure, RunCancelled):
            WORKFLOW_CANCELLATIONS_TOTAL.labels(self._mode, failure.error_type, self._workflow).inc()
            self._count("cancelled", self.cache_status, seconds)
        else:
            self._count_failed(failure.error_type, seconds)

    def _count_failed(self, error_type: str, seconds: float) -> None:
        kind = error_type if error_type in ERROR_TYPE else "internal"
        WORKFLOW_ERRORS_TOTAL.labels(self._mode, kind, self._workflow).inc()
        self._count("failed", self.cache_status, seconds)

    def _count(
        self,
        outcome: str,
        cache_status: CacheStatus,
        seconds: float,
        *,
        quality: float | None = None,
        answerable: str = "true",
    ) -> None:
        request = self._request
        if self._graph_ended is not None:
            after = time.perf_counter() - self._graph_ended
            WORKFLOW_AFTER_GRAPH_SECONDS.labels(self._mode, self._workflow).observe(after)
        self._request_counts.add(
            tenant_id=request.tenant_id,
            mode=self._mode,
            outcome=outcome,
            cache_status=cache_status,
            seconds=seconds,
            quality=quality,
            answerable=answerable,
        )
        count_request(self._mode, request.tenant_id, outcome, self._workflow)
        WORKFLOW_DURATION_SECONDS.labels(self._mode, cache_status, request.execution, self._workflow).observe(
            seconds, self._run_id
        )
        if self._has_agent:
            AGENT_USAGE_TOTAL.labels(request.agent_id).inc()


def count_ended(run: EndedRun, request_counts: RequestCounts, *, longest_seconds: float) -> None:
    """Count a run that ended while nothing worked on it: cancelled or expired as it waited, or lost.

    :param longest_seconds: the maximum duration of a run; a lost one counts as if it had taken that.
    """
    if run.run_id in _unsaved:
        _unsaved.remove(run.run_id)
        return
    traits = known_traits(run.workflow)
    metrics = RunMetrics(run.run_id, run.request, request_counts, traits, run.workflow)
    if run.status == "failed":
        lost = RunFailed("The run was lost.", run_id=run.run_id, error_type="lost")
    else:
        lost = RunCancelled("The run was not approved.", run_id=run.run_id, error_type="cancelled")
    metrics.failed(lost, longest_seconds if run.status == "failed" else run.seconds)


def count_rejected(request: WorkflowInput, request_counts: RequestCounts, workflow: str) -> None:
    """Count a request that was turned away before it ran.

    :param workflow: the value of the label.
    """
    request_counts.add(tenant_id=request.tenant_id, mode=request.mode.value, outcome="rejected")
    count_request(request.mode.value, request.tenant_id, "rejected", workflow)


def _reason(error: InvalidRequest) -> str:
    if isinstance(error, Forbidden):
        return "forbidden"
    field = error.field or ""
    for name, reason in UNKNOWN:
        if isinstance(error, NotFound) and field.startswith(name):
            return reason
    return "invalid"


@contextmanager
def unstreamed() -> Iterator[None]:
    """Let requests that begin within have no time to a first token: their callers wait for the whole."""
    token = is_streamed.set(False)
    try:
        yield
    finally:
        is_streamed.reset(token)


def count_refused(error: Exception) -> None:
    """Count that a limit did not allow something."""
    for kind, reason in LIMITS:
        if isinstance(error, kind):
            REQUESTS_REJECTED_TOTAL.labels(reason).inc()
    if isinstance(error, UsageLimited):
        USAGE_LIMIT_REFUSALS_TOTAL.labels(error.level, error.unit, error.period).inc()
    elif isinstance(error, BudgetExceeded) and error.level is not None:
        period = "day" if error.period == "daily" else "month"
        USAGE_LIMIT_REFUSALS_TOTAL.labels(error.level, "dollars", period).inc()
