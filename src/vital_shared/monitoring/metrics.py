"""Every metric, declared once: `/metrics`, dashboards, rules and the reference page take them from here.

A constant is called as its metric, without ``vital_``.
"""

from __future__ import annotations

import os
from typing import Any, Final, get_args

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from vital_shared.hedge_budget import HedgeOutcome
from vital_shared.models.answer_estimate import CALIBRATIONS
from vital_shared.models.audit import AuditOutcome
from vital_shared.models.cancellation import CANCELLED
from vital_shared.models.charge import CostType
from vital_shared.models.feedback import FeedbackKind, FeedbackRating
from vital_shared.models.model_call import CallStatus, FailureKind
from vital_shared.models.money import NANOS
from vital_shared.models.quality import DegradationReason, WarningType
from vital_shared.models.retention import RETAINED_KINDS
from vital_shared.models.search_use import PassageFlaw, RetryCause, SearchUnit
from vital_shared.models.tool import ToolStatus
from vital_shared.models.usage_limits import LEVELS, LimitPeriod, LimitUnit
from vital_shared.models.workflow_io import CacheStatus, Execution, WorkflowMode
from vital_shared.models.workflow_names import BUILT_IN
from vital_shared.monitoring.instrument import Counter, Gauge, Histogram, Info, Instrument
from vital_shared.monitoring.labels import OTHER, BoundedLabel, DeclaredLabel, Label
from vital_shared.monitoring.odd_values import on_ignored
from vital_shared.version import __version__

__all__ = [
    "AGENT",
    "AGENT_USAGE_TOTAL",
    "ANSWERABLE",
    "ANSWER_PROBABILITY",
    "BACKGROUND_OLDEST_WAIT_SECONDS",
    "BACKGROUND_QUEUED_RUNS",
    "BACKGROUND_TASK",
    "BACKGROUND_TASK_FAILURES_TOTAL",
    "BOUNDED",
    "BUDGET_LIMIT_DOLLARS",
    "BUDGET_SPENT_DOLLARS",
    "BUILD_INFO",
    "CACHED_FIRST_TOKEN_SECONDS",
    "CACHE_BYTES",
    "CACHE_CAPACITY_ENTRIES",
    "CACHE_ENTRIES",
    "CACHE_ENTRY_AGE_SECONDS",
    "CACHE_ENTRY_LIFETIME_SECONDS",
    "CACHE_OPERATIONS_TOTAL",
    "CACHE_SAMPLED_AGE_SECONDS",
    "CATALOGUE",
    "CHARGES_FLAGGED_TOTAL",
    "CONNECTION_POOL_IN_USE",
    "CONNECTION_POOL_SIZE",
    "COST_DOLLARS_TOTAL",
    "COST_OVERALL_DOLLARS_TOTAL",
    "COST_SAVED_DOLLARS_TOTAL",
    "DEGRADATIONS_TOTAL",
    "DEGRADED_RESPONSES_TOTAL",
    "DEPLOYMENT",
    "DEPLOYMENT_CALLS_TOTAL",
    "DEPLOYMENT_FIRST_TOKEN_SECONDS",
    "DROP_REASON",
    "ERASURES_TOTAL",
    "ERASURE_OUTCOME",
    "ERROR_TYPE",
    "EVENTS_NOT_WRITTEN_AHEAD_TOTAL",
    "EVENT_LOOP_LAG_SECONDS",
    "FEEDBACK_TOTAL",
    "GUARD",
    "GUARDRAIL_DECISIONS_TOTAL",
    "GUARD_OUTCOME",
    "GUARD_STAGE",
    "HTTP_REFUSAL",
    "HTTP_REFUSALS_TOTAL",
    "HTTP_REQUESTS_TOTAL",
    "INTER_TOKEN_SECONDS",
    "LIMIT_HOLDER",
    "LIMIT_LEVEL",
    "LIMIT_PERIOD",
    "LIMIT_UNIT",
    "LLM_BREAKER_OPEN",
    "LLM_CALLS_TOTAL",
    "LLM_CALL_DURATION_SECONDS",
    "LLM_FAILURES_TOTAL",
    "LLM_FALLBACKS_TOTAL",
    "LLM_RETRIES_TOTAL",
    "LLM_TOKENS_TOTAL",
    "LOCAL_FILE",
    "LOCAL_WRITE_FAILURES_TOTAL",
    "MAX_SHOWN_LIMITS",
    "METHOD",
    "METRIC_LABEL_OVERFLOW_TOTAL",
    "METRIC_SERIES_LIMIT",
    "METRIC_VALUES_IGNORED_TOTAL",
    "MODE",
    "MODEL",
    "MONTH_FORECAST_DOLLARS",
    "NODE",
    "NODE_COST_DOLLARS_TOTAL",
    "NODE_DURATION_SECONDS",
    "NO_TENANT",
    "OUTCOME",
    "PARALLEL_SECONDS_SAVED_TOTAL",
    "QUALITY_SCORE",
    "RAG_BREAKER_OPEN",
    "RAG_DROPPED_PASSAGES_TOTAL",
    "RAG_DURATION_SECONDS",
    "RAG_RETRIES_TOTAL",
    "RAG_RETRIEVALS_TOTAL",
    "RAG_USED_UNITS_TOTAL",
    "REDIS_ODD_VALUES_TOTAL",
    "REDIS_PLACE",
    "REGISTRY",
    "REJECTION",
    "REQUESTS_REJECTED_TOTAL",
    "RESERVATIONS_EXCEEDED_TOTAL",
    "RETAINED_KIND",
    "RETENTION_DELETED_TOTAL",
    "ROUTE",
    "RUN_TAKEOVERS_TOTAL",
    "SOURCE",
    "STORE_CALLBACK_FAILURES_TOTAL",
    "STORE_CONFLICTS_TOTAL",
    "STORE_DEAD_LETTERS",
    "STREAM_CONNECTIONS",
    "TAKEOVER_CAUSE",
    "TELEMETRY_DROPPED_TOTAL",
    "TELEMETRY_SIGNAL",
    "TENANT",
    "TENANT_SPENT_DOLLARS",
    "TIME_TO_FIRST_TOKEN_SECONDS",
    "TOOL",
    "TOOL_DURATION_SECONDS",
    "TOOL_EXECUTIONS_TOTAL",
    "USAGE_LIMIT_AMOUNT",
    "USAGE_LIMIT_LEFT",
    "USAGE_LIMIT_REFUSALS_TOTAL",
    "USAGE_LIMIT_SPENT",
    "WARNINGS_TOTAL",
    "WATCHDOG_AGE_SECONDS",
    "WEBHOOKS_PENDING",
    "WEBHOOK_ATTEMPTS_TOTAL",
    "WEBHOOK_OUTCOME",
    "WORKER_RESTARTS_TOTAL",
    "WORKFLOW",
    "WORKFLOW_ACTIVE",
    "WORKFLOW_AFTER_GRAPH_SECONDS",
    "WORKFLOW_BEFORE_GRAPH_SECONDS",
    "WORKFLOW_CANCELLATIONS_TOTAL",
    "WORKFLOW_DURATION_SECONDS",
    "WORKFLOW_ERRORS_TOTAL",
    "WORKFLOW_REQUESTS_OVERALL_TOTAL",
    "WORKFLOW_REQUESTS_TOTAL",
]

