"""A cached answer: it has the events of a run, but nothing is run, reserved, stored or charged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from vital_shared.events.memory import MemoryLog
from vital_shared.models.cache_reason import CacheReason
from vital_shared.models.cancellation import CancelReason
from vital_shared.models.event import CitationFound, RunFinished, RunStarted, WarningRaised
from vital_shared.models.model_call import Tokens
from vital_shared.models.money import to_nanos
from vital_shared.models.workflow_io import Cost, Timings, WorkflowInput, WorkflowOutput
from vital_shared.monitoring.metrics import COST_SAVED_DOLLARS_TOTAL, LLM_CALLS_TOTAL
from vital_shared.workflows.events import RunEvents
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.run_line import log_end
from vital_shared.workflows.run_metrics import RunMetrics

if TYPE_CHECKING:
    from vital_shared.workflows.services import Services

__all__ = ["CachedAnswer", "count_spared", "replayed"]

FREE: Final = Cost()
NO_TOKENS: Final = Tokens()


class CachedAnswer(RunHandle):
    """A request whose answer is already in the cache.

    :param request: the request.
    :param found: the answer as it was given originally.
    :param reason: the kind of the cache entry.
    """

    def __init__(
        self,
        services: Services,
        log: MemoryLog,
        request: WorkflowInput,
        found: WorkflowOutput,
        reason: CacheReason,
        metrics: RunMetrics,
    ) -> None:
        super().__init__(log)
        self._services = services
        self._request = request
        self.found = found
        self._reason = reason
        self._metrics = metrics
        self._started = time.perf_counter()

    async def answer(self) -> WorkflowOutput:
        """Give the answer at once, without events."""
        output = self._answer(time.perf_counter())
        self._metrics.count_tokens(self._started)
        return output

    async def run(self) -> None:
        """Write the answer's events."""
        with self._metrics.active(zero=self._started):
            stream, found = RunEvents(self.log), self.found
            if not self.log.last_seq:
                stream.emit(RunStarted, mode=found.mode)
            for citation in found.citations:
                stream.emit(CitationFound, citation=citation)
            stream.emit_text(found.response)
            for warning in found.warnings:
                stream.emit(WarningRaised, warning=warning)
            stream.emit(RunFinished, output=self._answer(stream.first_token_at or time.perf_counter()))

    def _answer(self, first: float) -> WorkflowOutput:
        """Make the answer one's own, and count it.

        :param first: the time of its text, which is one piece.
        """
        self._metrics.token(first)
        seconds = time.perf_counter() - self._started
        first_token = first - self._started
        output = replayed(self.found, self.run_id, self._request, self._reason, seconds, first_token)
        self._metrics.answered(output)
        count_spared(self._services, self.found, output, self._metrics.workflow)
        log_end(self.run_id, self._request, output, None, seconds, self._metrics.agent_id)
        return output

    def cancel(self, reason: CancelReason = "cancelled") -> None:
        """There is nothing to cancel."""


def replayed(
    found: WorkflowOutput,
    run_id: str,
    request: WorkflowInput,
    reason: CacheReason,
    seconds: float,
    first_token: float | None,
) -> WorkflowOutput:
    """Make an answer another one's own: its run, its user's wish, its time; and it costs nothing.

    :param reason: the kind of entry that it was found by.
    :param seconds: that it took, and ``first_token`` until it began.
    """
    return found.model_copy(
        update={
            "run_id": run_id,
            "cache_status": "hit",
            "cache_reason": reason,
            "execution": request.execution,
            "cost": FREE,
            "tokens": NO_TOKENS,
            "model_calls": (),
            "timings": Timings(total_seconds=seconds, time_to_first_token_seconds=first_token),
        }
    )


def count_spared(services: Services, found: WorkflowOutput, output: WorkflowOutput, workflow: str) -> None:
    """Count what giving an answer again has spared.

    :param found: the answer as it was given first.
    :param workflow: the name in the records of its runs.
    """
    mode, tenant = output.mode.value, output.tenant_id
    spared = [call for call in found.model_calls if call.status == "success"]
    for call in spared:
        LLM_CALLS_TOTAL.labels(mode, call.model, "true", "success").inc()
    nanos = to_nanos(found.cost.total)
    COST_SAVED_DOLLARS_TOTAL.labels(mode, tenant).inc(nanos)
    services.savings.add(
        tenant_id=tenant,
        mode=mode,
        model=output.model or "",
        workflow=workflow,
        calls=len(spared),
        nanos=nanos,
    )
