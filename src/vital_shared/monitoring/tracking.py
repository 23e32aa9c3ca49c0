"""Record metrics manually, for work outside of a workflow or facts that only your own code knows.

Everything that a workflow does through its models, tools and sources is counted without these functions.
"""

from __future__ import annotations

from typing import Final

from vital_shared.billing.run_context import current_account, current_node_name, current_run_context
from vital_shared.billing.tracked_price import CallCost, cost_at, cost_by_table
from vital_shared.errors import InvalidRequest
from vital_shared.logs import get_logger
from vital_shared.models.charge import MAX_CHARGE_NANOS, Charge
from vital_shared.models.model_call import Tokens
from vital_shared.models.token_bound import UNKNOWN_CALL
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.monitoring.arguments import (
    Number,
    amount,
    mode_name,
    name,
    number,
    one_of,
    tenant_name,
    whole,
)
from vital_shared.monitoring.finished import count_request
from vital_shared.monitoring.metrics import (
    AGENT,
    AGENT_USAGE_TOTAL,
    CACHE_OPERATION,
    CACHE_OPERATIONS_TOTAL,
    CACHE_STATUS,
    COST_SAVED_DOLLARS_TOTAL,
    ERROR_TYPE,
    EXECUTION,
    LLM_CALLS_TOTAL,
    LLM_TOKENS_TOTAL,
    MODEL,
    OUTCOME,
    QUALITY_SCORE,
    RAG_DURATION_SECONDS,
    RAG_RETRIEVALS_TOTAL,
    SOURCE,
    SOURCE_STATUS,
    TENANT,
    TIER,
    TOOL,
    TOOL_DURATION_SECONDS,
    TOOL_EXECUTIONS_TOTAL,
    TOOL_STATUS,
    WARNINGS_TOTAL,
    WORKFLOW,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_ERRORS_TOTAL,
)
from vital_shared.monitoring.spent import count_charge
from vital_shared.monitoring.workflow_label import NO_WORKFLOW

__all__ = [
    "track_agent_usage",
    "track_cache_operation",
    "track_llm_call",
    "track_quality_score",
    "track_rag_retrieval",
    "track_tool_execution",
    "track_workflow_execution",
]

logger = get_logger(__name__)

WARNED: Final = 1_000
"""The maximum number of models without a price that the log warns about: names may be made up."""

_warned: Final[set[str]] = set()


def track_llm_call(
    mode: str | int | WorkflowMode,
    model: str,
    input_tokens: int,
    output_tokens: int,
    cached: bool = False,
    cost_per_1k_input: Number | None = None,
    cost_per_1k_output: Number | None = None,
    *,
    tenant_id: str | None = None,
) -> None:
    """Count a call of a language model.

    Within a run, its cost is part of the run's cost: in the answer and in the ledger. Outside of a run, it is
    only in the metrics. A model without a price costs nothing; the log warns of it once.

    :param mode: 1 to 4.
    :param model: its name in the price table, with or without its provider: ``gpt-4``, ``openai:gpt-4``.
    :param cached: whether a cache saved the call: no tokens were used, and its cost is counted as saved.
    :param cost_per_1k_input: dollars for a thousand tokens; give both prices, or neither to use those of the
        price table.
    :param tenant_id: None: the run's tenant, or no tenant.
    :raises InvalidRequest: when an argument is invalid; the message names it.
    """
    mode, model, tenant = mode_name(mode), name("model", model), tenant_name(tenant_id)
    given = Tokens(input=whole("input_tokens", input_tokens), output=whole("output_tokens", output_tokens))
    tokens = UNKNOWN_CALL.limit(given)
    MODEL.earn(model)
    TENANT.earn(tenant)
    cost = _cost(model, tokens, cost_per_1k_input, cost_per_1k_output)
    if cost is None:
        _warn(mode, model)
    LLM_CALLS_TOTAL.labels(mode, model, "true" if cached else "false", "success").inc()
    if cached:
        COST_SAVED_DOLLARS_TOTAL.labels(mode, tenant).inc(cost.nanos if cost else 0)
        return
    LLM_TOKENS_TOTAL.labels(mode, model, "input").inc(tokens.input)
    LLM_TOKENS_TOTAL.labels(mode, model, "output").inc(tokens.output)
    _charge(mode, tenant, model, tokens, cost, is_clamped=tokens != given)


def _cost(
    model: str, tokens: Tokens, per_1k_input: Number | None, per_1k_output: Number | None
) -> CallCost | None:
    if per_1k_input is None and per_1k_output is None:
        return cost_by_table(model, tokens)
    if per_1k_input is None or per_1k_output is None:
        missing = "cost_per_1k_input" if per_1k_input is None else "cost_per_1k_output"
        raise InvalidRequest(f"{missing} is missing: give both prices, or neither.", field=missing)
    given = amount("cost_per_1k_input", per_1k_input), amount("cost_per_1k_output", per_1k_output)
    return cost_at(*given, tokens)