NO_TENANT: Final = "none"
"""The tenant of what is counted outside of a run and names none."""


# Labels: closed ones, then bounded ones

MODE: Final = Label("mode", [mode.value for mode in WorkflowMode])
OUTCOME: Final = Label("outcome", ("success", "degraded", "failed", "cancelled", "rejected"))
ERROR_TYPE: Final = Label(
    "error_type",
    (
        "timeout",
        "deadline",
        "model",
        "store",
        "invalid",
        "budget",
        "rate_limit",
        "lost",
        "interrupted",
        "shutting_down",
        "internal",
    ),
)
TAKEOVER_CAUSE: Final = Label("cause", ("lost", "handed_over"))
RESTART_CAUSE: Final = Label("cause", ("hung", "killed", "failed", "ended"))
CANCELLATION: Final = Label("reason", sorted(CANCELLED))
WORKFLOW: Final = DeclaredLabel("workflow", (BUILT_IN,))
"""The workflows that are served, and in a program of one's own those that it runs."""

CACHE_STATUS: Final = Label("cache_status", get_args(CacheStatus))
EXECUTION: Final = Label("execution", get_args(Execution))
NODE_STATUS: Final = Label("status", ("success", "failed", "timeout", "skipped", "cancelled"))
CACHE_OPERATION: Final = Label(
    "operation", ("hit", "miss", "bypass", "write", "evict", "expire", "invalidate")
)
TIER: Final = Label("tier", ("memory", "redis", "semantic"))
LEAVING: Final = Label("cause", ("evict", "expire", "invalidate"))
REASON: Final = Label("reason", get_args(DegradationReason))
CALIBRATION: Final = Label("calibration", (*CALIBRATIONS, OTHER))
WARNING: Final = Label("warning", get_args(WarningType))
ANSWERABLE: Final = Label("answerable", ("true", "false"))
"""False: the documents do not hold the answer, and nothing else was amiss: no fault of the service."""
COST_TYPE: Final = Label("cost_type", get_args(CostType))
CHARGE_FLAG: Final = Label("flag", ("clamped", "estimated"))
CACHED: Final = Label("cached", ("true", "false"))
CALL_STATUS: Final = Label("status", get_args(CallStatus))
FAILURE_KIND: Final = Label("kind", get_args(FailureKind))
TOKEN_TYPE: Final = Label("token_type", ("input", "cached_input", "output"))
TOOL_STATUS: Final = Label("status", get_args(ToolStatus))
SOURCE_STATUS: Final = Label("status", ("success", "failed", "timeout"))
FEEDBACK_KIND: Final = Label("kind", get_args(FeedbackKind))
FEEDBACK_RATING: Final = Label("rating", get_args(FeedbackRating))
RETAINED_KIND: Final = Label("kind", RETAINED_KINDS)
ERASURE_OUTCOME: Final = Label("outcome", get_args(AuditOutcome))
PASSAGE_FLAW: Final = Label("flaw", get_args(PassageFlaw))
RETRY_CAUSE: Final = Label("cause", get_args(RetryCause))
HEDGE_OUTCOME: Final = Label("outcome", get_args(HedgeOutcome))
SEARCH_UNIT: Final = Label("unit", get_args(SearchUnit))
HTTP_REFUSAL: Final = Label("status", ("400", "408", "413", "417", "431", "503"))
GUARD_STAGE: Final = Label("stage", ("model", "tool", "retrieval"))
GUARD: Final = Label("guard", ("access", "size", "pattern", "pii", "hook"))
GUARD_OUTCOME: Final = Label("outcome", ("allowed", "changed", "refused", "failed", "timeout"))
TELEMETRY_SIGNAL: Final = Label("signal", ("traces", "metrics", "logs"))
DROP_REASON: Final = Label("reason", ("queue_full", "not_taken"))
LOCAL_FILE: Final = Label("file", ("journal", "spool"))
REDIS_PLACE: Final = Label("place", ("cache", "event_log", "presence"))
BACKGROUND_TASK: Final = Label(
    "task",
    (
        "background_gauges",
        "background_runs",
        "budget_gauges",
        "dead_letter_gauge",
        "event_mirror",
        "forecast_gauge",
        "inbox",
        "label_names",
        "limit_gauges",
        "own_samples",
        "presence",
        "retention",
        "run_sweep",
        "runtime_metrics",
        "source_follow",
        "spending_gauges",
        "takeover",
        "tick",
        "warm_up",
        "watchdog",
        "webhooks",
    ),
)
WEBHOOK_OUTCOME: Final = Label(
    "outcome", ("delivered", "status", "gone", "timeout", "unreachable", "refused")
)
REJECTION: Final = Label(
    "reason",
    (
        "budget",
        "rate_limit",
        "overload",
        "auth",
        "unknown_agent",
        "unknown_model",
        "unknown_tool",
        "forbidden",
        "invalid",
    ),
)
ROUTE: Final = Label(
    "route",
    (
        "/",
        "/console",
        "/docs",
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/page",
        "/readyz",
        "/runbooks/{alert}",
        "/swagger",
        "/v1/agents",
        "/v1/agents/{agent_id}",
        "/v1/agui",
        "/v1/alerts",
        "/v1/approvals",
        "/v1/budgets",
        "/v1/budgets/{tenant_id}",
        "/v1/cache",
        "/v1/chat/completions",
        "/v1/conversations",
        "/v1/conversations/{session_id}",
        "/v1/costs",
        "/v1/documents",
        "/v1/documents/{document_id}",
        "/v1/models",
        "/v1/models/{mode}/{agent_id}",
        "/v1/models/{name}",
        "/v1/runs",
        "/v1/runs/{run_id}",
        "/v1/runs/{run_id}/approval",
        "/v1/runs/{run_id}/charges",
        "/v1/runs/{run_id}/events",
        "/v1/runs/{run_id}/feedback",
        "/v1/runs/{run_id}/resume",
        "/v1/session",
        "/v1/workflows",
        "/v1/workflows/{name}",
        "/v1/workflows/{name}/runs",
        OTHER,
    ),
)
"""Templates of the routes of HTTP; no path is ever a value."""

