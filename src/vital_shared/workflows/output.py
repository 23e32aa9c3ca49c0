"""Build the output of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, TypeVar

from vital_shared.billing.run_context import RunContext
from vital_shared.graph import Node, Plan, Run
from vital_shared.models.answer import Answer, Quality, to_answer
from vital_shared.models.model_call import ModelCall, total_tokens
from vital_shared.models.money import to_dollars
from vital_shared.models.quality import AnswerWarning, DegradationReason
from vital_shared.models.run_steps import NodeFailure
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.models.workflow_io import (
    CacheStatus,
    Cost,
    Timings,
    WorkflowInput,
    WorkflowOutput,
)
from vital_shared.retrieval.base import Retrieved
from vital_shared.workflows.answering import unknown_price
from vital_shared.workflows.node_failures import node_failures, node_timings
from vital_shared.workflows.output_values import output_values
from vital_shared.workflows.quality import endings_of, known_reason, score, warning_for
from vital_shared.workflows.required_input import APPROVAL, is_approval, required_inputs
from vital_shared.workflows.traits import QUALITY_VALUE
from vital_shared.workflows.typed_result import result_of

__all__ = ["build_output", "tool_results_of"]

T = TypeVar("T")


def build_output(
    run: Run,
    request: WorkflowInput,
    context: RunContext,
    *,
    status: Literal["completed", "awaiting_approval"],
    seconds: float,
    first_token_seconds: float | None,
    more_reasons: tuple[DegradationReason, ...] = (),
    cache_status: CacheStatus = "bypass",
    own_values: Sequence[str] = (),
    has_result: bool = False,
    earlier_failures: Sequence[NodeFailure] = (),
) -> WorkflowOutput:
    """Read the values of a finished or paused run.

    :param context: the context with its charges; a model without a known price adds nothing but a warning.
    :param seconds: the duration of the run, without waits for the user.
    :param first_token_seconds: after how many of these the first token came.
    :param more_reasons: degradations that no node of the run knows.
    :param cache_status: whether the cache was asked; it did not answer.
    :param own_values: names of the values of the workflow's own nodes.
    :param has_result: whether the workflow's class names the type of its result.
    :param earlier_failures: failed attempts at nodes before a pause.
    """
    answer = _answer(run)
    quality = _value(run, QUALITY_VALUE, Quality) or Quality()
    passages = _value(run, "passages", Retrieved)
    results = tool_results_of(run) + (answer.tool_results if answer else ()) + context.tool_results
    calls = context.calls
    reasons = _reasons(run, answer, quality, more_reasons)
    estimate = answer.estimate if answer else None
    return WorkflowOutput(
        run_id=context.run_id,
        status=status,
        mode=request.mode,
        tenant_id=request.tenant_id,
        agent_id=request.agent_id,
        session_id=request.session_id,
        response=answer.text if answer else "",
        result=result_of(run) if has_result else None,
        values=output_values(run, own_values, context.run_id),
        ending=answer.ending if answer else "whole",
        citations=answer.citations if answer else (),
        tool_results=results,
        suggested_tools=_suggested(run),
        required_input=required_inputs(run) if run.paused else (),
        quality_score=score(reasons, quality.groundedness),
        is_assessed=_is_assessed(run),
        groundedness=quality.groundedness,
        answer_probability=estimate.probability if estimate else None,
        answer_calibration=estimate.calibration if estimate else None,
        retrieval_tuning=passages.tuning.name or None if passages else None,
        unsupported=quality.unsupported,
        degradation_reasons=reasons,
        warnings=(
            *(answer.warnings if answer else ()),
            *_warnings(run, quality, reasons),
            *_unpriced(calls, answer),
        ),
        cost=_cost(context),
        tokens=total_tokens(calls),
        model=answer.model if answer else None,
        model_calls=calls,
        cache_status=cache_status,
        execution=request.execution,
        timings=Timings(
            total_seconds=seconds,
            time_to_first_token_seconds=first_token_seconds,
            nodes=node_timings(run),
        ),
        node_failures=node_failures(run, earlier_failures),
    )


def _value(run: Run, name: str, kind: type[T]) -> T | None:
    """Return a value that the built-in nodes make; a graph of one's own may use its name for anything."""
    value = run.value(name)
    return value if isinstance(value, kind) else None


