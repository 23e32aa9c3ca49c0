"""The rows of a table with named columns: of a CSV file, or of a saved query."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from vital_shared.billing.reconciliation.columns import (
    BYOK_COLUMNS,
    CACHED_COLUMNS,
    CURRENCY_COLUMNS,
    DAY_COLUMNS,
    DOLLAR_COLUMNS,
    END_COLUMNS,
    INPUT_COLUMNS,
    INPUT_PART_COLUMNS,
    MODEL_COLUMNS,
    OUTPUT_COLUMNS,
    REQUEST_COLUMNS,
    SERVICE_COLUMNS,
    USD_COLUMNS,
    other_currency,
    provider_of,
)
from vital_shared.billing.reconciliation.export_days import DayNotation, last_day
from vital_shared.billing.reconciliation.number_notation import NumberNotation
from vital_shared.billing.reconciliation.reported import (
    ExportPeriod,
    ProviderExport,
    UsageAmounts,
    UsageKey,
    add_amounts,
    model_family,
)
from vital_shared.errors import InvalidRequest

__all__ = ["NumberedRows", "TableReader", "has_known_columns"]

NumberedRows = Callable[[], Iterable[tuple[int, Sequence[str]]]]
"""Rows with their numbers, from the first; they are read twice."""

MAX_LEFT_OUT: Final = 20
"""Remarks on rows that are left out; the rest is counted."""

_TOTAL: Final = re.compile(r"(?:grand |sub|service )?-?total\b.*|sum(?:me)?|gesamt.*|overall", re.IGNORECASE)

_MODEL_SERVICE: Final = re.compile(
    r"\bai\b|openai|gemini|generative|vertex|foundry|cognitive|bedrock|anthropic|claude|\bmodels?\b",
    re.IGNORECASE,
)
"""Services of clouds that are models; a bill has others too."""

_AMOUNT_COLUMNS: Final = frozenset(
    {
        *DOLLAR_COLUMNS,
        *BYOK_COLUMNS,
        *REQUEST_COLUMNS,
        *INPUT_COLUMNS,
        *INPUT_PART_COLUMNS,
        *CACHED_COLUMNS,
        *OUTPUT_COLUMNS,
    }
)


def has_known_columns(columns: Iterable[str]) -> bool:
    """Return whether a row is the header of an export: it names a day and amounts.

    :raises InvalidRequest: when its amounts are in another currency alone.
    """
    names = frozenset(columns)
    if not names & set(DAY_COLUMNS):
        return False
    if names & _read_columns(names):
        return True
    if currency := other_currency(names):
        raise InvalidRequest(f"The export is in {currency}; the ledger is in dollars: export it in USD.")
    return False


def _read_columns(columns: Iterable[str]) -> frozenset[str]:
    """Return the columns with amounts that are read; ``usage`` is dollars at OpenRouter alone."""
    is_openrouter = provider_of(frozenset(columns)) == "openrouter"
    return _AMOUNT_COLUMNS if is_openrouter else _AMOUNT_COLUMNS - {"usage"}


class TableReader:
    """The reader of one table.

    :param columns: the names, as `column_name` returns them.
    :param is_english: whether numbers that do not show it have a decimal point.
    :raises InvalidRequest: when a column that is read is there twice.
    """

    def __init__(self, columns: Sequence[str], *, is_english: bool = True) -> None:
        self._provider = provider_of(columns)
        read = _read_columns(columns)
        known = read | {*DAY_COLUMNS, *END_COLUMNS, *MODEL_COLUMNS, *CURRENCY_COLUMNS, *SERVICE_COLUMNS}
        self._places = {name: place for place, name in enumerate(columns) if name in known}
        twice = next((name for name in self._places if columns.count(name) > 1), None)
        if twice is not None:
            raise InvalidRequest(f'The export has the column "{twice}" twice: leave one of them out.')
        self._width = len(columns)
        self._amounts = [name for name in self._places if name in read]
        self._is_english = is_english
        self._numbers, self._days = NumberNotation(), DayNotation()
        self._period = ExportPeriod()
        self._left_out: list[str] = []
        self._left_out_count = 0
        self._other_services: dict[str, Decimal] = {}

    def read(self, rows: NumberedRows) -> ProviderExport:
        """Read all rows.

        :raises InvalidRequest: when one cannot be read; names it.
        """
        self._numbers = NumberNotation.of_texts(
            (text for _, cells in rows() for name in self._amounts if (text := self._cell(cells, name))),
            is_english=self._is_english,
        )
        self._days = DayNotation.of_texts(
            text
            for _, cells in rows()
            for name in (*DAY_COLUMNS, *END_COLUMNS)
            if (text := self._cell(cells, name))
        )
        amounts = add_amounts(self._lines(rows()))
        return ProviderExport(self._provider, amounts, self._period, tuple(self._remarks()))

    def _lines(self, rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[tuple[UsageKey, UsageAmounts]]:
        for number, cells in rows:
            try:
                line = self._line(number, cells)
            except ValueError as error:
                raise InvalidRequest(f"Row {number} of the export cannot be read: {error}.") from error
            if line is not None:
                yield line

    def _line(self, number: int, cells: Sequence[str]) -> tuple[UsageKey, UsageAmounts] | None:
        day, model = self._first(cells, DAY_COLUMNS), self._first(cells, MODEL_COLUMNS)
        if not any(each.strip() for each in cells):
            return None
        is_total = any(_TOTAL.fullmatch(each.strip()) for each in cells)
        if is_total or not day:
            self._leave_out(number, cells, may_be=is_total or not model)
            return None
        self._check_width(cells)
        amounts = self._read_amounts(cells)
        start = self._days.day(day)
        self._extend(number, start, self._first(cells, END_COLUMNS))
        service = self._first(cells, SERVICE_COLUMNS)
        if service and not _MODEL_SERVICE.search(service):
            self._other_services[service] = self._other_services.get(service, Decimal(0)) + (
                amounts.dollars or 0
            )
            return None
        return ((start.isoformat(), model_family(model)), amounts) if amounts.reported else None

    def _check_width(self, cells: Sequence[str]) -> None:
        if any(each.strip() for each in cells[self._width :]):
            raise ValueError(f"it has {len(cells)} cells, and the header {self._width}")
        if any(self._places[name] >= len(cells) for name in self._amounts):
            raise ValueError(
                f"it has {len(cells)} cells, and the header {self._width}; the file may have been cut off"
            )

    def _extend(self, number: int, start: date, end: str) -> None:
        last = last_day(start, self._days.moment(end)) if end else start
        self._period = self._period.extended(start, last, f"Row {number}")

    def _leave_out(self, number: int, cells: Sequence[str], *, may_be: bool) -> None:
        found = [f"{name} {text}" for name in self._amounts if (text := self._cell(cells, name))]
        if not found:
            return
        if not may_be:
            raise ValueError("it has amounts and no day")
        self._left_out_count += 1
        if len(self._left_out) < MAX_LEFT_OUT:
            self._left_out.append(
                f"Row {number} is a sum or has no day, and was left out: {', '.join(found)}."
            )

    def _remarks(self) -> Iterator[str]:
        yield from self._left_out
        if self._left_out_count > len(self._left_out):
            yield f"{self._left_out_count - len(self._left_out):,} further rows of that kind were left out."
        for service, dollars in sorted(self._other_services.items()):
            yield f"The service {service} has no models, and was left out: {dollars:f} dollars."

    def _read_amounts(self, cells: Sequence[str]) -> UsageAmounts:
        parts = [
            self._numbers.count(text) for name in INPUT_PART_COLUMNS if (text := self._cell(cells, name))
        ]
        return UsageAmounts(
            dollars=self._dollars(cells),
            requests=self._count(cells, REQUEST_COLUMNS),
            input_tokens=sum(parts) if parts else self._count(cells, INPUT_COLUMNS),
            cached_input_tokens=self._count(cells, CACHED_COLUMNS),
            output_tokens=self._count(cells, OUTPUT_COLUMNS),
        )

    def _dollars(self, cells: Sequence[str]) -> Decimal | None:
        name = next(
            (each for each in DOLLAR_COLUMNS if each in self._amounts and self._cell(cells, each)), ""
        )
        if not name:
            return None
        currency = self._first(cells, CURRENCY_COLUMNS)
        if currency and name not in USD_COLUMNS and currency.lower() not in ("usd", "us$", "$"):
            raise ValueError(f"it is in {currency}, and the ledger in dollars")
        own = self._first(cells, BYOK_COLUMNS)
        return self._numbers.dollars(self._cell(cells, name)) + (self._numbers.dollars(own) if own else 0)

    def _count(self, cells: Sequence[str], names: Sequence[str]) -> int | None:
        text = self._first(cells, names)
        return self._numbers.count(text) if text else None

    def _first(self, cells: Sequence[str], names: Sequence[str]) -> str:
        return next((text for name in names if (text := self._cell(cells, name))), "")

    def _cell(self, cells: Sequence[str], name: str) -> str:
        place = self._places.get(name)
        return cells[place].strip() if place is not None and place < len(cells) else ""
