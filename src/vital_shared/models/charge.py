"""The charge for one part of a run: a call of a model or a tool, or the search of a source."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any, Final, Literal, Self

import orjson
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticSerializationError

from vital_shared.models.base import Frozen
from vital_shared.models.model_call import Tokens

__all__ = ["MAX_CHARGE_NANOS", "Charge", "CostType"]

CostType = Literal["llm", "tools", "rag"]
"""Closed, since it is a metric's label."""

MAX_CHARGE_NANOS: Final = 10_000 * 10**9
"""The most that one thing may cost, in nano-dollars: $10,000. No call of a model comes near it; it keeps a
mistake in a price or a count out of the sums, which have 64 bits."""

MAX_RAW_USAGE_CHARACTERS: Final = 4_000

SMALL_USAGE_BYTES: Final = 1_000
"""Bytes of compact JSON that are within `MAX_RAW_USAGE_CHARACTERS` however it is written."""


def _bounded_usage(raw: object) -> object:
    """Keep what a provider counted where it is small and JSON, and otherwise say that it was left out."""
    if not isinstance(raw, dict):
        return raw
    with suppress(TypeError):  # quick, and enough for nearly all
        if len(orjson.dumps(raw)) <= SMALL_USAGE_BYTES:
            return raw
    try:
        characters = len(json.dumps(raw))
    except (TypeError, ValueError, RecursionError):
        return {"omitted": "not JSON"}
    return raw if characters <= MAX_RAW_USAGE_CHARACTERS else {"omitted": f"{characters} characters"}


Nanos = Annotated[int, Field(ge=0, le=MAX_CHARGE_NANOS)]


class Charge(Frozen):
    """One line of a run's charges, and one row of the ledger; also where it cost nothing.

    Money is whole nano-dollars (10⁻⁹ dollars), never below zero and never above `MAX_CHARGE_NANOS`.
    """

    item: str
    """The key of the thing within its run, so that it is written once, such as ``tools/call-1``."""

    cost_type: CostType
    name: str
    """Name of the model (``provider:model``), the tool or the source."""

    status: str
    """The way it ended: success, failed, timeout, cancelled."""

    node: str = ""
    """The node that it was made for."""

    account: str = Field(default="", exclude=True)
    """The line of a loop's round whose bound it counts against, such as ``polished.2.answer``; not stored."""

    tokens: Tokens = Tokens()
    unit_prices: dict[str, str] | None = None
    """The prices that it was computed with, in dollars as text, such as ``{"input_per_million": "0.15"}``;
    None: the price is unknown, and the cost of 0 is no real one."""

    cost_nanos: Nanos = 0
    clamped: bool = False
    """True where what was counted or computed was impossible, and the nearest possible amount stands here."""

    raw_usage: Annotated[dict[str, Any] | None, BeforeValidator(_bounded_usage)] = None
    """The provider's own count, as it came; None where it sent none."""

    provider_cost_nanos: Nanos | None = None
    """The provider's own price of the call, where it states one."""

    @classmethod
    def bounded(cls, *, cost_nanos: int, max_nanos: int, clamped: bool = False, **fields: Any) -> Self:
        """Make a charge of an amount between zero and a maximum, and flag one that had to be moved there.

        :param cost_nanos: the cost as computed, whatever it is.
        :param max_nanos: the max cost of the thing.
        :param clamped: whether something that the amount was computed from was moved already.
        :param fields: the other fields.
        """
        possible = min(max(cost_nanos, 0), max(max_nanos, 0), MAX_CHARGE_NANOS)
        return cls(cost_nanos=possible, clamped=clamped or possible != cost_nanos, **fields)

    def to_json(self) -> str:
        """Write it down for `model_validate_json`, its account too; quick, since each call needs it."""
        try:
            return orjson.dumps({**self.__dict__, "tokens": self.tokens.__dict__}).decode()
        except (TypeError, AttributeError):  # a number of more than 64 bits, or a value that is none
            return self._any_to_json()

    def _any_to_json(self) -> str:
        try:
            return self.model_dump_json(exclude_defaults=True, warnings=False, fallback=repr)
        except PydanticSerializationError:  # half a character in what the provider has counted
            whole = self.model_copy(update={"raw_usage": {"omitted": "not JSON"}})
            return whole.model_dump_json(exclude_defaults=True, warnings=False, fallback=repr)

    def as_estimate(self) -> Self:
        """Return it with the flag of an estimate: the call is about to be made, or was cut off."""
        tokens = self.tokens.model_copy(update={"estimated": True})
        return self.model_copy(update={"tokens": tokens})
