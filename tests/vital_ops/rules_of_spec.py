"""The table of all alerts, as it was agreed upon: their numbers, and what each says, where and to whom.

It is written out and built from nothing: a change of the rules has to be made here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import panel_url

__all__ = ["CRITICAL", "NUMBERS", "RECEIVERS", "SAID", "Said", "faults"]

NUMBERS = {
    "HighErrorRate": (0.05, "5m", 5, 20),
    "HighLatency": (10, "5m", 5, 20),
    "VeryHighLatency": (30, "5m", 5, 20),
    "LowCacheHitRate": (0.4, "10m", 15, 20),
    "CacheNearCapacity": (0.95, "10m", 10, 0),
    "HighCacheEvictionRate": (10, "10m", 10, 0),
    "HighDailyCost": (100, "1d", 60, 0),
    "SuddenCostSpike": (2, "10m", 10, 0),
    "LowQualityScore": (0.8, "10m", 10, 20),
    "HighDegradationRate": (0.2, "10m", 10, 20),
    "HighToolFailureRate": (0.1, "10m", 10, 20),
    "HighRAGFailureRate": (0.05, "10m", 10, 20),
    "DeadLetters": (1, "10m", 0, 0),
    "EngineDown": (1, "1m", 1, 0),
    "ReplicaDown": (1, "5m", 5, 0),
    "EngineRejecting": (0.1, "5m", 5, 20),
    "NotificationsFailing": (1, "5m", 5, 0),
    "TrafficDropped": (0.2, "15m", 15, 100),
    "TenantAvailability": (0.5, "10m", 5, 20),
    "WorkerRestarts": (3, "10m", 0, 0),
    "TenantBudgetHalf": (0.5, "10m", 0, 0),
    "TenantBudgetNearlySpent": (0.8, "10m", 0, 0),
    "TenantBudgetSpent": (1, "10m", 0, 0),
    "UsageLimitNearlySpent": (0.8, "10m", 0, 0),
    "UsageLimitSpent": (1, "10m", 0, 0),
}
"""Each alert's threshold, window, minutes that it has to hold, and least events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an alert says, where and to whom."""

    name: str
    group: str
    severity: str
    team: str
    incident: str
    receivers: tuple[str, ...]
    hold: str
    summary: str
    description: str
    panel: tuple[str, str]
    contributors: str = ""
    shown: str = ""
    combined: str = ""
    """The aggregation of what is shown, where it has several series."""
    own: Mapping[str, str] = field(default_factory=dict)
    counted: str = ""
    """The part of the expression that makes the value in its text, where any other would fire alike."""
    expr: str = ""
    """The whole expression, where it has no parts that a test could distinguish."""

    @property
    def labels(self) -> dict[str, str]:
        """Its rule's labels."""
        known = {"severity": self.severity, "team": self.team, "incident": self.incident}
        return {**known, "notify": "-".join(self.receivers) or "engine", **self.own}


def faults(said: Said, group: str, rule: Mapping[str, Any]) -> Iterator[str]:
    """Find what a rule says otherwise than the table."""
    links = {
        "runbook_url": f"http://127.0.0.1:8000/runbooks/{said.name}",
        "dashboard_url": panel_url(DEFAULT_CONFIG, *said.panel)
        if said.panel[1]
        else f"http://127.0.0.1:3000/d/{said.panel[0]}",
    }
    annotations = {"summary": said.summary, "description": said.description, **links}
    if said.contributors:
        annotations["contributors"] = said.contributors
    found = {
        "name": (rule["alert"], said.name),
        "group": (group, said.group),
        "labels": (rule["labels"], said.labels),
        "for": (rule.get("for", ""), said.hold),
        "keep_firing_for": (rule.get("keep_firing_for", ""), ""),
        "annotations": (rule["annotations"], annotations),
    }
    yield from (part for part, (written, agreed) in found.items() if written != agreed)
    expr = " ".join(rule["expr"].replace("{}", "").replace(")(", ") (").split())
    value = f"last_over_time({said.shown}[1d])"
    value = f"{said.combined} ({value})" if said.combined else value
    if said.shown and f"({value} and on (" not in expr:
        yield "value shown while no engine is up"
    judged = re.escape(f"{said.combined} ({said.shown})" if said.combined else said.shown)
    if said.shown and not re.match(rf"[( ]*{judged}\)* [<>]=? [\d.]+(?:[ )]|$)", expr):
        yield "value shown"
    if said.counted not in expr:
        yield "value"
    if said.expr and rule["expr"] != said.expr:
        yield "expression"


