"""Count the calls of models that a run makes."""

from __future__ import annotations

from vital_shared.billing.run_context import RunContext
from vital_shared.hedge_budget import HedgeOutcome
from vital_shared.llm.base import ModelError
from vital_shared.models.model_call import FailureKind, ModelCall
from vital_shared.monitoring.metrics import (
    LLM_CALL_DURATION_SECONDS,
    LLM_CALLS_TOTAL,
    LLM_FAILURES_TOTAL,
    LLM_FALLBACKS_TOTAL,
    LLM_HEDGES_TOTAL,
    LLM_RETRIES_TOTAL,
    LLM_TOKENS_TOTAL,
    MODEL,
)

__all__ = ["count_call", "count_failure", "count_fallback", "count_hedge", "count_retry"]


def count_call(call: ModelCall, context: RunContext | None) -> None:
    """Count a call that went out; one that belongs to no run has no mode, and is not counted."""
    if context is None:
        return
    mode, tokens = context.request.mode.value, call.tokens
    if call.status == "success":
        MODEL.earn(call.model)
    LLM_CALLS_TOTAL.labels(mode, call.model, "false", call.status).inc()
    LLM_CALL_DURATION_SECONDS.labels(call.model).observe(call.seconds, context.run_id)
    LLM_TOKENS_TOTAL.labels(mode, call.model, "input").inc(max(0, tokens.input - tokens.cached_input))
    if tokens.cached_input:
        LLM_TOKENS_TOTAL.labels(mode, call.model, "cached_input").inc(tokens.cached_input)
    LLM_TOKENS_TOTAL.labels(mode, call.model, "output").inc(tokens.output)


def count_failure(error: ModelError, *, cut: bool = False) -> None:
    """Count a failed attempt, also one that a retry heals.

    :param cut: whether some of the answer had come.
    """
    kind: FailureKind = "cut" if cut else error.kind
    LLM_FAILURES_TOTAL.labels(error.model, kind).inc()


def count_retry(error: ModelError) -> None:
    """Count a failed attempt that is made again."""
    count_failure(error)
    LLM_RETRIES_TOTAL.labels(error.model, error.kind).inc()


def count_hedge(model: str, outcome: HedgeOutcome) -> None:
    """Count that a model was slow, so that another was asked beside it, or would have been."""
    LLM_HEDGES_TOTAL.labels(model, outcome).inc()


def count_fallback(error: ModelError) -> None:
    """Count that the next model is asked, since this one did not answer."""
    LLM_FALLBACKS_TOTAL.labels(error.model, error.kind).inc()
