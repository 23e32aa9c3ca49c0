"""The documentation of the workflow routes; those of each workflow have its own schemas."""

from __future__ import annotations

from typing import Any, Final

from ai_engine.api.background import ACCEPTED_ANSWER, PREFERENCE, WEBHOOK
from ai_engine.api.operation import ANSWERING_PROBLEMS, DEADLINE, Content, Operation, Operations
from ai_engine.api.run_operations import ANSWER, ANSWERS
from ai_engine.api.workflows import WorkflowList, WorkflowView
from ai_engine.served_classes import ServedClasses
from ai_engine.served_workflows import description_of
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.workflows.workflow import Workflow

__all__ = ["operations"]

TAG: Final = "workflows"
FORMS: Final = "Answers as JSON, or event by event if Accept prefers that."


def _answers(workflow: type[Workflow[Any, Any]]) -> dict[str, Content]:
    """Return the forms of an answer, with the type of its result."""
    result_type = workflow.result_type
    if result_type is None:
        return ANSWERS
    output = WorkflowOutput[result_type]  # type: ignore[valid-type]  # known when it runs
    return {**ANSWERS, "application/json": output}


def operations(classes: ServedClasses) -> Operations:
    """Document the routes."""
    return {
        ("get", "/v1/workflows"): Operation(
            tag=TAG,
            summary="List workflows",
            description="The served workflows, with the schemas of requests and answers.",
            success="The workflows.",
            answers={"application/json": WorkflowList},
        ),
        ("get", "/v1/workflows/{name}"): Operation(
            tag=TAG,
            summary="Show a workflow",
            description="One served model.",
            success="The workflow.",
            answers={"application/json": WorkflowView},
            problems=(404,),
        ),
        **{
            ("post", f"/v1/workflows/{name}/runs"): Operation(
                tag=TAG,
                summary=f"Run {name}",
                description=f"{description_of(each)} {FORMS}".strip(),
                parameters=(PREFERENCE, WEBHOOK, DEADLINE),
                body=each.input_type,
                success=ANSWER,
                answers=_answers(each),
                others=ACCEPTED_ANSWER,
                problems=(*ANSWERING_PROBLEMS, 404),
            )
            for name, each in classes.items()
        },
    }