METHOD: Final = Label("method", ("GET", "POST", "PUT", "PATCH", "DELETE", OTHER))
STATUS_CLASS: Final = Label("status_class", ("2xx", "3xx", "4xx", "5xx"))
POOL: Final = Label("pool", ("db", "http", "llm", "redis", "sources"))
BUDGET_PERIOD: Final = Label("period", ("day", "month"))
LIMIT_LEVEL: Final = Label("level", LEVELS)
LIMIT_UNIT: Final = Label("unit", get_args(LimitUnit))
LIMIT_PERIOD: Final = Label("period", get_args(LimitPeriod))

TENANT: Final = BoundedLabel("tenant_id", (NO_TENANT,), earned=True)
AGENT: Final = BoundedLabel("agent_id", earned=True)
MODEL: Final = BoundedLabel("model", earned=True)
TOOL: Final = BoundedLabel("tool", earned=True)
SOURCE: Final = BoundedLabel("source", ("memory", "pinecone", "supabase"), earned=True)
NODE: Final = BoundedLabel("node")
DEPLOYMENT: Final = BoundedLabel("deployment")
MAX_SHOWN_LIMITS: Final = 50
"""The most limits with series: by level, holder, unit and period there could be thousands."""

LIMIT_HOLDER: Final = BoundedLabel("holder", earned=True)
"""The organisation of a limit, or the tenant whose limit, or whose key's or user's limit, it is."""

