"""The typed result of a workflow: the value of its node ``result``, validated against the declared type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from vital_shared.graph import Node, NodeError, Plan, PlanError, Run
from vital_shared.graph.value_fit import UNKNOWN, fits, is_narrower, shown_type
from vital_shared.models.answer import Answer
from vital_shared.models.event import Event, RunFinished, RunPaused
from vital_shared.models.workflow_io import WorkflowOutput

__all__ = [
    "ANSWER_VALUE",
    "RESULT_VALUE",
    "check_answer",
    "check_outcome",
    "result_of",
    "with_result",
    "with_result_of_event",
]

RESULT_VALUE: Final = "result"
ANSWER_VALUE: Final = "answer"


def check_outcome(plan: Plan, result_type: Any) -> None:
    """Check at the definition of a class what its runs come to.

    :param result_type: the type of the result that the class names; None: none.
    :raises PlanError: when its node ``result`` makes another type, or its node ``answer`` makes no text.
    """
    if not plan.may_make(ANSWER_VALUE, str | Answer) and ANSWER_VALUE in plan.slots:
        raise PlanError(
            f"{_title(plan, ANSWER_VALUE)} makes {_made(plan, ANSWER_VALUE)}, and it is the response: "
            "let it return Answer or str, or rename it"
        )
    if result_type is not None and plan.nodes:
        _check_result(plan, result_type)


def _check_result(plan: Plan, result_type: Any) -> None:
    wanted = shown_type(result_type)
    maker = _maker(plan, RESULT_VALUE)
    if maker is None:
        raise PlanError(
            f"workflow '{plan.name}' has a result of the type {wanted}, and no node makes it: "
            f"add a node named result that returns {wanted}"
        )
    title = _title(plan, RESULT_VALUE)
    if not is_narrower(plan.made_type(RESULT_VALUE), result_type):
        raise PlanError(
            f"{title} makes {_made(plan, RESULT_VALUE)}, and the result of its class is {wanted}: "
            "declare one type for both"
        )
    if maker.declaration.optional:
        raise PlanError(f"{title} makes the result, and is optional: give it a fallback instead")
    try:
        plan.types.adapter(RESULT_VALUE)
    except TypeError as error:
        raise PlanError(f"{title} makes a result that cannot be stored: {error}") from error


def _maker(plan: Plan, value: str) -> Node | None:
    return next((node for node in plan.nodes if node.makes == value), None)


def _title(plan: Plan, value: str) -> str:
    maker = _maker(plan, value)
    return f"node '{plan.name}.{maker.name}' ({maker.place})" if maker else f"input '{plan.name}.{value}'"


def check_answer(run: Run) -> None:
    """See that what the node of the response has made is one, where the class could not know it.

    :raises NodeError: when it is none. None is one where the node declares that it may return it.
    """
    answer = run.value(ANSWER_VALUE, "")
    if isinstance(answer, str | Answer):
        return
    declared = run.plan.made_type(ANSWER_VALUE)  # evaluates an annotation, which every run would pay
    if answer is None and declared != UNKNOWN and fits(type(None), declared):
        return
    made = "None" if answer is None else f"a value of type {type(answer).__name__}"
    raise NodeError(
        f"node '{ANSWER_VALUE}' returned {made}, and it is the response: let it return Answer or str, "
        "or rename it",
        node=ANSWER_VALUE,
    )


def _made(plan: Plan, name: str) -> str:
    return shown_type(plan.made_type(name))


def result_of(run: Run) -> Any:
    """Return the result of a run as JSON has it, so that a stored or cached output has the same.

    :raises CheckpointError: when JSON cannot hold it in full.
    """
    missing = object()
    value = run.value(RESULT_VALUE, missing)
    return None if value is missing else run.plan.types.publish(RESULT_VALUE, value)


def with_result(plan: Plan, output: WorkflowOutput[Any]) -> WorkflowOutput[Any]:
    """Return an output with its result as the type of the class, and not as JSON.

    :raises CheckpointError: when a stored result no longer fits its type.
    """
    if output.result is None:
        return output
    return output.model_copy(update={"result": plan.types.read_published(RESULT_VALUE, output.result)})


def with_result_of_event(plan: Plan, event: Event) -> Event:
    """Return an event with the result of its output as the type of the class."""
    if isinstance(event, RunFinished | RunPaused):
        return replace(event, output=with_result(plan, event.output))
    return event
