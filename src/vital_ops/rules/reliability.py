"""Alerts beyond the twelve: engines that are gone, traffic, single tenants, and alerting itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from vital_ops.definitions import FAILED
from vital_ops.durations import write_seconds
from vital_ops.expressions.expression import QueryExpression
from vital_ops.promql import (
    SCOPE,
    and_on,
    calculate,
    compare,
    foreign,
    in_brackets,
    increase,
    increase_from_birth,
    label_added,
    max_by,
    offset,
    or_else,
    over_time,
    rate,
    recorded,
    select,
    sum_by,
    undelivered,
    write_number,
)
from vital_ops.rules.alert import THE_HOLDER, THE_TENANT, AlertSpec, Contributors
from vital_ops.rules.budget_tests import budget, usage_limit
from vital_ops.rules.case import Case
from vital_ops.rules.judged_tests import rising
from vital_ops.rules.outage import ENGINES_UP_NOW
from vital_ops.rules.recording import (
    ALL,
    BUDGET_USED,
    LIMIT_LABELS,
    REFUSED,
    REJECTION_RATIO,
    REQUESTS_PER_HOUR,
    TENANT_ERROR_RATIO,
    USAGE_LIMIT_USED,
    arrived,
    tenant_requests,
)
from vital_ops.rules.reliability_tests import (
    REPLICAS_DOWN,
    engine_down,
    failing_notifications,
    replica_down,
)
from vital_ops.rules.shapes import rejections
from vital_ops.rules.store_tests import restarts, set_aside
from vital_ops.rules.tenant_tests import failing_tenant
from vital_ops.rules.traffic_tests import dropped_traffic
from vital_ops.thresholds import Threshold, numbers
from vital_ops.uids import COST, RELIABILITY
from vital_shared.monitoring.metrics import (
    CHARGES_FLAGGED_TOTAL,
    COST_DOLLARS_TOTAL,
    REQUESTS_REJECTED_TOTAL,
    STORE_DEAD_LETTERS,
    WORKER_RESTARTS_TOTAL,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = [
    "RELIABILITY_ALERTS",
    "REPLICAS_DOWN",
    "SET_ASIDE",
    "TENANT_BUDGET",
    "USAGE_LIMIT",
    "WORKER_RESTARTS",
]

TENANT_BUDGET: Final = "TenantBudget"
"""The name of three alerts, of a share each of a tenant's budget."""

USAGE_LIMIT: Final = "UsageLimit"
"""The name of two alerts, of a share each of a limit."""

SET_ASIDE: Final = "vital:set_aside:count"
WORKER_RESTARTS: Final = "vital:worker_restarts:count"

DAY: Final = "1d"
"""The time whose spending names the contributors to a budget's use, of a month's budget too."""

_DOWN: Final = Contributors("instance", lambda _: f"up{{{SCOPE}}} == bool 0")
"""The engines that do not answer, as far as Prometheus knows of them."""


def _replicas_down(at: Threshold) -> str:
    """Write it as a text: an engine cannot judge by its own samples which others are up."""
    return f"{recorded(REPLICAS_DOWN)} >= {write_number(at.value)}"


def _not_delivered(at: Threshold) -> str:
    """Write it as a text: Alertmanager counts it, and an engine has no samples of that."""
    return f"{sum_by(undelivered(at.range))} >= {write_number(at.value)}"


def _rejecting(at: Threshold) -> str:
    return and_on(
        compare(recorded(REJECTION_RATIO), ">", at.value), compare(arrived(at.range), ">=", at.least_events)
    )


def _dropped(at: Threshold) -> str:
    """Compare with the same hour a week before, or else yesterday's, or else the hour before."""
    now = recorded(REQUESTS_PER_HOUR)
    usual = in_brackets(or_else(*(offset(now, write_seconds(back)) for back in (at.week, at.day, at.before))))
    return and_on(compare(now, "<", calculate(at.value, "*", usual)), compare(usual, ">=", at.least_events))