BOUNDED: Final = (TENANT, AGENT, MODEL, TOOL, SOURCE, NODE, DEPLOYMENT, LIMIT_HOLDER)

BOUNDED_NAME: Final = Label("label", [label.name for label in BOUNDED])

# Edges of buckets: one at every threshold of a target or an alert

RUN_SECONDS: Final = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    1.5,
    2,
    2.5,
    3,
    4,
    5,
    7.5,
    10,
    15,
    20,
    30,
    60,
)
NODE_SECONDS: Final = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
DEPLOYMENT_SECONDS: Final = (0.25, 0.5, 1, 2, 5, 10)
SHORT_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)
ENTRY_AGE_SECONDS: Final = (1, 5, 15, 30, 60, 120, 180, 240, 300, 600, 3600)
QUALITY_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1)

# Workflows

WORKFLOW_REQUESTS_TOTAL: Final = Counter(
    "vital_workflow_requests_total",
    "Finished requests, by how they ended.",
    (MODE, TENANT, OUTCOME, WORKFLOW),
)
WORKFLOW_REQUESTS_OVERALL_TOTAL: Final = Counter(
    "vital_workflow_requests_overall_total",
    "Finished requests over all tenants and workflows; alerts use it, as all its series always exist.",
    (MODE, OUTCOME),
)
WORKFLOW_ERRORS_TOTAL: Final = Counter(
    "vital_workflow_errors_total",
    "Failed requests, by what failed.",
    (MODE, ERROR_TYPE, WORKFLOW),
)
RUN_TAKEOVERS_TOTAL: Final = Counter(
    "vital_run_takeovers_total",
    "Durable runs that this engine continued: their worker had died or stood still, or handed them over.",
    (TAKEOVER_CAUSE,),
)
WORKER_RESTARTS_TOTAL: Final = Counter(
    "vital_worker_restarts_total",
    "Replaced worker processes: hung (no sign of life), killed (by a signal), failed or ended.",
    (RESTART_CAUSE,),
)
WORKFLOW_CANCELLATIONS_TOTAL: Final = Counter(
    "vital_workflow_cancellations_total",
    "Cancelled runs: by a client, or because their client was gone.",
    (MODE, CANCELLATION, WORKFLOW),
)
WORKFLOW_DURATION_SECONDS: Final = Histogram(
    "vital_workflow_duration_seconds",
    "Time from a request's start to its end, without waits for a person; rejected requests have none.",
    (MODE, CACHE_STATUS, EXECUTION, WORKFLOW),
    buckets=RUN_SECONDS,
)
WORKFLOW_BEFORE_GRAPH_SECONDS: Final = Histogram(
    "vital_workflow_before_graph_seconds",
    "Time from a request's start until its graph runs: checks, the cache, the run's row in the store.",
    (MODE, WORKFLOW),
    buckets=SHORT_SECONDS,
)
WORKFLOW_AFTER_GRAPH_SECONDS: Final = Histogram(
    "vital_workflow_after_graph_seconds",
    "Time from the end of a run's graph until its end is stored.",
    (MODE, WORKFLOW),
    buckets=SHORT_SECONDS,
)
WORKFLOW_ACTIVE: Final = Gauge(
    "vital_workflow_active",
    "Requests in flight.",
    (MODE, WORKFLOW),
    merge="sum",
)
NODE_DURATION_SECONDS: Final = Histogram(
    "vital_node_duration_seconds",
    "Duration of one run of a workflow's node.",
    (NODE, NODE_STATUS),
    buckets=NODE_SECONDS,
)
PARALLEL_SECONDS_SAVED_TOTAL: Final = Counter(
    "vital_parallel_seconds_saved_total",
    "Sum of the durations of a request's nodes, minus the time it took to run them.",
    (MODE,),
)
TIME_TO_FIRST_TOKEN_SECONDS: Final = Histogram(
    "vital_time_to_first_token_seconds",
    "Time from a request's start to the first piece of its streamed answer, without cache hits.",
    (MODE, MODEL, WORKFLOW),
    buckets=RUN_SECONDS,
)
CACHED_FIRST_TOKEN_SECONDS: Final = Histogram(
    "vital_cached_first_token_seconds",
    "Time from a request's start to the first piece of its streamed answer, for cache hits.",
    (MODE, WORKFLOW),
    buckets=SHORT_SECONDS,
)
INTER_TOKEN_SECONDS: Final = Histogram(
    "vital_inter_token_seconds",
    "Time between two pieces of a streamed answer.",
    (MODEL,),
    buckets=SHORT_SECONDS,
)
STREAM_CONNECTIONS: Final = Gauge(
    "vital_stream_connections",
    "Open event streams.",
    merge="sum",
)

