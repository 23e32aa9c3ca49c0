"""Count the searches of sources that a run makes."""

from __future__ import annotations

from typing import Literal

from vital_shared.billing.run_context import current_run_context
from vital_shared.monitoring.metrics import RAG_DURATION_SECONDS, RAG_RETRIEVALS_TOTAL

__all__ = ["count_search"]


def count_search(source: str, status: Literal["success", "failed", "timeout"], seconds: float) -> None:
    """Count a search; one that belongs to no run has no mode, and is not counted."""
    context = current_run_context.get()
    if context is not None:
        RAG_RETRIEVALS_TOTAL.labels(context.request.mode.value, source, status).inc()
        RAG_DURATION_SECONDS.labels(source).observe(seconds, context.run_id)
