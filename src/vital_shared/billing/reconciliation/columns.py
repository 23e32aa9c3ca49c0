"""The columns of exports, by what they hold. Their names differ by provider and release."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

__all__ = [
    "BYOK_COLUMNS",
    "CACHED_COLUMNS",
    "CURRENCY_COLUMNS",
    "DAY_COLUMNS",
    "DOLLAR_COLUMNS",
    "END_COLUMNS",
    "INPUT_COLUMNS",
    "INPUT_PART_COLUMNS",
    "MODEL_COLUMNS",
    "OUTPUT_COLUMNS",
    "REQUEST_COLUMNS",
    "SERVICE_COLUMNS",
    "USD_COLUMNS",
    "column_name",
    "other_currency",
    "provider_of",
]

DAY_COLUMNS: Final = (
    "start_time_iso",
    "usage_date_utc",
    "usage_start_time",
    "usage_start_date",
    "charge_period_start",
    "line_item_usage_start_date",
    "usage_date",
    "date",
    "day",
    "created_at",
    "starting_at",
    "start_time",
)
END_COLUMNS: Final = (
    "end_time_iso",
    "usage_end_time",
    "usage_end_date",
    "charge_period_end",
    "line_item_usage_end_date",
    "ending_at",
    "end_time",
)
MODEL_COLUMNS: Final = (
    "model",
    "model_name",
    "line_item",
    "snapshot_id",
    "sku_description",
    "model_permaslug",
    "meter_name",
    "meter",
    "sku_meter",
    "line_item_usage_type",
    "usage_type_name",
    "charge_description",
    "sub_category",
    "service_name",
    "service",
)
USD_COLUMNS: Final = ("cost_usd", "cost_in_usd", "amount_usd", "total_cost_usd", "unrounded_cost_usd")
"""Amounts in dollars, whatever the currency of the bill."""
DOLLAR_COLUMNS: Final = (
    "amount_value",
    *USD_COLUMNS,
    "unrounded_cost",
    "cost",
    "cost_total",
    "total_cost",
    "cost_in_billing_currency",
    "pre_tax_cost",
    "billed_cost",
    "line_item_unblended_cost",
    "unblended_cost",
    "usage",
)
CURRENCY_COLUMNS: Final = (
    "amount_currency",
    "billing_currency_code",
    "billing_currency",
    "line_item_currency_code",
    "currency_code",
    "currency",
)
BYOK_COLUMNS: Final = ("byok_usage_inference",)
"""Dollars that users of OpenRouter pay to the provider itself, beside OpenRouter's amount."""
REQUEST_COLUMNS: Final = ("num_model_requests", "num_requests", "requests", "request_count", "n_requests")
INPUT_COLUMNS: Final = (
    "input_tokens",
    "prompt_tokens",
    "tokens_prompt",
    "n_context_tokens_total",
)
INPUT_PART_COLUMNS: Final = (
    "usage_input_tokens_no_cache",
    "usage_input_tokens_cache_write_5m",
    "usage_input_tokens_cache_write_1h",
    "usage_input_tokens_cache_read",
    "uncached_input_tokens",
    "cache_creation_ephemeral_5m_input_tokens",
    "cache_creation_ephemeral_1h_input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)
"""Anthropic's parts of the input, which add up to it."""
CACHED_COLUMNS: Final = (
    "input_cached_tokens",
    "cached_input_tokens",
    "usage_input_tokens_cache_read",
    "cache_read_input_tokens",
    "cached_tokens",
    "tokens_cached",
    "n_cached_context_tokens_total",
)
OUTPUT_COLUMNS: Final = (
    "output_tokens",
    "completion_tokens",
    "usage_output_tokens",
    "tokens_completion",
    "n_generated_tokens_total",
)
SERVICE_COLUMNS: Final = ("service_description", "meter_category", "service_name", "product_product_name")

_PROVIDER_COLUMNS: Final = (
    ("openai", frozenset({"amount_value", "num_model_requests", "n_context_tokens_total"})),
    ("anthropic", frozenset({"usage_date_utc", "usage_input_tokens_no_cache", "uncached_input_tokens"})),
    ("gemini", frozenset({"sku_description"})),
    ("openrouter", frozenset({"model_permaslug", "tokens_prompt", "byok_usage_inference"})),
    ("azure", frozenset({"meter_category", "meter_sub_category", "consumed_service"})),
)
"""Columns of which each shows its provider."""

_SYMBOLS: Final = {"€": " EUR", "£": " GBP", "¥": " JPY", "₹": " INR"}

_FOREIGN: Final = re.compile(
    r"(?:cost|costs|amount|charge)_(eur|gbp|jpy|inr|chf|cad|aud|nzd|cny|brl|mxn|sek|nok|dkk|pln|sgd|krw)"
)


def column_name(cell: str) -> str:
    """Return a column's name in one form: ``Cost (USD)``, ``CostUSD`` and ``cost_usd`` are one."""
    for symbol, code in _SYMBOLS.items():
        cell = cell.replace(symbol, code)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cell.replace("\ufeff", ""))
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def other_currency(columns: Collection[str]) -> str:
    """Return the currency that a column's name states where it is not the dollar; otherwise nothing."""
    found = (_FOREIGN.search(name) for name in columns)
    return next((each[1].upper() for each in found if each), "")


def provider_of(columns: Collection[str]) -> str:
    """Return the provider that the columns show; empty where they show none."""
    return next((name for name, shows in _PROVIDER_COLUMNS if shows & set(columns)), "")
