"""Count the searches of sources that a run makes."""

from __future__ import annotations

from typing import Literal

from vital_shared.monitoring.bill import current_bill
from vital_shared.monitoring.metrics import RAG_DURATION_SECONDS, RAG_RETRIEVALS_TOTAL

__all__ = ["count_search"]


def count_search(source: str, status: Literal["success", "failed", "timeout"], seconds: float) -> None:
    """Count a search; one that belongs to no run has no mode, and is not counted."""
    bill = current_bill.get()
    if bill is not None:
        RAG_RETRIEVALS_TOTAL.at(bill.question.mode.value, source, status).inc()
        RAG_DURATION_SECONDS.at(source).observe(seconds, bill.run_id)
