"""Responses of the providers' usage and cost APIs, saved as JSON.

Sources: OpenAI's "Costs" and "Usage" (``/v1/organization/costs``, ``/usage/completions``), Anthropic's "Usage
and Cost Admin API" (``/v1/organizations/cost_report``, ``/usage_report/messages``), OpenRouter's activity.
Those of clouds are tables: see ``json_tables.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from vital_shared.billing.reconciliation.export_days import DayNotation, last_day
from vital_shared.billing.reconciliation.json_tables import read_json_table
from vital_shared.billing.reconciliation.reported import (
    MAX_COUNT,
    MAX_DOLLARS,
    ExportPeriod,
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
    """Read one page, a list of them, or a table.

    :param document: the JSON, its numbers with a point as `Decimal`.
    :raises InvalidRequest: when it is none of the known forms.
    """
    if (table := read_json_table(document)) is not None:
        return table
    pages = document if isinstance(document, list) else [document]
    buckets = [bucket for page in pages for bucket in _data(page)]
    if any(isinstance(page, Mapping) and page.get("has_more") for page in pages[-1:]):
        raise InvalidRequest("The export has further pages (has_more): save all of them, as a list of pages.")
    if any("start_time" in bucket for bucket in buckets):
        return _BucketReport("openai", "start_time", "end_time").read(buckets)
    if any("starting_at" in bucket for bucket in buckets):
        return _BucketReport("anthropic", "starting_at", "ending_at").read(buckets)
    if any("date" in bucket and "model" in bucket for bucket in buckets):
        return _BucketReport("openrouter", "date", "").read(buckets)
    raise InvalidRequest(
        "The JSON is not a usage or cost report of OpenAI, Anthropic or OpenRouter: "
        "save the response of their API."
    )


def _data(page: Any) -> Sequence[Mapping[str, Any]]:
    data = page.get("data") if isinstance(page, Mapping) else None
    if not isinstance(data, list) or not all(isinstance(each, Mapping) for each in data):
        raise InvalidRequest("The JSON is not a usage or cost report: it has no list `data` of objects.")
    return data


class _BucketReport:
    """The buckets of a provider's report.

    :param start: the field with a bucket's day.
    :param end: the field with its end; empty: a bucket is a day.
    """

    def __init__(self, provider: str, start: str, end: str) -> None:
        self._provider, self._start, self._end = provider, start, end
        self._period = ExportPeriod()
        self._left_out: list[str] = []

    def read(self, buckets: Sequence[Mapping[str, Any]]) -> ProviderExport:
        """Read all buckets."""
        amounts = add_amounts(self._lines(buckets))
        return ProviderExport(self._provider, amounts, self._period, tuple(dict.fromkeys(self._left_out)))

    def _lines(self, buckets: Sequence[Mapping[str, Any]]) -> Iterator[_Line]:
        for number, bucket in enumerate(buckets, start=1):
            day = self._day(number, bucket)
            for result in [bucket] if self._provider == "openrouter" else _results(bucket):
                model, amounts = _READERS[self._provider](result)
                if amounts.reported:
                    yield (day, _model(model)), amounts
                else:
                    kind = result.get("object") or ", ".join(sorted(map(str, result))) or "nothing"
                    self._left_out.append(f"Results without tokens and costs were left out: {kind}.")

    def _day(self, number: int, bucket: Mapping[str, Any]) -> str:
        days = DayNotation()
        try:
            start = days.day(_text(bucket.get(self._start)))
            end = bucket.get(self._end)
            last = start if end is None else last_day(start, days.moment(_text(end)))
        except ValueError as error:
            raise InvalidRequest(f"The export has a bucket whose time cannot be read: {error}.") from error
        self._period = self._period.extended(start, last, f"Bucket {number}")
        return start.isoformat()


def _openai(result: Mapping[str, Any]) -> tuple[Any, UsageAmounts]:
    if "amount" not in result:
        return result.get("model"), UsageAmounts(
            requests=_count(result, "num_model_requests"),
            input_tokens=_count(result, "input_tokens"),
            cached_input_tokens=_count(result, "input_cached_tokens"),
            output_tokens=_count(result, "output_tokens"),
        )
    amount = result["amount"] if isinstance(result["amount"], Mapping) else {}
    _check_currency(amount.get("currency"))
    return result.get("line_item"), UsageAmounts(dollars=_decimal(amount.get("value")))


def _anthropic(result: Mapping[str, Any]) -> tuple[Any, UsageAmounts]:
    model = result.get("model")
    if "amount" in result:
        _check_currency(result.get("currency"))
        # In cents: "123.45" is $1.2345.
        return model, UsageAmounts(dollars=_decimal(result["amount"]) / CENTS_PER_DOLLAR)
    cached = _count(result, "cache_read_input_tokens")
    written = result.get("cache_creation")
    lifetimes = written if isinstance(written, Mapping) else {}
    parts = [
        _count(result, "uncached_input_tokens"),
        cached,
        *(_count(lifetimes, each) for each in lifetimes),
    ]
    known = [part for part in parts if part is not None]
    return model, UsageAmounts(
        input_tokens=sum(known) if known else None,
        cached_input_tokens=cached,
        output_tokens=_count(result, "output_tokens"),
    )


def _openrouter(item: Mapping[str, Any]) -> tuple[Any, UsageAmounts]:
    return item.get("model"), UsageAmounts(
        dollars=_decimal(item.get("usage")) + _decimal(item.get("byok_usage_inference") or 0),
        requests=_count(item, "requests"),
        input_tokens=_count(item, "prompt_tokens"),
        output_tokens=_count(item, "completion_tokens"),
    )


_READERS: Final = {"openai": _openai, "anthropic": _anthropic, "openrouter": _openrouter}
"""The reader of a result, by provider: its model and its amounts."""


def _results(bucket: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    results = bucket.get("results")
    if not isinstance(results, list) or not all(isinstance(each, Mapping) for each in results):
        raise InvalidRequest("The export has a bucket without a list `results` of objects.")
    return results


def _check_currency(currency: Any) -> None:
    if currency is not None and str(currency).lower() != "usd":
        raise InvalidRequest(f"The export is in {currency}; the ledger is in dollars: export it in USD.")


def _decimal(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value).replace("_", "?"))  # Python's own separator, which no export has
    except InvalidOperation as error:
        raise InvalidRequest(f'The export has an amount that is not a number: "{value}".') from error
    if not amount.is_finite() or abs(amount) > MAX_DOLLARS * CENTS_PER_DOLLAR:
        raise InvalidRequest(f'The export has an amount that is not a number: "{value}".')
    return amount


def _count(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not is_number or not abs(value) <= MAX_COUNT or value != int(value):
        raise InvalidRequest(f'The export has a count "{name}" that is not a whole number: "{value}".')
    return int(value)


def _model(name: Any) -> str:
    return model_family(name if isinstance(name, str) else None)


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | Decimal) else ""
