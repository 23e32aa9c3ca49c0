"""Responses of the providers' usage and cost APIs, saved as JSON.

Sources: OpenAI's "Costs" and "Usage" (``/v1/organization/costs``, ``/usage/completions``), Anthropic's "Usage
and Cost Admin API" (``/v1/organizations/cost_report``, ``/usage_report/messages``), OpenRouter's activity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

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

__all__ = ["read_json_export"]

_Line = tuple[UsageKey, UsageAmounts]

CENTS_PER_DOLLAR: Final = 100


def read_json_export(document: Any) -> ProviderExport:
    """Read one page, or a list of them.

    :param document: the JSON, its numbers with a point as `Decimal`.
    :raises InvalidRequest: when it is none of the known forms.
    """
    pages = document if isinstance(document, list) else [document]
    buckets = [bucket for page in pages for bucket in _data(page)]
    if any(isinstance(page, Mapping) and page.get("has_more") for page in pages[-1:]):
        raise InvalidRequest("The export has further pages (has_more): save all of them, as a list of pages.")
    if any("start_time" in bucket for bucket in buckets):
        return ProviderExport("openai", add_amounts(_openai(buckets)))
    if any("starting_at" in bucket for bucket in buckets):
        return ProviderExport("anthropic", add_amounts(_anthropic(buckets)))
    if any("date" in bucket and "model" in bucket for bucket in buckets):
        return ProviderExport("openrouter", add_amounts(_openrouter(buckets)))
    raise InvalidRequest(
        "The JSON is no usage or cost report of OpenAI, Anthropic or OpenRouter: save their API's response."
    )


def _data(page: Any) -> Sequence[Mapping[str, Any]]:
    data = page.get("data") if isinstance(page, Mapping) else None
    if not isinstance(data, list) or not all(isinstance(each, Mapping) for each in data):
        raise InvalidRequest("The JSON is no usage or cost report: it has no list `data` of objects.")
    return data


def _openai(buckets: Sequence[Mapping[str, Any]]) -> Iterator[_Line]:
    for bucket in buckets:
        day = _day_of_seconds(bucket.get("start_time"))
        for result in _results(bucket):
            if "amount" in result:
                amount = result["amount"] if isinstance(result["amount"], Mapping) else {}
                _check_currency(amount.get("currency"))
                line_item = result.get("line_item")
                yield (day, _model(line_item)), UsageAmounts(dollars=_decimal(amount.get("value")))
            else:
                yield (
                    (day, _model(result.get("model"))),
                    UsageAmounts(
                        requests=_count(result, "num_model_requests"),
                        input_tokens=_count(result, "input_tokens"),
                        cached_input_tokens=_count(result, "input_cached_tokens"),
                        output_tokens=_count(result, "output_tokens"),
                    ),
                )


def _anthropic(buckets: Sequence[Mapping[str, Any]]) -> Iterator[_Line]:
    for bucket in buckets:
        day = _day_of_text(bucket.get("starting_at"))
        for result in _results(bucket):
            key = (day, _model(result.get("model")))
            if "amount" in result:
                _check_currency(result.get("currency"))
                # In cents: "123.45" is $1.2345.
                yield key, UsageAmounts(dollars=_decimal(result["amount"]) / CENTS_PER_DOLLAR)
            else:
                cached = _count(result, "cache_read_input_tokens")
                written = result.get("cache_creation")
                lifetimes = written if isinstance(written, Mapping) else {}
                yield (
                    key,
                    UsageAmounts(
                        input_tokens=_count(result, "uncached_input_tokens")
                        + cached
                        + _count(lifetimes, "ephemeral_5m_input_tokens")
                        + _count(lifetimes, "ephemeral_1h_input_tokens"),
                        cached_input_tokens=cached,
                        output_tokens=_count(result, "output_tokens"),
                    ),
                )


def _openrouter(items: Sequence[Mapping[str, Any]]) -> Iterator[_Line]:
    for item in items:
        yield (
            (_day_of_text(item.get("date")), _model(item.get("model"))),
            UsageAmounts(
                dollars=_decimal(item.get("usage")) + _decimal(item.get("byok_usage_inference") or 0),
                requests=_count(item, "requests"),
                input_tokens=_count(item, "prompt_tokens"),
                output_tokens=_count(item, "completion_tokens"),
            ),
        )


def _results(bucket: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    results = bucket.get("results")
    found = results if isinstance(results, list) else []
    return [each for each in found if isinstance(each, Mapping)]


def _check_currency(currency: Any) -> None:
    if currency is not None and str(currency).lower() != "usd":
        raise InvalidRequest(f"The export is in {currency}; the ledger is in dollars: export it in USD.")


def _decimal(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise InvalidRequest(f'The export has an amount that is no number: "{value}".') from error
    if not amount.is_finite() or abs(amount) > MAX_DOLLARS * CENTS_PER_DOLLAR:
        raise InvalidRequest(f'The export has an amount that is no number: "{value}".')
    return amount


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name) or 0
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not is_number or not abs(value) <= MAX_COUNT or value != int(value):
        raise InvalidRequest(f'The export has a count "{name}" that is no whole number: "{value}".')
    return int(value)


def _model(name: Any) -> str:
    return model_family(name if isinstance(name, str) else None)


def _day_of_text(value: Any) -> str:
    try:
        return date.fromisoformat(str(value)[: len("2026-11-25")]).isoformat()
    except ValueError as error:
        raise InvalidRequest(f'The export has a day that is none: "{value}".') from error


def _day_of_seconds(value: Any) -> str:
    try:
        return datetime.fromtimestamp(int(value), UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise InvalidRequest(f'The export has a start_time that is no time: "{value}".') from error