def _missing(at: Threshold) -> QueryExpression:
    """Write how many requests an hour fewer arrive from each tenant than usual."""
    now = rate(WORKFLOW_REQUESTS_TOTAL, at.range, outcome=ALL)
    backs = map(write_seconds, (at.week, at.day, at.before))
    usual = in_brackets(or_else(*(sum_by(offset(now, back), "tenant_id") for back in backs)))
    fewer = or_else(calculate(usual, "-", sum_by(now, "tenant_id")), usual)
    return calculate(in_brackets(fewer), "*", 3600)


def _tenant_fails(at: Threshold) -> str:
    ended = tenant_requests(*ALL)
    return and_on(
        compare(recorded(TENANT_ERROR_RATIO), ">", at.value),
        compare(ended, ">=", at.least_events),
        labels=("tenant_id",),
    )


def _set_aside(at: Threshold) -> str:
    """Count the writes that wait for a person, and the charges that were clamped in a window."""
    return calculate(_dead_letters(at), "+", _clamped(at))


def _dead_letters(at: Threshold) -> QueryExpression:
    """Return the last number that an engine has shown: an outage does not make it vanish at once."""
    return max_by(over_time("last", select(STORE_DEAD_LETTERS), at.range))


def _clamped(at: Threshold) -> QueryExpression:
    return sum_by(increase(CHARGES_FLAGGED_TOTAL, at.range, flag="clamped"))


def _kinds_set_aside(at: Threshold) -> QueryExpression:
    """Distinguish the writes from the charges, with what each is as its label."""
    writes = label_added(_dead_letters(at), "kind", "writes set aside")
    return or_else(writes, label_added(_clamped(at), "kind", "charges clamped"))


def _spent_by_mode(tenant: str) -> Contributors:
    """Make the contributors of what a tenant has spent in a day.

    :param tenant: the label of the alert that names it.
    """
    return Contributors(
        "mode",
        lambda _: increase_from_birth(COST_DOLLARS_TOTAL, DAY, "mode", tenant_id=tenant),
        "dollars",
    )


class _SpentShare(NamedTuple):
    """A share of an amount that may be spent, at which somebody is notified."""

    row: str
    share: float
    fires_when: str
    description: str


def _tenant_budget(mark: _SpentShare) -> AlertSpec:
    """Make one of the alerts on a tenant's budgets; a period's end is the end of all of them."""
    alert = _spending(
        TENANT_BUDGET,
        mark,
        cases=budget,
        summary="{{{{ $labels.tenant_id }}}} has spent {value} of its budget for the "
        "{{{{ $labels.period }}}}; the threshold is {limit}",
        panel="budget_used",
        used=BUDGET_USED,
        labels=("tenant_id", "period"),
    )
    return replace(alert, contributors=_spent_by_mode(THE_TENANT))


def _usage_limit(mark: _SpentShare) -> AlertSpec:
    """Make one of the alerts on limits, of organisations, tenants, keys and users."""
    alert = _spending(
        USAGE_LIMIT,
        mark,
        cases=usage_limit,
        summary="{value} of a limit of {{{{ $labels.holder }}}} is used (level {{{{ $labels.level }}}}, "
        "{{{{ $labels.unit }}}} per {{{{ $labels.period }}}}); the threshold is {limit}",
        panel="usage_limits_used",
        used=USAGE_LIMIT_USED,
        labels=LIMIT_LABELS,
    )
    return replace(alert, contributors=_spent_by_mode(THE_HOLDER))