def _is_assessed(run: Run) -> bool:
    """Return whether the quality of an answer was checked, be it that of a sub-workflow or a loop."""
    return any(isinstance(run.value(each.makes), Quality) for each in run.plan.nodes if _checks(each)) or any(
        any(map(_checks, each.loop_over.plan.nodes)) for each in run.plan.nodes if each.loop_over is not None
    )


def _checks(node: Node) -> bool:
    return node.makes.rpartition(".")[2] == QUALITY_VALUE


def _answer(run: Run) -> Answer | None:
    value = run.value("answer")
    return to_answer(value) if isinstance(value, Answer | str) else None


def tool_results_of(run: Run) -> tuple[ToolResult, ...]:
    """Return the results of the run's tools; a graph of one's own may use their name for anything."""
    values = _value(run, "tool_results", tuple) or ()
    return tuple(value for value in values if isinstance(value, ToolResult))


def _cost(context: RunContext) -> Cost:
    return Cost(**{kind: to_dollars(nanos) for kind, nanos in context.nanos_by_type().items()})


def _reasons(
    run: Run, answer: Answer | None, quality: Quality, more: tuple[DegradationReason, ...]
) -> tuple[DegradationReason, ...]:
    engine = [known_reason(degradation.reason) for degradation in run.degradations]
    endings = endings_of(answer) if answer else ()
    return tuple(dict.fromkeys((*engine, *quality.reasons, *endings, *more)))


def _warnings(
    run: Run, quality: Quality, reasons: tuple[DegradationReason, ...]
) -> tuple[AnswerWarning, ...]:
    warnings = [*quality.warnings, *(warning_for(reason) for reason in reasons if reason != "other")]
    return (*warnings, *_own_warnings(run))


def _own_warnings(run: Run) -> Iterator[AnswerWarning]:
    """Warn of the reasons that are a workflow's own, each once, with the number of items of a fan-out."""
    own = [d for d in run.degradations if known_reason(d.reason) == "other"]
    counted = Counter((d.node, d.reason) for d in own if d.item is not None)
    for node, reason in dict.fromkeys((d.node, d.reason) for d in own):
        items = counted[node, reason]
        if items:
            done = f"was done without {_items(items)}"
        else:
            done = "was replaced by its fallback" if _fell_back(run.plan, node) else "was left out"
        message = f'The step "{node}" {done}: {reason.replace("_", " ")}.'
        yield AnswerWarning(type="degraded", message=message)


def _fell_back(plan: Plan, name: str) -> bool:
    """Return whether the run has the value of a node's fallback, since it could not do without one."""
    for node in plan.nodes:
        if node.name == name:
            return node.fallback is not None and not node.declaration.optional
        if node.loop_over is not None and name.startswith(f"{node.name}."):
            _round, _, inner = name.removeprefix(f"{node.name}.").partition(".")
            return _fell_back(node.loop_over.plan, inner)
    return False


def _items(number: int) -> str:
    return "one of its items" if number == 1 else f"{number:,} of its items"


def _unpriced(calls: Sequence[ModelCall], answer: Answer | None) -> Iterator[AnswerWarning]:
    """Warn of the calls of other nodes than the answer's whose price nobody knows."""
    warned = {call.model for call in answer.calls} if answer else set()
    for name in dict.fromkeys(call.model for call in calls if call.cost_dollars is None):
        if name not in warned:
            yield unknown_price(name)


def _suggested(run: Run) -> tuple[ToolCall, ...]:
    pending = run.paused.get(APPROVAL) if is_approval(run.plan, APPROVAL) else None
    return tuple(call for call in pending if isinstance(call, ToolCall)) if isinstance(pending, tuple) else ()
