"""A provider's own account of its usage, in one form for all providers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

__all__ = [
    "MAX_COUNT",
    "MAX_DOLLARS",
    "OTHER",
    "ExportPeriod",
    "ProviderExport",
    "UsageAmounts",
    "UsageKey",
    "add_amounts",
    "model_family",
]

MAX_COUNT: Final = 10**15
"""Tokens or requests of one line that are believed."""

MAX_DOLLARS: Final = 10**9
"""Dollars of one line that are believed."""

OTHER: Final = "(no model)"
"""The model of lines that name none, such as a search's."""

UsageKey = tuple[str, str]
"""A day in UTC, such as 2026-11-25, or empty for the whole period; and a model without its date."""

N = TypeVar("N", int, Decimal)

_METERED: Final = ("gpt", "o1", "o3", "o4", "text-embedding")

_DATE: Final = re.compile(r"(?:[-@]\d{4}-\d{2}-\d{2}|[-@]\d{8})$")

_METER: Final = re.compile(
    r"[ -](?:inp\w*|in|out\w*|opt|cached|cchd|cd|batch|gl\w*|reg\w*|rgnl|dz\w*|data|zone|\d{4}|1[km])(?=[ -])"
)
"""Words of Azure's meters that are not the model's: ``gpt 4o 0806 Inp glbl Tokens``."""

_GEMINI: Final = re.compile(
    r"gemini[ -](\d+(?:\.\d+)?)[ -](pro|flash)(?:[ -](lite|image))?", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True)
class UsageAmounts:
    """Sums of usage; None: not reported."""

    dollars: Decimal | None = None
    requests: int | None = None
    input_tokens: int | None = None
    """Those from a cache, and those written to one, among them."""
    cached_input_tokens: int | None = None
    output_tokens: int | None = None

    def __add__(self, other: UsageAmounts) -> UsageAmounts:
        """Add up; what only one side reports is that side's."""
        return UsageAmounts(
            dollars=_sum(self.dollars, other.dollars),
            requests=_sum(self.requests, other.requests),
            input_tokens=_sum(self.input_tokens, other.input_tokens),
            cached_input_tokens=_sum(self.cached_input_tokens, other.cached_input_tokens),
            output_tokens=_sum(self.output_tokens, other.output_tokens),
        )

    @property
    def reported(self) -> frozenset[str]:
        """The names of the amounts that are reported."""
        return frozenset(each.name for each in fields(self) if getattr(self, each.name) is not None)


@dataclass(frozen=True, slots=True)
class ExportPeriod:
    """The days of an export, those without usage among them."""

    first: date | None = None
    last: date | None = None
    """The last day, included."""
    long_line: str = ""
    """The first line of more than a day, in words; empty: there is none."""

    def extended(self, first: date, last: date, place: str) -> ExportPeriod:
        """Return the period with a line's days.

        :param place: the line's place in the file, such as "Row 3".
        """
        is_longer = last > first and not self.long_line
        return replace(
            self,
            first=min(first, self.first or first),
            last=max(last, self.last or last),
            long_line=f"{place} of the export covers {first} to {last}" if is_longer else self.long_line,
        )


@dataclass(frozen=True, slots=True)
class ProviderExport:
    """An export that has been read."""

    provider: str
    """The provider's name in ``provider:model``; empty: the file does not show it."""
    amounts: Mapping[UsageKey, UsageAmounts]
    period: ExportPeriod = ExportPeriod()
    left_out: tuple[str, ...] = ()
    """Remarks on lines that are in no amount, such as sums."""


def add_amounts(lines: Iterable[tuple[UsageKey, UsageAmounts]]) -> dict[UsageKey, UsageAmounts]:
    """Sum lines up by day and model."""
    sums: dict[UsageKey, UsageAmounts] = {}
    for key, amounts in lines:
        sums[key] = sums[key] + amounts if key in sums else amounts
    return sums


def model_family(name: str | None) -> str:
    """Return a model's name without provider, date and case: exports name ``gpt-4o-2024-08-06`` for gpt-4o.

    OpenAI's line items (``gpt-4o-2024-08-06, input``) and Google's SKUs (``Gemini 2.5 Flash …``) count too.
    """
    text = (name or "").strip().lower()
    if not text:
        return OTHER
    if found := _GEMINI.search(text):
        return "-".join(["gemini", *(part for part in found.groups() if part)])
    if text.endswith(" tokens") and text.startswith(_METERED):
        text = "-".join(_METER.sub("", text.removesuffix(" tokens") + " ").split())
    text = text.split(",")[0].removeprefix("models/")
    return _DATE.sub("", text.partition(":")[2] if _is_prefixed(text) else text) or OTHER


def _is_prefixed(text: str) -> bool:
    return ":" in text and not text.startswith("ft:")


def _sum(one: N | None, other: N | None) -> N | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other