# Cache

CACHE_OPERATIONS_TOTAL: Final = Counter(
    "vital_cache_operations_total",
    "Operations of the cache tiers; a request may look into several.",
    (CACHE_OPERATION, TIER, MODE),
)
CACHE_ENTRIES: Final = Gauge(
    "vital_cache_entries",
    "Answers in the cache.",
    (TIER,),
    merge="sum",
    shared=("redis",),
)
CACHE_CAPACITY_ENTRIES: Final = Gauge(
    "vital_cache_capacity_entries",
    "Answers that the cache has room for.",
    (TIER,),
    merge="sum",
    shared=("redis",),
)
CACHE_BYTES: Final = Gauge(
    "vital_cache_bytes",
    "Memory used by the answers in the cache.",
    (TIER,),
    merge="sum",
    shared=("redis",),
)
CACHE_ENTRY_AGE_SECONDS: Final = Histogram(
    "vital_cache_entry_age_seconds",
    "Age of an entry when it is hit.",
    (TIER,),
    buckets=ENTRY_AGE_SECONDS,
)
CACHE_SAMPLED_AGE_SECONDS: Final = Histogram(
    "vital_cache_sampled_age_seconds",
    "Ages of the entries in the cache, hit or not: every ten seconds all of them, or a sample.",
    (TIER,),
    buckets=ENTRY_AGE_SECONDS,
)
CACHE_ENTRY_LIFETIME_SECONDS: Final = Histogram(
    "vital_cache_entry_lifetime_seconds",
    "Age of an entry when it is removed.",
    (TIER, LEAVING),
    buckets=ENTRY_AGE_SECONDS,
)

# Quality

QUALITY_SCORE: Final = Histogram(
    "vital_quality_score",
    "Quality of an answer, from 0 to 1.",
    (MODE, ANSWERABLE),
    buckets=QUALITY_BUCKETS,
)
FEEDBACK_TOTAL: Final = Counter(
    "vital_feedback_total",
    "Feedback on answers: the first of each user, kind and aspect; `none` is the rating of all but booleans.",
    (MODE, FEEDBACK_KIND, FEEDBACK_RATING),
)
ERASURES_TOTAL: Final = Counter(
    "vital_erasures_total",
    "Erasures of persons; `partial`: a part could not be erased, and the erasure has to be repeated.",
    (ERASURE_OUTCOME,),
)
RETENTION_DELETED_TOTAL: Final = Counter(
    "vital_retention_deleted_total",
    "Rows deleted because their retention period was over.",
    (RETAINED_KIND,),
)
ANSWER_PROBABILITY: Final = Histogram(
    "vital_answer_probability",
    "Calibrated probability that a given answer is right, from 0 to 1.",
    (MODE, CALIBRATION),
    buckets=QUALITY_BUCKETS,
)
DEGRADED_RESPONSES_TOTAL: Final = Counter(
    "vital_degraded_responses_total",
    "Degraded answers, each counted once.",
    (MODE, ANSWERABLE),
)
DEGRADATIONS_TOTAL: Final = Counter(
    "vital_degradations_total",
    "Degradations of answers, by reason.",
    (MODE, REASON),
)
WARNINGS_TOTAL: Final = Counter(
    "vital_warnings_total",
    "Warnings to users.",
    (MODE, WARNING),
)

# Cost

