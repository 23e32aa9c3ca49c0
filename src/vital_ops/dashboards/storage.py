"""The store's dead letters and flagged charges, and notifications that fail."""

from __future__ import annotations

from vital_ops.dashboards.panel import RANGE, Limit, Panel, Query
from vital_ops.promql import (
    increase,
    max_by,
    select,
    sum_by,
    undelivered,
)
from vital_ops.thresholds import Thresholds
from vital_shared.monitoring.metrics import (
    BACKGROUND_TASK_FAILURES_TOTAL,
    CHARGES_FLAGGED_TOTAL,
    LOCAL_WRITE_FAILURES_TOTAL,
    STORE_CALLBACK_FAILURES_TOTAL,
    STORE_DEAD_LETTERS,
)

__all__ = ["storage"]


def storage(thresholds: Thresholds) -> tuple[Panel, ...]:
    """Make the panels."""
    failing = thresholds["NotificationsFailing"]
    return (
        Panel(
            key="set_aside",
            title="Dead letters",
            description="Writes that never succeed and wait for you; callbacks, tasks, disks that failed.",
            kind="lines",
            queries=(
                Query(max_by(select(STORE_DEAD_LETTERS)), "set aside"),
                Query(sum_by(increase(STORE_CALLBACK_FAILURES_TOTAL, RANGE)), "callbacks failed"),
                Query(sum_by(increase(BACKGROUND_TASK_FAILURES_TOTAL, RANGE)), "tasks failed"),
                Query(sum_by(increase(LOCAL_WRITE_FAILURES_TOTAL, RANGE)), "local writes failed"),
            ),
            unit="short",
            decimals=0,
            least=0,
            limit=Limit(thresholds["DeadLetters"].value, "below"),
        ),
        Panel(
            key="flagged_charges",
            title="Flagged charges",
            description="Charges in the time shown that were estimated, or clamped as impossible.",
            kind="lines",
            queries=(Query(sum_by(increase(CHARGES_FLAGGED_TOTAL, RANGE), "flag"), "{{flag}}"),),
            unit="short",
            decimals=0,
            least=0,
        ),
        Panel(
            key="notification_failures",
            title="Notifications that failed",
            description="Messages that did not reach a receiver in the alert's window, without webhooks.",
            kind="lines",
            queries=(
                Query(sum_by(undelivered(failing.range)), "all"),
                Query(sum_by(undelivered(failing.range), "integration"), "{{integration}}"),
            ),
            unit="short",
            decimals=0,
            least=0,
            if_empty="Prometheus does not read Alertmanager",
            limit=Limit(failing.value, "below"),
        ),
    )
