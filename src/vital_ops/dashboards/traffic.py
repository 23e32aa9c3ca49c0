"""Engines that are up, and requests that they take or turn away."""

from __future__ import annotations

from vital_ops.dashboards.panel import INTERVAL, MODE, RANGE, WORKFLOW, Limit, Panel, Query
from vital_ops.promql import (
    count_of,
    foreign,
    increase,
    rate,
    recorded,
    sum_by,
)
from vital_ops.rules.recording import REJECTION_RATIO, REQUESTS_PER_HOUR, TENANT_ERROR_RATIO
from vital_ops.rules.reliability import REPLICAS_DOWN, WORKER_RESTARTS
from vital_ops.thresholds import Thresholds
from vital_shared.monitoring.metrics import (
    HTTP_REFUSALS_TOTAL,
    HTTP_REQUESTS_TOTAL,
    REQUESTS_REJECTED_TOTAL,
    WORKER_RESTARTS_TOTAL,
    WORKFLOW_CANCELLATIONS_TOTAL,
)

__all__ = ["traffic"]


def traffic(thresholds: Thresholds) -> tuple[Panel, ...]:
    """Make the panels."""
    return (*_engines(thresholds), *_rejections(thresholds), *_ended_early(thresholds), *_http())


def _engines(thresholds: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            key="engines_up",
            title="Engines up",
            description="Engines that answer Prometheus, of all known ones. At 0, nobody gets an answer.",
            kind="lines",
            queries=(
                Query(sum_by(foreign("up")), "up"),
                Query(count_of(foreign("up")), "known"),
                Query(recorded(REPLICAS_DOWN), "down"),
            ),
            unit="short",
            decimals=0,
            least=0,
        ),
        Panel(
            key="worker_restarts",
            title="Worker restarts",
            description="Worker processes replaced in the time shown, by cause, and recently.",
            kind="lines",
            queries=(
                Query(recorded(WORKER_RESTARTS), "lately, all causes"),
                Query(sum_by(increase(WORKER_RESTARTS_TOTAL, RANGE), "cause"), "{{cause}}"),
            ),
            unit="short",
            decimals=0,
            least=0,
            limit=Limit(thresholds["WorkerRestarts"].value, "below"),
        ),
        Panel(
            key="requests_per_hour",
            title="Requests an hour",
            description="Finished requests per hour. A sudden drop: clients no longer reach us.",
            kind="lines",
            queries=(Query(recorded(REQUESTS_PER_HOUR), "requests an hour"),),
            unit="short",
            least=0,
        ),
    )


def _rejections(thresholds: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            key="rejection_share",
            title="Share of requests rejected",
            description="Requests refused for overload or a wrong key, of all that arrived.",
            kind="lines",
            queries=(Query(recorded(REJECTION_RATIO), "rejected"),),
            unit="percentunit",
            decimals=1,
            least=0,
            limit=Limit(thresholds["EngineRejecting"].value, "below"),
        ),
        Panel(
            key="rejections",
            title="Rejections by reason",
            description="Requests rejected per second: budget, rate limit, overload, wrong key.",
            kind="lines",
            queries=(Query(sum_by(rate(REQUESTS_REJECTED_TOTAL, INTERVAL), "reason"), "{{reason}}"),),
            unit="reqps",
            least=0,
        ),
        Panel(
            key="http_refusals",
            title="Refused before the application",
            description="Requests that broke a limit of the HTTP protocol, each second, by the status.",
            kind="lines",
            queries=(Query(sum_by(rate(HTTP_REFUSALS_TOTAL, INTERVAL), "status"), "{{status}}"),),
            unit="reqps",
            least=0,
        ),
    )


def _ended_early(thresholds: Thresholds) -> tuple[Panel, ...]:
    cancelled = sum_by(rate(WORKFLOW_CANCELLATIONS_TOTAL, INTERVAL, mode=MODE, workflow=WORKFLOW), "reason")
    return (
        Panel(
            key="tenant_errors",
            title="Error rate per tenant",
            description="The share of failed requests by tenant; a small tenant hardly shows in the total.",
            kind="lines",
            queries=(Query(recorded(TENANT_ERROR_RATIO), "{{tenant_id}}"),),
            unit="percentunit",
            decimals=1,
            least=0,
            limit=Limit(thresholds["TenantAvailability"].value, "below"),
            width=12,
        ),
        Panel(
            key="cancellations",
            title="Cancelled runs",
            description="Runs that a client cancelled, or whose client had gone, each second.",
            kind="lines",
            queries=(Query(cancelled, "{{reason}}"),),
            unit="reqps",
            least=0,
            width=12,
        ),
    )


def _http() -> tuple[Panel, ...]:
    return (
        Panel(
            key="http_requests",
            title="HTTP requests by route",
            description="Answered requests per second, by route template.",
            kind="lines",
            queries=(Query(sum_by(rate(HTTP_REQUESTS_TOTAL, INTERVAL), "route"), "{{route}}"),),
            unit="reqps",
            least=0,
            width=12,
        ),
        Panel(
            key="http_statuses",
            title="HTTP answers by status class",
            description="Answers each second, by the class of their status: 4xx is the client's, 5xx ours.",
            kind="lines",
            queries=(Query(sum_by(rate(HTTP_REQUESTS_TOTAL, INTERVAL), "status_class"), "{{status_class}}"),),
            unit="reqps",
            least=0,
            width=12,
        ),
    )