def _warn(mode: str, model: str) -> None:
    WARNINGS_TOTAL.labels(mode, "unknown_price").inc()
    if model not in _warned and len(_warned) < WARNED:
        _warned.add(model)
        logger.warning("model_price_unknown", model=model)


def _charge(
    mode: str, tenant: str, model: str, tokens: Tokens, cost: CallCost | None, *, is_clamped: bool
) -> None:
    """Add the cost to the run's charges, to be counted once the ledger has it; outside of runs, count it."""
    context = current_run_context.get()
    charge = Charge.bounded(
        item="llm" if context is None else context.next_item("llm"),
        cost_type="llm",
        name=model,
        status="success",
        node=current_node_name(),
        account=current_account(),
        tokens=tokens,
        unit_prices=cost.unit_prices if cost else None,
        cost_nanos=cost.nanos if cost else 0,
        max_nanos=MAX_CHARGE_NANOS,
        clamped=is_clamped,
    )
    if context is None:
        count_charge(mode, tenant, WORKFLOW.declare(NO_WORKFLOW), charge)
    else:
        context.add(charge)


def track_workflow_execution(
    mode: str | int | WorkflowMode,
    outcome: str,
    duration_seconds: Number,
    cache_status: str = "bypass",
    execution: str = "parallel",
    error_type: str | None = None,
    *,
    tenant_id: str | None = None,
    workflow: str = NO_WORKFLOW,
) -> None:
    """Count a request that was answered outside of VITAL's workflows.

    :param outcome: success, degraded, failed, cancelled, rejected; a rejected request has no duration.
    :param cache_status: hit, miss, bypass.
    :param execution: parallel, sequential.
    :param error_type: the type of the error, if the request failed; None: internal.
    :param workflow: the name of your code that answered; use a fixed name, since each creates new series.
    :raises InvalidRequest: when an argument is invalid; the message names it.
    """
    mode, outcome = mode_name(mode), one_of("outcome", outcome, OUTCOME)
    seconds = number("duration_seconds", duration_seconds)
    labels = one_of("cache_status", cache_status, CACHE_STATUS), one_of("execution", execution, EXECUTION)
    error = one_of("error_type", error_type or "internal", ERROR_TYPE)
    tenant = tenant_name(tenant_id)
    label = WORKFLOW.declare(name("workflow", workflow))
    TENANT.earn(tenant)
    count_request(mode, tenant, outcome, label)
    if outcome == "failed":
        WORKFLOW_ERRORS_TOTAL.labels(mode, error, label).inc()
    if outcome != "rejected":
        WORKFLOW_DURATION_SECONDS.labels(mode, *labels, label).observe(seconds)


def track_cache_operation(mode: str | int | WorkflowMode, operation: str, tier: str = "memory") -> None:
    """Count an operation of a cache.

    :param operation: hit, miss, bypass, write, evict, expire, invalidate.
    :param tier: memory, redis, semantic.
    :raises InvalidRequest: when an argument is invalid; the message names it.
    """
    mode, operation = mode_name(mode), one_of("operation", operation, CACHE_OPERATION)
    CACHE_OPERATIONS_TOTAL.labels(operation, one_of("tier", tier, TIER), mode).inc()


def track_quality_score(mode: str | int | WorkflowMode, score: Number) -> None:
    """Record an answer's quality, from 0 to 1.

    :raises InvalidRequest: when an argument is invalid; the message names it.
    """
    QUALITY_SCORE.labels(mode_name(mode), "true").observe(number("score", score, most=1.0))


def track_tool_execution(tool: str, status: str = "success", duration_seconds: Number | None = None) -> None:
    """Count a call of a tool.

    :param status: success, failed, timeout, denied.
    :raises InvalidRequest: when an argument is invalid; the message names it.
    """
    tool, status = name("tool", tool), one_of("status", status, TOOL_STATUS)
    seconds = None if duration_seconds is None else number("duration_seconds", duration_seconds)
    TOOL.earn(tool)
    TOOL_EXECUTIONS_TOTAL.labels(tool, status).inc()
    if seconds is not None:
        TOOL_DURATION_SECONDS.labels(tool).observe(seconds)


def track_rag_retrieval(
    mode: str | int | WorkflowMode,
    source: str,
    status: str = "success",
    duration_seconds: Number | None = None,
) -> None:
    """Count a search of a source.

    :param source: the name of the source.
    :param status: success, failed, timeout.
    :raises InvalidRequest: when an argument is invalid; the message names it.
    """
    mode, source = mode_name(mode), name("source", source)
    status = one_of("status", status, SOURCE_STATUS)
    seconds = None if duration_seconds is None else number("duration_seconds", duration_seconds)
    SOURCE.earn(source)
    RAG_RETRIEVALS_TOTAL.labels(mode, source, status).inc()
    if seconds is not None:
        RAG_DURATION_SECONDS.labels(source).observe(seconds)


def track_agent_usage(agent_id: str) -> None:
    """Count a use of an agent.

    :raises InvalidRequest: when the name is invalid.
    """
    agent_id = name("agent_id", agent_id)
    AGENT.earn(agent_id)
    AGENT_USAGE_TOTAL.labels(agent_id).inc()
