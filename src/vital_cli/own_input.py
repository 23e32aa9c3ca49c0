"""The input of a workflow from the command line: a file of fields, fields one by one, and the options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, to_json

from vital_cli.json_text import read_json
from vital_cli.problems import invalid
from vital_shared.errors import InvalidRequest
from vital_shared.models.workflow_io import WorkflowInput

__all__ = ["read_input_file", "read_settings", "request_from"]

STRICT = ConfigDict(strict=True)


def request_from(input_type: type[WorkflowInput], fields: Mapping[str, Any]) -> WorkflowInput:
    """Make a request of its fields, as JSON has them.

    :raises InvalidRequest: naming the first field that is wrong or missing.
    """
    try:
        return input_type.model_validate_json(_as_json(fields), by_alias=True, by_name=True)
    except ValidationError as error:
        raise invalid(error) from error


def read_input_file(path: Path | None) -> dict[str, Any]:
    """Read the fields of a request from a JSON file.

    :raises InvalidRequest: when there is no such file, or no object in it.
    """
    if path is None:
        return {}
    try:
        fields = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(fields, dict):
        raise InvalidRequest(f"{path} contains no JSON object: write the fields of the input by name.")
    return fields


def read_settings(input_type: type[WorkflowInput], settings: Sequence[str]) -> dict[str, Any]:
    """Read ``field=value``, each value as its field's type has it: as text where that fits, else as JSON.

    :raises InvalidRequest: when one is not of this form, or there is no such field.
    """
    fields = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise InvalidRequest(f'"{setting}" sets no field: write --set field=value.')
        if name not in input_type.model_fields:
            near = get_close_matches(name, input_type.model_fields, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"it has {', '.join(input_type.model_fields)}."
            raise InvalidRequest(f'{input_type.__name__} has no field "{name}": {hint}')
        fields[name] = _value(input_type.model_fields[name], value)
    return fields


def _value(field: FieldInfo, text: str) -> Any:
    kind: Any = field.annotation
    for constraint in field.metadata:
        kind = Annotated[kind, constraint]
    adapter: TypeAdapter[Any] = TypeAdapter(kind, config=None if _has_config(kind) else STRICT)
    try:
        adapter.validate_json(_as_json(text))
    except ValidationError:
        try:
            return read_json(text)
        except ValueError:  # what is wrong with it as text is then the more helpful message
            return text
    return text


def _as_json(fields: Any) -> bytes:
    """Write what the command line, or a file, holds.

    :raises InvalidRequest: when it is no text that can be written.
    """
    try:
        return to_json(fields)
    except PydanticSerializationError as error:
        raise InvalidRequest(
            "The input has half a character (a lone surrogate, or bytes that are not UTF-8): write it again."
        ) from error


def _has_config(kind: Any) -> bool:
    """Return whether a type brings rules of its own, as models do."""
    return hasattr(kind, "__pydantic_config__") or hasattr(kind, "model_config")
