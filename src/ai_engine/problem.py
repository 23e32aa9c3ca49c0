"""A problem, as RFC 9457 has it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from pydantic import Field

from ai_engine.validation import FieldError
from vital_shared.models.base import Frozen

__all__ = ["MEDIA_TYPE", "Problem"]

MEDIA_TYPE: Final = "application/problem+json"


class Problem(Frozen):
    """A problem, and its remedy."""

    type: str = Field(examples=["urn:vital:invalid-request"])
    """A name for the kind of problem; ``about:blank`` where the status says it all."""

    title: str
    status: int
    detail: str = Field(examples=["query: must not be blank; ask a question"])
    instance: str
    """The path that was asked for."""

    errors: tuple[FieldError, ...] | None = None
    """The fields that are wrong, where it is about fields."""

    run_id: str | None = None
    """The run that failed, where one did."""

    node: str | None = None
    """The step of it that failed."""

    left_dollars: Decimal | None = None
    """The rest of the tenant's budget, where the request could cost more."""

    resets_at: datetime | None = None
    """The start of the next period of the budget or the limit."""

    limit_of: str | None = Field(default=None, examples=["the key key_1"])
    """The organisation, tenant, key or user whose limit it is, where it is not the tenant's budget."""