BUDGET = Said(
    name="TenantBudget",
    group="vital-reliability",
    severity="warning",
    team="finance",
    incident="TenantBudget",
    receivers=("email", "slack"),
    hold="",
    summary="{{ $labels.tenant_id }} has spent {{ $value | humanizePercentage }} of its budget for the {{ $labels.period }}; the threshold is {{ 0.5 | humanizePercentage }}",
    description="The alert lasts until the budget's period ends.",
    panel=("vital-cost", "budget_used"),
    shown="vital:budget_used:ratio",
    contributors='{{ range query (printf `sort_desc(topk(3, (sum by (mode) (increase(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) + (min_over_time(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) unless vital_cost_dollars_total{job="vital",tenant_id=%[1]q} offset 1d and count_over_time(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) < on (job, instance) group_left () count_over_time(vital_metric_series_limit{job="vital"}[1d])) or increase(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) or (min_over_time(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) unless vital_cost_dollars_total{job="vital",tenant_id=%[1]q} offset 1d and count_over_time(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) < on (job, instance) group_left () count_over_time(vital_metric_series_limit{job="vital"}[1d])))) > 0))` $labels.tenant_id) }}{{ .Labels.mode }} (${{ .Value | printf "%.2f" }}) {{ end }}',
    own={"share": "50"},
)
"""The alert of half a budget; the other two differ in little."""

LIMIT = Said(
    name="UsageLimit",
    group="vital-reliability",
    severity="warning",
    team="finance",
    incident="UsageLimit",
    receivers=("email", "slack"),
    hold="",
    summary="{{ $value | humanizePercentage }} of a limit of {{ $labels.holder }} is used (level {{ $labels.level }}, {{ $labels.unit }} per {{ $labels.period }}); the threshold is {{ 0.8 | humanizePercentage }}",
    description="The alert lasts until the limit's period ends. At 100 %, further requests under it are refused.",
    panel=("vital-cost", "usage_limits_used"),
    shown="vital:usage_limit_used:ratio",
    contributors='{{ range query (printf `sort_desc(topk(3, (sum by (mode) (increase(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) + (min_over_time(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) unless vital_cost_dollars_total{job="vital",tenant_id=%[1]q} offset 1d and count_over_time(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) < on (job, instance) group_left () count_over_time(vital_metric_series_limit{job="vital"}[1d])) or increase(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) or (min_over_time(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) unless vital_cost_dollars_total{job="vital",tenant_id=%[1]q} offset 1d and count_over_time(vital_cost_dollars_total{job="vital",tenant_id=%[1]q}[1d]) < on (job, instance) group_left () count_over_time(vital_metric_series_limit{job="vital"}[1d])))) > 0))` $labels.holder) }}{{ .Labels.mode }} (${{ .Value | printf "%.2f" }}) {{ end }}',
    own={"share": "80"},
)
"""The alert of 80 % of a limit; that of a spent one differs in little."""

