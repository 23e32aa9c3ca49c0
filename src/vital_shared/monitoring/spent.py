"""Count money: with its tenant, and over all tenants."""

from __future__ import annotations

from vital_shared.models.charge import CostType
from vital_shared.monitoring.metrics import COST_DOLLARS_TOTAL, COST_OVERALL_DOLLARS_TOTAL

__all__ = ["count_cost"]


def count_cost(mode: str, tenant_id: str, cost_type: CostType, nanos: int) -> None:
    """Count what was spent, once it is in the ledger.

    :param nanos: whole nano-dollars.
    """
    COST_DOLLARS_TOTAL.at(mode, tenant_id, cost_type).inc(nanos)
    COST_OVERALL_DOLLARS_TOTAL.at(mode, cost_type).inc(nanos)