COST_DOLLARS_TOTAL: Final = Counter(
    "vital_cost_dollars_total",
    "Cost of requests, once it is in the ledger.",
    (MODE, TENANT, COST_TYPE, WORKFLOW),
    parts_per_unit=NANOS,
)
COST_OVERALL_DOLLARS_TOTAL: Final = Counter(
    "vital_cost_overall_dollars_total",
    "Cost of requests over all tenants; alerts use it, as all its series always exist.",
    (MODE, COST_TYPE),
    parts_per_unit=NANOS,
)
NODE_COST_DOLLARS_TOTAL: Final = Counter(
    "vital_node_cost_dollars_total",
    "Cost of workflow nodes, once it is in the ledger.",
    (NODE, COST_TYPE),
    parts_per_unit=NANOS,
)
CHARGES_FLAGGED_TOTAL: Final = Counter(
    "vital_charges_flagged_total",
    "Charges in the ledger that differ from a provider's counts: impossible counts, clamped, and estimates.",
    (CHARGE_FLAG,),
)
COST_SAVED_DOLLARS_TOTAL: Final = Counter(
    "vital_cost_saved_dollars_total",
    "Cost that cache hits would have had.",
    (MODE, TENANT),
    parts_per_unit=NANOS,
)
LLM_CALLS_TOTAL: Final = Counter(
    "vital_llm_calls_total",
    "Calls of language models, made or avoided by the cache.",
    (MODE, MODEL, CACHED, CALL_STATUS),
)
LLM_FAILURES_TOTAL: Final = Counter(
    "vital_llm_failures_total",
    "Failed attempts at a call of a language model.",
    (MODEL, FAILURE_KIND),
)
LLM_RETRIES_TOTAL: Final = Counter(
    "vital_llm_retries_total",
    "Repeated attempts at a call, by the failure of the previous one.",
    (MODEL, FAILURE_KIND),
)
LLM_FALLBACKS_TOTAL: Final = Counter(
    "vital_llm_fallbacks_total",
    "Calls that went to the next model of the chain, by the model that did not answer and the reason.",
    (MODEL, FAILURE_KIND),
)
LLM_HEDGES_TOTAL: Final = Counter(
    "vital_llm_hedges_total",
    "Hedged calls, by the slow model and by which of the two answered; over_budget: too many calls were "
    "hedged already, so no second model was asked.",
    (MODEL, HEDGE_OUTCOME),
)
LLM_BREAKER_OPEN: Final = Gauge(
    "vital_llm_breaker_open",
    "1 while a model is not called, because it has failed several times in a row.",
    (MODEL,),
    merge="max",
    creates_with_names=True,
)
LLM_CALL_DURATION_SECONDS: Final = Histogram(
    "vital_llm_call_duration_seconds",
    "Duration of one call, from its start to the last token.",
    (MODEL,),
    buckets=RUN_SECONDS,
)
DEPLOYMENT_CALLS_TOTAL: Final = Counter(
    "vital_deployment_calls_total",
    "Calls made by routes, by deployment; use it to watch a canary.",
    (DEPLOYMENT, CALL_STATUS),
)
DEPLOYMENT_FIRST_TOKEN_SECONDS: Final = Histogram(
    "vital_deployment_first_token_seconds",
    "Time from the start of a deployment's call to its first text.",
    (DEPLOYMENT,),
    buckets=DEPLOYMENT_SECONDS,
)
LLM_TOKENS_TOTAL: Final = Counter(
    "vital_llm_tokens_total",
    "Input tokens, input from the provider's cache, and output tokens; input excludes cached input.",
    (MODE, MODEL, TOKEN_TYPE),
)
TOOL_EXECUTIONS_TOTAL: Final = Counter(
    "vital_tool_executions_total",
    "Tool calls, by outcome.",
    (TOOL, TOOL_STATUS),
)
TOOL_DURATION_SECONDS: Final = Histogram(
    "vital_tool_duration_seconds",
    "Duration of one tool call.",
    (TOOL,),
    buckets=RUN_SECONDS,
)
RAG_RETRIEVALS_TOTAL: Final = Counter(
    "vital_rag_retrievals_total",
    "Searches of sources, by outcome.",
    (MODE, SOURCE, SOURCE_STATUS),
)
RAG_DURATION_SECONDS: Final = Histogram(
    "vital_rag_duration_seconds",
    "Duration of one search of a source.",
    (SOURCE,),
    buckets=RUN_SECONDS,
)
RAG_USED_UNITS_TOTAL: Final = Counter(
    "vital_rag_used_units_total",
    "Units that searches have used of a source paid by usage, as charged.",
    (SOURCE, SEARCH_UNIT),
)
RAG_DROPPED_PASSAGES_TOTAL: Final = Counter(
    "vital_rag_dropped_passages_total",
    "Passages of a source dropped because they cannot be used.",
    (SOURCE, PASSAGE_FLAW),
)
RAG_RETRIES_TOTAL: Final = Counter(
    "vital_rag_retries_total",
    "Retried requests to a source.",
    (SOURCE, RETRY_CAUSE),
)
RAG_HEDGES_TOTAL: Final = Counter(
    "vital_rag_hedges_total",
    "Hedged searches, by which of the two answered; over_budget: too many searches were hedged already, so "
    "no second one was made.",
    (SOURCE, HEDGE_OUTCOME),
)
RAG_BREAKER_OPEN: Final = Gauge(
    "vital_rag_breaker_open",
    "1 while a source is not searched, because it has failed several times in a row.",
    (SOURCE,),
    merge="max",
    creates_with_names=True,
)
AGENT_USAGE_TOTAL: Final = Counter(
    "vital_agent_usage_total",
    "Requests to an agent.",
    (AGENT,),
)