SAID = {
    "HighErrorRate": Said(
        name="HighErrorRate",
        group="vital-performance",
        severity="warning",
        team="platform",
        incident="HighErrorRate",
        receivers=("slack", "pagerduty"),
        hold="5m",
        summary="{{ $value | humanizePercentage }} of the requests fail; the limit is {{ 0.05 | humanizePercentage }}",
        description="Users get an error instead of an answer. Degraded answers do not count as failures.",
        panel=("vital-performance", "error_rate"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (tenant_id) (increase(vital_workflow_requests_total{job="vital",outcome="failed"}[5m]))) > 0))` }}{{ .Labels.tenant_id }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:workflow_errors:ratio",
    ),
    "HighLatency": Said(
        name="HighLatency",
        group="vital-performance",
        severity="warning",
        team="platform",
        incident="HighLatency",
        receivers=("slack",),
        hold="5m",
        summary="One request in twenty takes more than {{ $value | humanizeDuration }}; the limit is {{ 10 | humanizeDuration }}",
        description="The 95th percentile of request duration is too high.",
        panel=("vital-performance", "p95_latency"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (model) (rate(vital_llm_call_duration_seconds_sum{job="vital"}[5m])) / (sum by (model) (rate(vital_llm_call_duration_seconds_count{job="vital"}[5m])) > 0)) > 0))` }}{{ .Labels.model }} ({{ .Value | humanizeDuration }}) {{ end }}',
        shown='vital:workflow_duration_seconds:quantile{quantile="0.95"}',
    ),
    "VeryHighLatency": Said(
        name="VeryHighLatency",
        group="vital-performance",
        severity="critical",
        team="platform",
        incident="HighLatency",
        receivers=("pagerduty",),
        hold="5m",
        summary="One request in a hundred takes more than {{ $value | humanizeDuration }}; the limit is {{ 30 | humanizeDuration }}",
        description="The 99th percentile of request duration is so high that users give up.",
        panel=("vital-performance", "p99_latency"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (model) (rate(vital_llm_call_duration_seconds_sum{job="vital"}[5m])) / (sum by (model) (rate(vital_llm_call_duration_seconds_count{job="vital"}[5m])) > 0)) > 0))` }}{{ .Labels.model }} ({{ .Value | humanizeDuration }}) {{ end }}',
        shown='vital:workflow_duration_seconds:quantile{quantile="0.99"}',
    ),
    "LowCacheHitRate": Said(
        name="LowCacheHitRate",
        group="vital-cache",
        severity="warning",
        team="performance",
        incident="CacheNearCapacity",
        receivers=("slack",),
        hold="15m",
        summary="Only {{ $value | humanizePercentage }} of cache lookups are hits; at least {{ 0.4 | humanizePercentage }} should be",
        description="Modes 1 and 2 find too little in the cache, so answers are slower and more expensive.",
        panel=("vital-cache", "hit_rate"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (mode) (increase(vital_workflow_duration_seconds_count{job="vital",mode=~"1|2",cache_status="miss"}[10m]))) > 0))` }}{{ .Labels.mode }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:cache_hits:ratio",
    ),
    "CacheNearCapacity": Said(
        name="CacheNearCapacity",
        group="vital-cache",
        severity="warning",
        team="performance",
        incident="CacheNearCapacity",
        receivers=("slack",),
        hold="10m",
        summary="The {{ $labels.tier }} cache is {{ $value | humanizePercentage }} full; the limit is {{ 0.95 | humanizePercentage }}",
        description="Soon each new answer will evict an older one.",
        panel=("vital-cache", "size"),
        contributors='{{ range query (printf `sort_desc(topk(3, (max by (instance) (vital_cache_entries{job="vital",tier=%[1]q} / (vital_cache_capacity_entries{job="vital",tier=%[1]q} > 0))) > 0))` $labels.tier) }}{{ .Labels.instance }} ({{ .Value | humanizePercentage }}) {{ end }}',
        shown="vital:cache_fullness:ratio",
    ),
    "HighCacheEvictionRate": Said(
        name="HighCacheEvictionRate",
        group="vital-cache",
        severity="warning",
        team="performance",
        incident="CacheNearCapacity",
        receivers=("slack",),
        hold="10m",
        summary="The {{ $labels.tier }} cache evicts {{ $value | humanize }} a second; the limit is {{ 10 | humanize }} a second",
        description="The cache is too small: answers are evicted before they are used again.",
        panel=("vital-cache", "evictions"),
        contributors='{{ range query (printf `sort_desc(topk(3, (sum by (mode) (rate(vital_cache_operations_total{job="vital",operation="evict",tier=%[1]q}[10m]))) > 0))` $labels.tier) }}{{ .Labels.mode }} ({{ .Value | humanize }} a second) {{ end }}',
        shown="vital:cache_evictions:rate",
    ),
    "HighDailyCost": Said(
        name="HighDailyCost",
        group="vital-cost",
        severity="warning",
        team="finance",
        incident="HighDailyCost",
        receivers=("email",),
        hold="1h",
        summary='${{ $value | printf "%.2f" }} was spent in 1 day; the limit is ${{ 100 | printf "%.2f" }}',
        description="The total of all tenants, for models, tools and searches.",
        panel=("vital-cost", "daily_cost"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (tenant_id) (increase(vital_cost_dollars_total{job="vital"}[1d]) + (min_over_time(vital_cost_dollars_total{job="vital"}[1d]) unless vital_cost_dollars_total{job="vital"} offset 1d and count_over_time(vital_cost_dollars_total{job="vital"}[1d]) < on (job, instance) group_left () count_over_time(vital_metric_series_limit{job="vital"}[1d])) or increase(vital_cost_dollars_total{job="vital"}[1d]) or (min_over_time(vital_cost_dollars_total{job="vital"}[1d]) unless vital_cost_dollars_total{job="vital"} offset 1d and count_over_time(vital_cost_dollars_total{job="vital"}[1d]) < on (job, instance) group_left () count_over_time(vital_metric_series_limit{job="vital"}[1d]))) * 0.0416666666666667) > 0))` }}{{ .Labels.tenant_id }} (${{ .Value | printf "%.2f" }} an hour) {{ end }}',
        shown="vital:cost_dollars:day",
    ),
    "SuddenCostSpike": Said(
        name="SuddenCostSpike",
        group="vital-cost",
        severity="critical",
        team="finance",
        incident="HighDailyCost",
        receivers=("pagerduty", "email"),
        hold="10m",
        summary='Spending is at ${{ $value | printf "%.2f" }} an hour, more than 2 times the usual rate and above $1 an hour',
        description="A tenant, a loop or a more expensive model spends much more than before.",
        panel=("vital-cost", "cost_trend"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (tenant_id) (increase(vital_cost_dollars_total{job="vital"}[10m]) + (min_over_time(vital_cost_dollars_total{job="vital"}[10m]) unless vital_cost_dollars_total{job="vital"} offset 10m and count_over_time(vital_cost_dollars_total{job="vital"}[10m]) < on (job, instance) group_left () count_over_time(vital_metric_series_limit{job="vital"}[10m])) or increase(vital_cost_dollars_total{job="vital"}[10m]) or (min_over_time(vital_cost_dollars_total{job="vital"}[10m]) unless vital_cost_dollars_total{job="vital"} offset 10m and count_over_time(vital_cost_dollars_total{job="vital"}[10m]) < on (job, instance) group_left () count_over_time(vital_metric_series_limit{job="vital"}[10m]))) * 6) > 0))` }}{{ .Labels.tenant_id }} (${{ .Value | printf "%.2f" }} an hour) {{ end }}',
        shown="vital:cost_dollars:per_hour",
    ),
    "LowQualityScore": Said(
        name="LowQualityScore",
        group="vital-quality",
        severity="warning",
        team="quality",
        incident="LowQualityScore",
        receivers=("slack",),
        hold="10m",
        summary="The mean quality of answers is {{ $value | humanize }}; it should be at least {{ 0.8 | humanize }}",
        description="Answers lack sources, tools or evidence. Unanswerable questions do not count.",
        panel=("vital-health", "quality"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (reason) (increase(vital_degradations_total{job="vital"}[10m]))) > 0))` }}{{ .Labels.reason }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:quality_score:mean",
    ),
    "HighDegradationRate": Said(
        name="HighDegradationRate",
        group="vital-quality",
        severity="warning",
        team="quality",
        incident="LowQualityScore",
        receivers=("slack",),
        hold="10m",
        summary="{{ $value | humanizePercentage }} of answers are degraded; the limit is {{ 0.2 | humanizePercentage }}",
        description="A source, a tool or a model fails, and answers are given without it.",
        panel=("vital-reliability", "degradation_share"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (reason) (increase(vital_degradations_total{job="vital"}[10m]))) > 0))` }}{{ .Labels.reason }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:workflow_degradations:ratio",
    ),
    "HighToolFailureRate": Said(
        name="HighToolFailureRate",
        group="vital-system",
        severity="warning",
        team="platform",
        incident="LowQualityScore",
        receivers=("slack",),
        hold="10m",
        summary="{{ $value | humanizePercentage }} of tool calls fail; the limit is {{ 0.1 | humanizePercentage }}",
        description="Calls that a user did not approve do not count.",
        panel=("vital-health", "tool_success"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (tool) (increase(vital_tool_executions_total{job="vital",status=~"failed|timeout"}[10m]))) > 0))` }}{{ .Labels.tool }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:tool_failures:ratio",
    ),
    "HighRAGFailureRate": Said(
        name="HighRAGFailureRate",
        group="vital-system",
        severity="critical",
        team="platform",
        incident="LowQualityScore",
        receivers=("pagerduty",),
        hold="10m",
        summary="{{ $value | humanizePercentage }} of the searches fail; the limit is {{ 0.05 | humanizePercentage }}",
        description="Answers are given without what the documents say.",
        panel=("vital-health", "rag_success"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (source) (increase(vital_rag_retrievals_total{job="vital",status=~"failed|timeout"}[10m]))) > 0))` }}{{ .Labels.source }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:rag_failures:ratio",
    ),
    "EngineDown": Said(
        name="EngineDown",
        group="vital-reliability",
        severity="critical",
        team="platform",
        incident="EngineDown",
        receivers=("slack", "pagerduty"),
        hold="1m",
        summary="{{ $value | humanize }} engines are up; there should be at least {{ 1 | humanize }}",
        description="Nobody gets an answer. The engine's other alerts keep their state until it is back.",
        panel=("vital-reliability", "engines_up"),
        contributors='{{ range query `sort_desc(topk(3, (up{job="vital"} == bool 0) > 0))` }}{{ .Labels.instance }} ({{ .Value | humanize }}) {{ end }}',
    ),
    "ReplicaDown": Said(
        name="ReplicaDown",
        group="vital-reliability",
        severity="warning",
        team="platform",
        incident="EngineDown",
        receivers=("slack",),
        hold="5m",
        summary="{{ $value | humanize }} of the engines are down; the threshold is {{ 1 | humanize }}",
        description="The others take over their requests; less capacity is left.",
        panel=("vital-reliability", "engines_up"),
        contributors='{{ range query `sort_desc(topk(3, (up{job="vital"} == bool 0) > 0))` }}{{ .Labels.instance }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:replicas_down:count",
    ),
    "EngineRejecting": Said(
        name="EngineRejecting",
        group="vital-reliability",
        severity="warning",
        team="platform",
        incident="EngineRejecting",
        receivers=("slack",),
        hold="5m",
        summary="{{ $value | humanizePercentage }} of requests are refused because of overload or an invalid key; the limit is {{ 0.1 | humanizePercentage }}",
        description="The engine is too small for its load, or somebody is guessing keys.",
        panel=("vital-reliability", "rejection_share"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (reason) (increase(vital_requests_rejected_total{job="vital",reason=~"overload|auth"}[5m]))) > 0))` }}{{ .Labels.reason }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:rejections:ratio",
    ),
    "NotificationsFailing": Said(
        name="NotificationsFailing",
        group="vital-reliability",
        severity="warning",
        team="platform",
        incident="NotificationsFailing",
        receivers=("email",),
        hold="5m",
        summary="Alertmanager could not deliver {{ $value | humanize }} notifications in 5 minutes; the threshold is {{ 1 | humanize }}",
        description="Alerts may not reach their receivers.",
        panel=("vital-reliability", "notification_failures"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (integration) (increase(alertmanager_notifications_failed_total{integration!="webhook"}[5m]))) > 0))` }}{{ .Labels.integration }} ({{ .Value | humanize }}) {{ end }}',
    ),
    "DeadLetters": Said(
        name="DeadLetters",
        group="vital-reliability",
        severity="warning",
        team="finance",
        incident="DeadLetters",
        receivers=("slack", "email"),
        hold="",
        summary="{{ $value | humanize }} writes were set aside or charges clamped; the threshold is {{ 1 | humanize }}",
        description="A charge or the end of a run is missing from the store, and somebody has to repair it.",
        panel=("vital-reliability", "set_aside"),
        shown="vital:set_aside:count",
        contributors='{{ range query `sort_desc(topk(3, (label_replace(max(last_over_time(vital_store_dead_letters{job="vital"}[10m])), "kind", "writes set aside", "", "") or label_replace(sum(increase(vital_charges_flagged_total{job="vital",flag="clamped"}[10m])), "kind", "charges clamped", "", "")) > 0))` }}{{ .Labels.kind }} ({{ .Value | humanize }}) {{ end }}',
    ),
    "TrafficDropped": Said(
        name="TrafficDropped",
        group="vital-reliability",
        severity="warning",
        team="platform",
        incident="EngineRejecting",
        receivers=("slack",),
        hold="15m",
        summary="Only {{ $value | humanize }} requests an hour arrive, less than 20 % of the usual number",
        description="The usual number is that of this hour last week, else yesterday, else the hour before. The tenants with the most requests missing are named.",
        panel=("vital-reliability", "requests_per_hour"),
        contributors='{{ range query `sort_desc(topk(3, (((sum by (tenant_id) (rate(vital_workflow_requests_total{job="vital",outcome=~"success|degraded|failed"}[15m] offset 1w)) or sum by (tenant_id) (rate(vital_workflow_requests_total{job="vital",outcome=~"success|degraded|failed"}[15m] offset 1d)) or sum by (tenant_id) (rate(vital_workflow_requests_total{job="vital",outcome=~"success|degraded|failed"}[15m] offset 1h))) - sum by (tenant_id) (rate(vital_workflow_requests_total{job="vital",outcome=~"success|degraded|failed"}[15m])) or (sum by (tenant_id) (rate(vital_workflow_requests_total{job="vital",outcome=~"success|degraded|failed"}[15m] offset 1w)) or sum by (tenant_id) (rate(vital_workflow_requests_total{job="vital",outcome=~"success|degraded|failed"}[15m] offset 1d)) or sum by (tenant_id) (rate(vital_workflow_requests_total{job="vital",outcome=~"success|degraded|failed"}[15m] offset 1h)))) * 3600) > 0))` }}{{ .Labels.tenant_id }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:workflow_requests:per_hour",
    ),
    "TenantAvailability": Said(
        name="TenantAvailability",
        group="vital-reliability",
        severity="warning",
        team="platform",
        incident="HighErrorRate",
        receivers=("slack",),
        hold="5m",
        summary="{{ $value | humanizePercentage }} of the requests of {{ $labels.tenant_id }} fail; the limit is {{ 0.5 | humanizePercentage }}",
        description="One tenant gets errors; among all tenants' requests they may be too few to notice.",
        panel=("vital-reliability", "tenant_errors"),
        contributors='{{ range query (printf `sort_desc(topk(3, (sum by (mode) (increase(vital_workflow_requests_total{job="vital",outcome="failed",tenant_id=%[1]q}[10m]) + (min_over_time(vital_workflow_requests_total{job="vital",outcome="failed",tenant_id=%[1]q}[10m]) unless vital_workflow_requests_total{job="vital",outcome="failed",tenant_id=%[1]q} offset 10m and count_over_time(vital_workflow_requests_total{job="vital",outcome="failed",tenant_id=%[1]q}[10m]) < on (job, instance) group_left () count_over_time(vital_metric_series_limit{job="vital"}[10m])) or increase(vital_workflow_requests_total{job="vital",outcome="failed",tenant_id=%[1]q}[10m]) or (min_over_time(vital_workflow_requests_total{job="vital",outcome="failed",tenant_id=%[1]q}[10m]) unless vital_workflow_requests_total{job="vital",outcome="failed",tenant_id=%[1]q} offset 10m and count_over_time(vital_workflow_requests_total{job="vital",outcome="failed",tenant_id=%[1]q}[10m]) < on (job, instance) group_left () count_over_time(vital_metric_series_limit{job="vital"}[10m])))) > 0))` $labels.tenant_id) }}{{ .Labels.mode }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:tenant_errors:ratio",
    ),
    "WorkerRestarts": Said(
        name="WorkerRestarts",
        group="vital-reliability",
        severity="warning",
        team="platform",
        incident="EngineDown",
        receivers=("slack",),
        hold="",
        summary="{{ $value | humanize }} workers were replaced in 10 minutes; the threshold is {{ 3 | humanize }}",
        description="Workers exit, are killed or hang. The runs of such a worker continue on another.",
        panel=("vital-reliability", "worker_restarts"),
        contributors='{{ range query `sort_desc(topk(3, (sum by (cause) (increase(vital_worker_restarts_total{job="vital"}[10m]))) > 0))` }}{{ .Labels.cause }} ({{ .Value | humanize }}) {{ end }}',
        shown="vital:worker_restarts:count",
    ),
    "TenantBudgetHalf": BUDGET,
    "TenantBudgetNearlySpent": replace(
        BUDGET,
        summary="{{ $labels.tenant_id }} has spent {{ $value | humanizePercentage }} of its budget for the {{ $labels.period }}; the threshold is {{ 0.8 | humanizePercentage }}",
        description="The alert lasts until the budget's period ends. At 100 %, further requests from the tenant are refused.",
        own={"share": "80"},
    ),
    "TenantBudgetSpent": replace(
        BUDGET,
        summary="{{ $labels.tenant_id }} has spent {{ $value | humanizePercentage }} of its budget for the {{ $labels.period }}; the threshold is {{ 1 | humanizePercentage }}",
        description="At 100 %, further requests from the tenant are refused until the period ends.",
        own={"share": "100"},
    ),
    "UsageLimitNearlySpent": LIMIT,
    "UsageLimitSpent": replace(
        LIMIT,
        summary="{{ $value | humanizePercentage }} of a limit of {{ $labels.holder }} is used (level {{ $labels.level }}, {{ $labels.unit }} per {{ $labels.period }}); the threshold is {{ 1 | humanizePercentage }}",
        description="At 100 %, further requests under the limit are refused until the period ends.",
        own={"share": "100"},
    ),
    "AvailabilityBurnsFast": Said(
        name="AvailabilityBurnsFast",
        group="vital-slo",
        severity="critical",
        team="platform",
        incident="HighErrorRate",
        receivers=("slack", "pagerduty"),
        hold="2m",
        summary="{{ $value | humanizePercentage }} are requests that fail; the objective allows 1%",
        description="The error budget of 30 days is burning too fast.",
        panel=("vital-reliability", "burn_availability"),
        shown='vital:slo_bad:ratio{slo="availability",window="1h"}',
        contributors='{{ range query `sort_desc(topk(3, (sum by (tenant_id) (increase(vital_workflow_requests_total{job="vital",outcome="failed"}[1h]))) > 0))` }}{{ .Labels.tenant_id }} ({{ .Value | humanize }}) {{ end }}',
        combined="max by (slo)",
        counted='or (max by (slo) (vital:slo_bad:ratio{slo="availability",window="6h"}) > 0.06 and on ()',
    ),
    "AvailabilityBurnsSlowly": Said(
        name="AvailabilityBurnsSlowly",
        group="vital-slo",
        severity="warning",
        team="platform",
        incident="HighErrorRate",
        receivers=("slack",),
        hold="1h",
        summary="{{ $value | humanizePercentage }} are requests that fail; the objective allows 1%",
        description="The error budget of 30 days is burning too fast.",
        panel=("vital-reliability", "burn_availability"),
        shown='vital:slo_bad:ratio{slo="availability",window="3d"}',
        contributors='{{ range query `sort_desc(topk(3, (sum by (tenant_id) (increase(vital_workflow_requests_total{job="vital",outcome="failed"}[3d]))) > 0))` }}{{ .Labels.tenant_id }} ({{ .Value | humanize }}) {{ end }}',
        combined="max by (slo)",
    ),
    "FirstTokenBurnsFast": Said(
        name="FirstTokenBurnsFast",
        group="vital-slo",
        severity="critical",
        team="platform",
        incident="HighLatency",
        receivers=("slack", "pagerduty"),
        hold="2m",
        summary="{{ $value | humanizePercentage }} are answers that take more than two seconds to their first token; the objective allows 5%",
        description="The error budget of 30 days is burning too fast.",
        panel=("vital-reliability", "burn_first_token"),
        shown='vital:slo_bad:ratio{slo="first_token",window="1h"}',
        contributors='{{ range query `sort_desc(topk(3, (sum by (model) (increase(vital_time_to_first_token_seconds_count{job="vital"}[1h])) - sum by (model) (increase(vital_time_to_first_token_seconds_bucket{job="vital",le="2.0"}[1h]))) > 0))` }}{{ .Labels.model }} ({{ .Value | humanize }}) {{ end }}',
        combined="max by (slo)",
        counted='or (max by (slo) (vital:slo_bad:ratio{slo="first_token",window="6h"}) > 0.3 and on ()',
    ),
    "FirstTokenBurnsSlowly": Said(
        name="FirstTokenBurnsSlowly",
        group="vital-slo",
        severity="warning",
        team="platform",
        incident="HighLatency",
        receivers=("slack",),
        hold="1h",
        summary="{{ $value | humanizePercentage }} are answers that take more than two seconds to their first token; the objective allows 5%",
        description="The error budget of 30 days is burning too fast.",
        panel=("vital-reliability", "burn_first_token"),
        shown='vital:slo_bad:ratio{slo="first_token",window="3d"}',
        contributors='{{ range query `sort_desc(topk(3, (sum by (model) (increase(vital_time_to_first_token_seconds_count{job="vital"}[3d])) - sum by (model) (increase(vital_time_to_first_token_seconds_bucket{job="vital",le="2.0"}[3d]))) > 0))` }}{{ .Labels.model }} ({{ .Value | humanize }}) {{ end }}',
        combined="max by (slo)",
    ),
    "QualityBurnsFast": Said(
        name="QualityBurnsFast",
        group="vital-slo",
        severity="critical",
        team="platform",
        incident="LowQualityScore",
        receivers=("slack", "pagerduty"),
        hold="2m",
        summary="{{ $value | humanizePercentage }} are answers with a quality of 0.7 or less; the objective allows 5%",
        description="The error budget of 30 days is burning too fast.",
        panel=("vital-reliability", "burn_quality"),
        shown='vital:slo_bad:ratio{slo="quality",window="1h"}',
        contributors='{{ range query `sort_desc(topk(3, (sum by (mode) (increase(vital_quality_score_bucket{job="vital",answerable="true",le="0.7"}[1h]))) > 0))` }}{{ .Labels.mode }} ({{ .Value | humanize }}) {{ end }}',
        combined="max by (slo)",
        counted='or (max by (slo) (vital:slo_bad:ratio{slo="quality",window="6h"}) > 0.3 and on ()',
    ),
    "QualityBurnsSlowly": Said(
        name="QualityBurnsSlowly",
        group="vital-slo",
        severity="warning",
        team="platform",
        incident="LowQualityScore",
        receivers=("slack",),
        hold="1h",
        summary="{{ $value | humanizePercentage }} are answers with a quality of 0.7 or less; the objective allows 5%",
        description="The error budget of 30 days is burning too fast.",
        panel=("vital-reliability", "burn_quality"),
        shown='vital:slo_bad:ratio{slo="quality",window="3d"}',
        contributors='{{ range query `sort_desc(topk(3, (sum by (mode) (increase(vital_quality_score_bucket{job="vital",answerable="true",le="0.7"}[3d]))) > 0))` }}{{ .Labels.mode }} ({{ .Value | humanize }}) {{ end }}',
        combined="max by (slo)",
    ),
    "Watchdog": Said(
        name="Watchdog",
        group="vital-slo",
        severity="none",
        team="platform",
        incident="Watchdog",
        receivers=(),
        hold="",
        summary="Alerting works",
        description="Always fires. If it does not arrive for five minutes, no other alert would.",
        panel=("vital-health", ""),
        expr="vector(1)",
    ),
}
"""By their keys, in the order of their rules."""

RECEIVERS = {SAID[key].name: set(SAID[key].receivers) for key in NUMBERS}
CRITICAL = {SAID[key].name for key in NUMBERS if SAID[key].severity == "critical"}