def _spending(
    name: str,
    mark: _SpentShare,
    *,
    cases: Callable[[Threshold], Iterable[Case]],
    summary: str,
    panel: str,
    used: str,
    labels: tuple[str, ...],
) -> AlertSpec:
    """Make an alert on the share that is spent of an amount.

    :param used: the recorded share.
    """
    return AlertSpec(
        name=name,
        row=mark.row,
        threshold=numbers(mark.share, "10m", "0m", 0),
        fires_when=mark.fires_when,
        cases=cases,
        own=(("share", "{percent}"),),
        group="reliability",
        severity="warning",
        team="finance",
        receivers=("email", "slack"),
        summary=summary,
        description=mark.description,
        dashboard=COST,
        panel=panel,
        unit="share",
        condition=lambda at: compare(recorded(used), ">=", at.value),
        shown=used,
        labels=labels,
    )


RELIABILITY_ALERTS: Final[tuple[AlertSpec, ...]] = (
    AlertSpec(
        name="EngineDown",
        threshold=numbers(1, "1m", "1m", 0),
        only_value=1,
        fires_when="no engine answers Prometheus",
        cases=engine_down,
        group="reliability",
        severity="critical",
        team="platform",
        receivers=("slack", "pagerduty"),
        summary="{value} engines are up; there should be at least {limit}",
        description="Nobody gets an answer. The engine's other alerts keep their state until it is back.",
        dashboard=RELIABILITY,
        panel="engines_up",
        unit="number",
        condition=lambda _: f"{ENGINES_UP_NOW} == 0",
        shown=None,
        contributors=_DOWN,
    ),
    AlertSpec(
        name="ReplicaDown",
        threshold=numbers(1, "5m", "5m", 0),
        fires_when="some engines do not answer Prometheus, and others do",
        cases=replica_down,
        group="reliability",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="{value} of the engines are down; the threshold is {limit}",
        description="The others take over their requests; less capacity is left.",
        dashboard=RELIABILITY,
        panel="engines_up",
        unit="number",
        condition=_replicas_down,
        shown=REPLICAS_DOWN,
        records=lambda _: sum_by(calculate(1, "-", foreign("up"))),
        contributors=_DOWN,
    ),
    AlertSpec(
        name="EngineRejecting",
        threshold=numbers(0.10, "5m", "5m"),
        below=1,
        fires_when="more than 10 % of the requests are refused for overload or a wrong key",
        cases=lambda at: rising(at, rejections, REJECTION_RATIO),
        group="reliability",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="{value} of requests are refused because of overload or an invalid key; the limit is {limit}",
        description="The engine is too small for its load, or somebody is guessing keys.",
        dashboard=RELIABILITY,
        panel="rejection_share",
        unit="share",
        condition=_rejecting,
        shown=REJECTION_RATIO,
        contributors=Contributors(
            "reason",
            lambda at: sum_by(increase(REQUESTS_REJECTED_TOTAL, at.range, reason=REFUSED), "reason"),
        ),
    ),
    AlertSpec(
        name="NotificationsFailing",
        threshold=numbers(1, "5m", "5m", 0),
        fires_when="Alertmanager could not deliver a notification; webhooks do not count",
        cases=failing_notifications,
        group="reliability",
        severity="warning",
        team="platform",
        receivers=("email",),
        summary="Alertmanager could not deliver {value} notifications in {window}; the threshold is {limit}",
        description="Alerts may not reach their receivers.",
        dashboard=RELIABILITY,
        panel="notification_failures",
        unit="number",
        condition=_not_delivered,
        shown=None,
        contributors=Contributors(
            "integration",
            lambda at: sum_by(undelivered(at.range), "integration"),
        ),
    ),
    AlertSpec(
        name="DeadLetters",
        threshold=numbers(1, "10m", "0m", 0),
        fires_when="a write was set aside, or a charge clamped",
        cases=set_aside,
        group="reliability",
        severity="warning",
        team="finance",
        receivers=("slack", "email"),
        summary="{value} writes were set aside or charges clamped; the threshold is {limit}",
        description="A charge or the end of a run is missing from the store, and somebody has to repair it.",
        dashboard=RELIABILITY,
        panel="set_aside",
        unit="number",
        condition=lambda at: compare(recorded(SET_ASIDE), ">=", at.value),
        shown=SET_ASIDE,
        records=_set_aside,
        contributors=Contributors("kind", _kinds_set_aside),
    ),
    AlertSpec(
        name="TrafficDropped",
        threshold=numbers(0.20, "15m", "15m", 100),
        below=1,
        fires_when="requests are below 20 % of the same hour a week before, "
        "else yesterday, else an hour before",
        cases=dropped_traffic,
        group="reliability",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="Only {value} requests an hour arrive, less than {percent} % of the usual number",
        description="The usual number is that of this hour last week, else yesterday, else the hour before. "
        "The tenants with the most requests missing are named.",
        dashboard=RELIABILITY,
        panel="requests_per_hour",
        unit="number",
        condition=_dropped,
        is_lack=True,
        shown=REQUESTS_PER_HOUR,
        contributors=Contributors("tenant_id", _missing),
    ),
    AlertSpec(
        name="TenantAvailability",
        threshold=numbers(0.50, "10m", "5m"),
        below=1,
        fires_when="more than half of a tenant's requests fail",
        cases=failing_tenant,
        group="reliability",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="{value} of the requests of {{{{ $labels.tenant_id }}}} fail; the limit is {limit}",
        description="One tenant gets errors; among all tenants' requests they may be too few to notice.",
        dashboard=RELIABILITY,
        panel="tenant_errors",
        unit="share",
        condition=_tenant_fails,
        shown=TENANT_ERROR_RATIO,
        labels=("tenant_id",),
        contributors=Contributors(
            "mode",
            lambda at: increase_from_birth(
                WORKFLOW_REQUESTS_TOTAL, at.range, "mode", outcome=FAILED, tenant_id=THE_TENANT
            ),
        ),
    ),
    AlertSpec(
        name="WorkerRestarts",
        threshold=numbers(3, "10m", "0m", 0),
        fires_when="3 workers or more were replaced",
        cases=restarts,
        group="reliability",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="{value} workers were replaced in {window}; the threshold is {limit}",
        description="Workers exit, are killed or hang. The runs of such a worker continue on another.",
        dashboard=RELIABILITY,
        panel="worker_restarts",
        unit="number",
        condition=lambda at: compare(recorded(WORKER_RESTARTS), ">=", at.value),
        shown=WORKER_RESTARTS,
        records=lambda at: sum_by(increase(WORKER_RESTARTS_TOTAL, at.range)),
        contributors=Contributors(
            "cause", lambda at: sum_by(increase(WORKER_RESTARTS_TOTAL, at.range), "cause")
        ),
    ),
    _tenant_budget(
        _SpentShare(
            "TenantBudgetHalf",
            0.5,
            "a tenant has spent 50 % of a budget",
            "The alert lasts until the budget's period ends.",
        )
    ),
    _tenant_budget(
        _SpentShare(
            "TenantBudgetNearlySpent",
            0.8,
            "a tenant has spent 80 % of a budget",
            "The alert lasts until the budget's period ends. "
            "At 100 %, further requests from the tenant are refused.",
        )
    ),
    _tenant_budget(
        _SpentShare(
            "TenantBudgetSpent",
            1,
            "a tenant has spent a budget",
            "At 100 %, further requests from the tenant are refused until the period ends.",
        )
    ),
    _usage_limit(
        _SpentShare(
            "UsageLimitNearlySpent",
            0.8,
            "80 % of a limit of a day or a month is spent",
            "The alert lasts until the limit's period ends. At 100 %, further requests under it are refused.",
        )
    ),
    _usage_limit(
        _SpentShare(
            "UsageLimitSpent",
            1,
            "a limit of a day or a month is spent",
            "At 100 %, further requests under the limit are refused until the period ends.",
        )
    ),
)
"""In the order of the table of all alerts."""
