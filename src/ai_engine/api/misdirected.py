"""A request with the fields of another workflow: the error names the route of that workflow."""

from __future__ import annotations

from collections.abc import Iterable

from ai_engine.served_workflows import ServedWorkflow
from ai_engine.validation import FieldError, InvalidFields
from vital_shared.wrong_field import NOT_KNOWN

__all__ = ["with_its_route"]


def with_its_route(
    error: InvalidFields, served: ServedWorkflow, workflows: Iterable[ServedWorkflow]
) -> InvalidFields:
    """Return the error of a request; where another workflow has the fields, with the route of that one.

    :param served: the workflow that was asked.
    :param workflows: all that are served.
    """
    unknown = [each.field for each in error.errors if each.message == NOT_KNOWN]
    if not unknown:
        return error
    for other in workflows:
        if other.name != served.name and all(field in other.input_type.model_fields for field in unknown):
            message = (
                f'is not known to the workflow "{served.name}", and is to "{other.name}": '
                f"POST /v1/workflows/{other.name}/runs"
            )
            named = [FieldError(field=field, message=message) for field in unknown]
            return InvalidFields([*named, *(each for each in error.errors if each.field not in unknown)])
    return error