# Limits

BUDGET_LIMIT_DOLLARS: Final = Gauge(
    "vital_budget_limit_dollars",
    "A tenant's budget for today and this month, in UTC.",
    (TENANT, BUDGET_PERIOD),
    merge="one",
)
BUDGET_SPENT_DOLLARS: Final = Gauge(
    "vital_budget_spent_dollars",
    "A tenant's spending of its budget so far, from the ledger.",
    (TENANT, BUDGET_PERIOD),
    merge="one",
)
USAGE_LIMIT_AMOUNT: Final = Gauge(
    "vital_usage_limit_amount",
    "Amount of a limit of a day or a month, in dollars or tokens: of a holder's several limits, such as "
    "those of its users, the most used one, and of all limits the fifty most used.",
    (LIMIT_LEVEL, LIMIT_HOLDER, LIMIT_UNIT, BUDGET_PERIOD),
    merge="one",
    max_series=MAX_SHOWN_LIMITS,
)
USAGE_LIMIT_SPENT: Final = Gauge(
    "vital_usage_limit_spent",
    "Amount of the limit spent in the current period.",
    (LIMIT_LEVEL, LIMIT_HOLDER, LIMIT_UNIT, BUDGET_PERIOD),
    merge="one",
    max_series=MAX_SHOWN_LIMITS,
)
USAGE_LIMIT_LEFT: Final = Gauge(
    "vital_usage_limit_left",
    "Amount of the limit left, without the reservations of active runs.",
    (LIMIT_LEVEL, LIMIT_HOLDER, LIMIT_UNIT, BUDGET_PERIOD),
    merge="one",
    max_series=MAX_SHOWN_LIMITS,
)
USAGE_LIMIT_REFUSALS_TOTAL: Final = Counter(
    "vital_usage_limit_refusals_total",
    "Requests, and parts of runs, refused by a limit.",
    (LIMIT_LEVEL, LIMIT_UNIT, LIMIT_PERIOD),
)
RESERVATIONS_EXCEEDED_TOTAL: Final = Counter(
    "vital_reservations_exceeded_total",
    "Gateway calls that cost more than they had reserved; the log names them in reservation_exceeded.",
)
MONTH_FORECAST_DOLLARS: Final = Gauge(
    "vital_month_forecast_dollars",
    "Forecast of a tenant's spending at the end of the month (UTC), from the cost of its days so far.",
    (TENANT,),
    merge="one",
)
TENANT_SPENT_DOLLARS: Final = Gauge(
    "vital_tenant_spent_dollars",
    "Spending of a tenant that has its own series, today and this month, from the ledger.",
    (TENANT, BUDGET_PERIOD),
    merge="max",
)
REQUESTS_REJECTED_TOTAL: Final = Counter(
    "vital_requests_rejected_total",
    "Rejected requests, by reason.",
    (REJECTION,),
)
HTTP_REQUESTS_TOTAL: Final = Counter(
    "vital_http_requests_total",
    "Answered HTTP requests, by route template.",
    (ROUTE, METHOD, STATUS_CLASS),
)
HTTP_REFUSALS_TOTAL: Final = Counter(
    "vital_http_refusals_total",
    "Requests refused before the application, by HTTP status, and connections closed to make room.",
    (HTTP_REFUSAL,),
)

# System

