"""Check what the `track_…` calls are given, and say in one sentence what is wrong."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from pydantic import TypeAdapter, ValidationError

from vital_shared.billing.run_context import current_run_context
from vital_shared.errors import InvalidRequest
from vital_shared.models.workflow_io import Id, WorkflowMode
from vital_shared.monitoring.labels import Label
from vital_shared.monitoring.metrics import MODE, NO_TENANT

__all__ = ["Number", "amount", "mode_name", "name", "number", "one_of", "tenant_name", "whole"]

Number = int | float | Decimal

_id: Final[TypeAdapter[str]] = TypeAdapter(Id)


def mode_name(mode: str | int | WorkflowMode) -> str:
    """Take a mode in any of its forms."""
    if isinstance(mode, WorkflowMode):
        return mode.value
    return one_of("mode", mode if isinstance(mode, bool) else str(mode), MODE)


def one_of(field: str, value: object, label: Label) -> str:
    """Take a value of a closed set."""
    if isinstance(value, str) and value in label:
        return value
    raise InvalidRequest(f"{field} has to be one of {', '.join(label.values)}, not {value!r}.", field=field)


def name(field: str, value: object) -> str:
    """Take a name."""
    if isinstance(value, str) and value.strip():
        return value
    raise InvalidRequest(f"{field} has to be a name, not {value!r}.", field=field)


def whole(field: str, value: object) -> int:
    """Take a whole number from 0 up."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise InvalidRequest(f"{field} has to be a whole number, 0 or more, not {value!r}.", field=field)


def number(field: str, value: object, most: float = math.inf) -> float:
    """Take a number from 0 up."""
    return float(amount(field, value, most))


def amount(field: str, value: object, most: float = math.inf) -> Decimal:
    """Take a number from 0 up, exactly as it is written: 0.1 is a tenth."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        exact = Decimal(str(value))
        if exact.is_finite() and 0 <= exact <= most:
            return exact
    bound = "or more" if most == math.inf else f"to {most:g}"
    raise InvalidRequest(f"{field} has to be a number, 0 {bound}, not {value!r}.", field=field)


def tenant_name(tenant_id: str | None) -> str:
    """Take a tenant; within a run it is the run's, and otherwise `NO_TENANT`, where none is given."""
    context = current_run_context.get()
    if tenant_id is None:
        return NO_TENANT if context is None else context.request.tenant_id
    try:
        _id.validate_python(tenant_id)
    except ValidationError as error:
        raise InvalidRequest(
            "tenant_id has to be a tenant's id: 1 to 128 letters, digits and _ . : @ -", field="tenant_id"
        ) from error
    if context is not None and context.request.tenant_id != tenant_id:
        raise InvalidRequest(
            "tenant_id differs from the tenant of the run that makes this call: leave it out.",
            field="tenant_id",
        )
    return tenant_id
