"""Limits as a person types them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from vital_cli.problems import invalid
from vital_shared.errors import InvalidRequest, NotFound
from vital_shared.models.limits import TenantLimits
from vital_shared.models.workflow_io import Id
from vital_shared.store.limits import LimitStore

__all__ = ["changed"]

NO_LIMIT: Final = "none"
"""The word that lifts a limit."""

_id: Final[TypeAdapter[str]] = TypeAdapter(Id)


async def changed(
    store: LimitStore, tenant_id: str, given: Mapping[str, str | None], *, now: datetime
) -> TenantLimits:
    """Return the limits of a tenant with what was typed.

    :param given: by field; None: it stays as it is.
    :raises InvalidRequest: when a limit cannot be, or the tenant's id cannot.
    """
    try:
        _id.validate_python(tenant_id)
    except ValidationError as error:
        raise InvalidRequest(
            "a tenant's id has 1 to 128 letters, digits and _ . : @ -", field="tenant"
        ) from error
    try:
        stored = (await store.get(tenant_id, now=now)).limits.model_dump()
    except NotFound:
        stored = {}
    typed = {name: _typed(name, text) for name, text in given.items() if text is not None}
    try:
        return TenantLimits(**(stored | typed))
    except ValidationError as error:
        raise invalid(error) from error


def _typed(name: str, text: str) -> Any:
    if text == NO_LIMIT:
        return None
    if name == "models":
        return [model.strip() for model in text.split(",") if model.strip()]
    return int(text) if name in ("requests_per_minute", "weight") and text.isdecimal() else text
