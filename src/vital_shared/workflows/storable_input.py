"""Check that the inputs of a workflow can be stored and restored unchanged."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Final, get_args, get_origin

from pydantic import Secret, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic.fields import FieldInfo

from vital_shared.graph import PlanError
from vital_shared.models.workflow_io import WorkflowInput

__all__ = ["check_storable"]

HIDDEN: Final = "writeOnly"
"""The mark of a value that is hidden where it is written, in JSON schemas; pydantic's secrets have it."""


def check_storable(input_type: type[WorkflowInput]) -> None:
    """See that each field of an input's own can be written as JSON and read back.

    Types that lose only some of their values are no fault here: see `vital_shared.workflows.lost_fields`.

    :raises PlanError: when one cannot, in one sentence that names it.
    """
    if not input_type.__pydantic_complete__:
        return  # its types are not all defined yet
    for name, field in input_type.model_fields.items():
        if name not in WorkflowInput.model_fields and (problem := _problem(field)):
            raise PlanError(f"the field '{name}' of {input_type.__name__} {problem}")


def _problem(field: FieldInfo) -> str | None:
    """Return the reason why a field cannot be stored, in words; None: it can be."""
    try:
        schema = TypeAdapter(field.rebuild_annotation()).json_schema()
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return "has a type that JSON cannot hold, and the input is stored with its run: give it another type"
    if any(node.get(HIDDEN) for node in _nodes(schema)) or any(
        map(_is_secret, _types(field.annotation, set()))
    ):
        return (
            "is a secret, and the input is stored with its run, where it is masked: give the name of the "
            "secret, and read it in the node"
        )
    return None


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects within a schema."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _nodes(value)


def _types(annotation: Any, seen: set[Any]) -> Iterator[Any]:
    """Yield a type and those that it is made of, in the fields of models too."""
    if not isinstance(annotation, Hashable) or annotation in seen:
        return
    seen.add(annotation)
    yield annotation
    fields = getattr(annotation, "model_fields", {}) if isinstance(annotation, type) else {}
    for part in (*get_args(annotation), *(field.annotation for field in fields.values())):
        yield from _types(part, seen)


def _is_secret(annotation: Any) -> bool:
    """Return whether a type is one of pydantic's own secrets, of which schemas show nothing."""
    return (get_origin(annotation) or annotation) is Secret
