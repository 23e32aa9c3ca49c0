"""Count money by tenant, over all tenants and by node, and the charges that were clamped or estimated."""

from __future__ import annotations

from vital_shared.models.charge import Charge
from vital_shared.monitoring.metrics import (
    CHARGES_FLAGGED_TOTAL,
    COST_DOLLARS_TOTAL,
    COST_OVERALL_DOLLARS_TOTAL,
    NODE_COST_DOLLARS_TOTAL,
)

__all__ = ["count_charge"]


def count_charge(mode: str, tenant_id: str, workflow: str, charge: Charge) -> None:
    """Count a charge, once it is in the ledger.

    :param workflow: the value of the label.
    """
    COST_DOLLARS_TOTAL.labels(mode, tenant_id, charge.cost_type, workflow).inc(charge.cost_nanos)
    COST_OVERALL_DOLLARS_TOTAL.labels(mode, charge.cost_type).inc(charge.cost_nanos)
    if charge.node:
        NODE_COST_DOLLARS_TOTAL.labels(charge.node, charge.cost_type).inc(charge.cost_nanos)
    if charge.clamped:
        CHARGES_FLAGGED_TOTAL.labels("clamped").inc()
    if charge.tokens.estimated:
        CHARGES_FLAGGED_TOTAL.labels("estimated").inc()