CONNECTION_POOL_SIZE: Final = Gauge(
    "vital_connection_pool_size",
    "Maximum connections of a pool.",
    (POOL,),
    merge="sum",
)
CONNECTION_POOL_IN_USE: Final = Gauge(
    "vital_connection_pool_in_use",
    "Connections in use.",
    (POOL,),
    merge="sum",
)
EVENT_LOOP_LAG_SECONDS: Final = Histogram(
    "vital_event_loop_lag_seconds",
    "Delay with which the event loop runs a timer.",
    buckets=SHORT_SECONDS,
)
METRIC_LABEL_OVERFLOW_TOTAL: Final = Counter(
    "vital_metric_label_overflow_total",
    'Counts under "other", because the label has no room for more names.',
    (BOUNDED_NAME,),
)
METRIC_VALUES_IGNORED_TOTAL: Final = Counter(
    "vital_metric_values_ignored_total",
    "Ignored values that a metric cannot take, such as a negative amount.",
)
GUARDRAIL_DECISIONS_TOTAL: Final = Counter(
    "vital_guardrail_decisions_total",
    "Decisions of guardrails on calls of models, tools and searches; all but the first two refuse.",
    (GUARD_STAGE, GUARD, GUARD_OUTCOME),
)
TELEMETRY_DROPPED_TOTAL: Final = Counter(
    "vital_telemetry_dropped_total",
    "Spans and log lines that no collector got, and failed exports of metrics, by reason.",
    (TELEMETRY_SIGNAL, DROP_REASON),
)
STORE_DEAD_LETTERS: Final = Gauge(
    "vital_store_dead_letters",
    "Writes set aside because they can never succeed, until somebody has handled them.",
    merge="max",
)
STORE_CALLBACK_FAILURES_TOTAL: Final = Counter(
    "vital_store_callback_failures_total",
    "Callbacks after a write that raised an error; the write itself is committed.",
)
BACKGROUND_TASK_FAILURES_TOTAL: Final = Counter(
    "vital_background_task_failures_total",
    "Background tasks, such as sweeps, that failed unexpectedly and were restarted after a pause.",
    (BACKGROUND_TASK,),
)
STORE_CONFLICTS_TOTAL: Final = Counter(
    "vital_store_conflicts_total",
    "Transactions repeated because they and others had waited for each other.",
)
LOCAL_WRITE_FAILURES_TOTAL: Final = Counter(
    "vital_local_write_failures_total",
    "Writes that the disk refused: to the journal of open runs, which is caught up later, and to the spool "
    "of ends that wait for the store, whose charges are then in the log.",
    (LOCAL_FILE,),
)
REDIS_ODD_VALUES_TOTAL: Final = Counter(
    "vital_redis_odd_values_total",
    "Values in Redis that are none of the engine's, in the place of its own: passed over, or removed where "
    "they were in its way.",
    (REDIS_PLACE,),
)
EVENTS_NOT_WRITTEN_AHEAD_TOTAL: Final = Counter(
    "vital_events_not_written_ahead_total",
    "Events of durable runs that readers got before they were stored, as Redis or the disk refused them.",
)
BACKGROUND_QUEUED_RUNS: Final = Gauge(
    "vital_background_queued_runs",
    "Waiting background runs, by tenant; a tenant without waiting runs has no series.",
    (TENANT,),
    merge="max",
)
BACKGROUND_OLDEST_WAIT_SECONDS: Final = Gauge(
    "vital_background_oldest_wait_seconds",
    "Time since the oldest waiting background run was queued; 0: none waits.",
    merge="max",
)
WEBHOOKS_PENDING: Final = Gauge(
    "vital_webhooks_pending",
    "Undelivered webhooks of ended runs.",
    merge="max",
)
WEBHOOK_ATTEMPTS_TOTAL: Final = Counter(
    "vital_webhook_attempts_total",
    "Attempts to send a webhook, by outcome.",
    (WEBHOOK_OUTCOME,),
)
WATCHDOG_AGE_SECONDS: Final = Gauge(
    "vital_watchdog_age_seconds",
    "Time since Alertmanager's Watchdog last reached this engine, or since its start if it never has.",
    merge="max",
)
METRIC_SERIES_LIMIT: Final = Gauge(
    "vital_metric_series_limit",
    "Maximum number of series that the engine can have.",
    merge="one",
)
BUILD_INFO: Final = Info(
    "vital_build_info",
    "Build information.",
    {
        "version": __version__,
        "commit": os.environ.get("VITAL_COMMIT", "unknown"),
        "environment": os.environ.get("VITAL_ENVIRONMENT", "development"),
    },
)

CATALOGUE: Final[tuple[Instrument[Any], ...]] = tuple(
    each for each in list(globals().values()) if isinstance(each, Instrument)
)
"""All of them, in the order in which they stand here."""

REGISTRY: Final = CollectorRegistry()
"""The registry of these metrics and of prometheus_client's own: process, platform, garbage collector."""

for _instrument in CATALOGUE:
    REGISTRY.register(_instrument)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

for _label in BOUNDED:
    _label.on_overflow(lambda name: METRIC_LABEL_OVERFLOW_TOTAL.labels(name).inc())
on_ignored(METRIC_VALUES_IGNORED_TOTAL.labels().inc)


def _series_limit() -> int:
    own = {each.family for each in CATALOGUE}
    foreign = sum(len(metric.samples) for metric in REGISTRY.collect() if metric.name not in own)
    return foreign + sum(each.most_series for each in CATALOGUE)


METRIC_SERIES_LIMIT.labels().set(_series_limit())
WORKFLOW.on_declared(lambda _label, _value: METRIC_SERIES_LIMIT.labels().set(_series_limit()))
