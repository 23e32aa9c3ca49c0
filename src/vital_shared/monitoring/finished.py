"""Count finished requests, with their tenant and workflow, and over all of them."""

from __future__ import annotations

from vital_shared.monitoring.metrics import WORKFLOW_REQUESTS_OVERALL_TOTAL, WORKFLOW_REQUESTS_TOTAL

__all__ = ["count_request"]


def count_request(mode: str, tenant_id: str, outcome: str, workflow: str) -> None:
    """Count a request that has ended, or was turned away."""
    WORKFLOW_REQUESTS_TOTAL.labels(mode, tenant_id, outcome, workflow).inc()
    WORKFLOW_REQUESTS_OVERALL_TOTAL.labels(mode, outcome).inc()
