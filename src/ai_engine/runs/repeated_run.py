"""The run that a request has begun before, for a client that sends the request again."""

from __future__ import annotations

import asyncio
from typing import Final

from ai_engine.engine import Engine
from ai_engine.runs.hub import LiveRun
from ai_engine.runs.peer_run import PeerRun
from vital_shared.errors import RunUnderWay, StoreError
from vital_shared.events.memory import MemoryLog
from vital_shared.models.cancellation import CancelReason
from vital_shared.models.event import (
    CitationFound,
    RunFailedEvent,
    RunFinished,
    RunPaused,
    RunStarted,
    WarningRaised,
)
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.store.run_record import REPEATABLE_FAILURES, RunRecord
from vital_shared.workflows.events import RunEvents
from vital_shared.workflows.run_handle import RunHandle

__all__ = ["repeated_run"]

NEW_LOG_SECONDS: Final = 0.5
"""The longest wait for the log of a run that another process has just begun."""

DEATH_POLLS: Final = 20
DEATH_POLL_SECONDS: Final = 0.1
"""Another worker may be about to end the run, or the dead process not quite gone."""


async def repeated_run(engine: Engine, run_id: str, tenant_id: str, *, after: int = 0) -> LiveRun | None:
    """Return a run to follow from its first event on: here, at another worker, or from the store.

    None: it ended by a fault of the engine's own, so the request may begin another.

    :param after: the number of the pause behind which another worker goes on with it; its log may have no
        more as yet, and would end there.
    :raises RunUnderWay: when it goes on in another replica.
    :raises NotFound: when it was deleted meanwhile.
    :raises StoreError: when the store is away; until it has the run's end, none can take its place.
    """
    here = engine.hub.find(run_id)
    if here is not None and here.log.first_seq == 1 and not (here.is_paused or _is_repeatable(here)):
        return here
    services = engine.services
    peer_log = await services.logs.find_peer_log(run_id)
    if peer_log is None or peer_log.state == "lost":
        stored = await services.runs.get(run_id, tenant_id=tenant_id, now=services.now())
        if stored.status == "queued":
            raise _under_way(run_id)
        if (
            stored.status == "running" and stored.is_durable
        ):  # another worker goes on with it, if not this one
            return engine.hub.follow(PeerRun(engine, run_id, after), tenant_id)
        if stored.status == "running":  # perhaps since a moment ago
            peer_log = await services.logs.find_peer_log(run_id, NEW_LOG_SECONDS)
    if peer_log is not None and (peer_log.tenant_id, peer_log.state) == (tenant_id, "live"):
        return engine.hub.follow(PeerRun(engine, run_id, after), tenant_id)
    record = await _known_end(engine, run_id, tenant_id)
    if record.status == "running":
        raise _under_way(run_id)
    if record.error_type in REPEATABLE_FAILURES:
        await _store_end(engine, run_id)
        return None
    return engine.hub.follow(_StoredRun(record), tenant_id)


def _under_way(run_id: str) -> RunUnderWay:
    return RunUnderWay(
        f"The first request with this Idempotency-Key is still worked on, as run {run_id}: "
        "try again in a moment",
        field="Idempotency-Key",
    )


def _is_repeatable(run: LiveRun) -> bool:
    end = run.log.outcome
    if isinstance(end, RunFailedEvent):
        return end.error_type in REPEATABLE_FAILURES
    return isinstance(run.error, StoreError)


async def _store_end(engine: Engine, run_id: str) -> None:
    """Bring the end of a run into the store, where its key is looked up."""
    await engine.sweep.sweep()
    if engine.services.runs.charge_writer.waiting_end(run_id) is not None:
        raise StoreError(
            "The end of the first run with this Idempotency-Key is not stored yet: try again soon"
        )


async def _known_end(engine: Engine, run_id: str, tenant_id: str) -> RunRecord:
    """Read the record of a run that no worker has; where its worker has just died, the run is ended first."""
    services = engine.services
    for _ in range(DEATH_POLLS):
        record = await services.runs.get(run_id, tenant_id=tenant_id, now=services.now())
        if record.status != "running":
            break
        await engine.sweep.end_lost()
        await asyncio.sleep(DEATH_POLL_SECONDS)
    return record


class _StoredRun(RunHandle):
    """A run that has ended or paused, as its own run handle."""

    def __init__(self, record: RunRecord) -> None:
        super().__init__(MemoryLog(record.id))
        self._record = record

    async def run(self) -> None:
        """Make its events from what is stored."""
        record, stream = self._record, RunEvents(self.log)
        stream.emit(RunStarted, mode=record.mode)
        if record.output is None:
            stream.emit(RunFailedEvent, **_failure(record))
        else:
            _write_answer(stream, record.output)

    def cancel(self, reason: CancelReason = "cancelled") -> None:
        """There is nothing to cancel."""


def _write_answer(stream: RunEvents, output: WorkflowOutput) -> None:
    if output.status == "awaiting_approval":
        stream.emit(RunPaused, output=output)
        return
    for citation in output.citations:
        stream.emit(CitationFound, citation=citation)
    if output.response:
        stream.emit_text(output.response)
    for warning in output.warnings:
        stream.emit(WarningRaised, warning=warning)
    stream.emit(RunFinished, output=output)


def _failure(record: RunRecord) -> dict[str, object]:
    return {
        "error_type": record.error_type or record.status,
        "message": record.error_message or f"The run is {record.status}.",
        "node": record.error_node,
    }
