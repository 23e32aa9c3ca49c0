"""The trace of a run, and its address in the trace viewer."""

from __future__ import annotations

import asyncio

from ai_engine.engine import Engine
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.execution import SPAN_NAME

__all__ = ["trace_of", "trace_url"]


def trace_of(record: RunRecord) -> str | None:
    """Return the id of the trace of a run's last part; None: it was not traced, or is at work.

    That of a run that waits stands beside its checkpoint, as W3C's traceparent.
    """
    if record.trace_id is not None:
        return record.trace_id
    written = (record.checkpoint or {}).get(SPAN_NAME)
    return written.split("-")[1] if isinstance(written, str) and written.endswith("-01") else None


async def trace_url(engine: Engine, trace_id: str) -> str | None:
    """Return the address under which people see a trace; None: it is not configured."""
    if engine.monitor is None:
        return None
    monitor = await asyncio.to_thread(engine.monitor)
    return monitor.trace_url(trace_id, engine.settings.ops_config)
