"""Exports as CSV: OpenAI's and Anthropic's consoles, OpenRouter's activity, Google Cloud's billing.

The columns show the provider. Their names differ by release, so each quantity has several.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from vital_shared.billing.reconciliation.reported import (
    MAX_COUNT,
    MAX_DOLLARS,
    ProviderExport,
    UsageAmounts,
    UsageKey,
    add_amounts,
    model_family,
)
from vital_shared.errors import InvalidRequest

__all__ = ["read_csv_export"]

_DAY_COLUMNS: Final = (
    "start_time_iso",
    "usage_date_utc",
    "usage_start_time",
    "usage_start_date",
    "usage_date",
    "date",
    "day",
    "created_at",
    "start_time",
)
_MODEL_COLUMNS: Final = ("model", "line_item", "sku_description", "model_permaslug")
_DOLLAR_COLUMNS: Final = (
    "amount_value",
    "cost_usd",
    "unrounded_cost",
    "cost",
    "cost_total",
    "cost_in_usd",
    "amount_usd",
    "usage",
)
_CURRENCY_COLUMNS: Final = ("amount_currency", "currency")
_REQUEST_COLUMNS: Final = ("num_model_requests", "requests")
_INPUT_COLUMNS: Final = ("input_tokens", "prompt_tokens", "tokens_prompt")
_INPUT_PART_COLUMNS: Final = (
    "usage_input_tokens_no_cache",
    "usage_input_tokens_cache_write_5m",
    "usage_input_tokens_cache_write_1h",
    "usage_input_tokens_cache_read",
)
"""Anthropic's parts of the input, which add up to it."""
_CACHED_COLUMNS: Final = ("input_cached_tokens", "usage_input_tokens_cache_read", "cached_tokens")
_OUTPUT_COLUMNS: Final = ("output_tokens", "completion_tokens", "usage_output_tokens", "tokens_completion")

_PROVIDER_COLUMNS: Final = (
    ("openai", frozenset({"amount_value", "num_model_requests"})),
    ("anthropic", frozenset({"usage_date_utc", "usage_input_tokens_no_cache"})),
    ("gemini", frozenset({"sku_description"})),
    ("openrouter", frozenset({"model_permaslug", "tokens_prompt"})),
)
"""Columns of which each shows its provider."""

MAX_PREAMBLE_ROWS: Final = 30
"""Rows before the header: Google's begin with the invoice."""

_Row = Mapping[str, str]


def read_csv_export(text: str) -> ProviderExport:
    """Read an export.

    :raises InvalidRequest: when a column is missing, or a value cannot be read; names the row.
    """
    rows = list(csv.reader(text.splitlines(), delimiter=_delimiter(text)))
    start, columns = _header(rows)
    provider = next((name for name, shows in _PROVIDER_COLUMNS if shows & set(columns)), "")
    return ProviderExport(provider, add_amounts(_lines(rows, start, columns)))


def _delimiter(text: str) -> str:
    head = text[:10_000]
    return max(",;\t", key=head.count)


def _header(rows: Sequence[Sequence[str]]) -> tuple[int, Sequence[str]]:
    """Find the row with the names of the columns."""
    for number, row in enumerate(rows[:MAX_PREAMBLE_ROWS]):
        columns = [_column(cell) for cell in row]
        names = set(columns)
        if names & set(_DAY_COLUMNS) and names & {*_DOLLAR_COLUMNS, *_INPUT_COLUMNS, *_INPUT_PART_COLUMNS}:
            return number + 1, columns
    raise InvalidRequest(
        "The CSV is no usage or cost export that is known: it needs a column with the day, such as "
        "start_time_iso or usage_date_utc, and one with amounts, such as amount_value or input_tokens."
    )


def _column(cell: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", cell.lower().replace("\ufeff", "")).strip("_")


def _lines(
    rows: Sequence[Sequence[str]], start: int, columns: Sequence[str]
) -> Iterator[tuple[UsageKey, UsageAmounts]]:
    for number, cells in enumerate(rows[start:], start=start + 1):
        row = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
        day = _first(row, _DAY_COLUMNS)
        if not day:
            continue  # a sum at the end, or an empty line
        try:
            amounts = _amounts(row)
            key = (_day(day), model_family(_first(row, _MODEL_COLUMNS)))
        except ValueError as error:
            raise InvalidRequest(f"Row {number} of the CSV cannot be read: {error}.") from error
        if amounts.reported:
            yield key, amounts


def _amounts(row: _Row) -> UsageAmounts:
    currency = _first(row, _CURRENCY_COLUMNS)
    if currency and currency.lower() != "usd":
        raise ValueError(f"it is in {currency}, and the ledger in dollars")
    parts = [_count(row[name]) for name in _INPUT_PART_COLUMNS if row.get(name)]
    return UsageAmounts(
        dollars=_dollars(_first(row, _DOLLAR_COLUMNS)),
        requests=_optional(_first(row, _REQUEST_COLUMNS)),
        input_tokens=sum(parts) if parts else _optional(_first(row, _INPUT_COLUMNS)),
        cached_input_tokens=_optional(_first(row, _CACHED_COLUMNS)),
        output_tokens=_optional(_first(row, _OUTPUT_COLUMNS)),
    )


def _first(row: _Row, names: Sequence[str]) -> str:
    return next((row[name] for name in names if row.get(name)), "")


def _dollars(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        dollars = Decimal(text.replace("$", "").replace(",", ""))
    except InvalidOperation as error:
        raise ValueError(f'"{text}" is no amount') from error
    if not dollars.is_finite() or abs(dollars) > MAX_DOLLARS:
        raise ValueError(f'"{text}" is no amount')
    return dollars


def _optional(text: str) -> int | None:
    return _count(text) if text else None


def _count(text: str) -> int:
    try:
        count = Decimal(text.replace(",", ""))
    except InvalidOperation as error:
        raise ValueError(f'"{text}" is no count') from error
    if not count.is_finite() or abs(count) > MAX_COUNT or count != count.to_integral_value():
        raise ValueError(f'"{text}" is no count')
    return int(count)


def _day(text: str) -> str:
    """Return the day in UTC of a day, a moment, or seconds since 1970."""
    if text.isdecimal() and len(text) > len("20261125"):
        return datetime.fromtimestamp(int(text), UTC).date().isoformat()
    moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date().isoformat()
