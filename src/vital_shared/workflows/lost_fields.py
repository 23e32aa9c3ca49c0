"""Find the fields of an input that are incomplete in its JSON."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pydantic import ValidationError

from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.store.run_record import input_as_json

__all__ = ["lost_fields"]

WHOLE_INPUT: Final = "input"


def lost_fields(request: WorkflowInput, names: Collection[str]) -> tuple[str, ...]:
    """Return the fields that would come back from JSON as something else, in the order of the class.

    Masked values are written as stars, excluded fields not at all, an object of a subclass as one of the
    declared class, and NaN as null.

    :param names: the fields to look at; with ``input`` among them it is all.
    :raises InvalidRequest: when JSON cannot hold one at all.
    """
    fields = type(request).model_fields
    seen = [name for name in fields if name in names or WHOLE_INPUT in names]
    if not seen:
        return ()
    try:
        stored = type(request).model_validate_json(input_as_json(request), by_alias=False, by_name=True)
    except ValidationError as error:
        wrong = {found["loc"][0] for found in error.errors() if found["loc"]}
        return tuple(name for name in seen if name in wrong) or tuple(seen)
    return tuple(name for name in seen if getattr(stored, name) != getattr(request, name))
