"""Sums over the ledger, exact to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    RowMapping,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal_column,
    select,
)

from vital_shared.errors import InvalidRequest
from vital_shared.models.costs import CostGroup, CostLine, CostQuery, CostReport, add_up, sort_key
from vital_shared.models.money import to_dollars
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database
from vital_shared.store.tables import owner, runs

__all__ = ["MAX_LINES", "CostStore"]

MAX_LINES: Final = 10_000

# A row that belongs to no run is what the cache has saved: its calls were not made.
_made = ledger.c.run_id.is_not(None)

# Rows that engines before version 0035 of the schema have written name no workflow.
_of_run: Final = select(runs.c.workflow).where(runs.c.id == ledger.c.run_id).scalar_subquery()
_workflow: Final = func.coalesce(ledger.c.workflow, _of_run)

_COUNTED: Final[dict[str, ColumnElement[int]]] = {
    "cost_nanos": ledger.c.cost_nanos,
    "saved_nanos": ledger.c.saved_nanos,
    "calls": case((_made, ledger.c.calls), else_=0),
    "estimated_calls": case((and_(_made, ledger.c.estimated), ledger.c.calls), else_=0),
    "clamped_calls": case((and_(_made, ledger.c.clamped), ledger.c.calls), else_=0),
    "unpriced_calls": case((and_(_made, ledger.c.unit_prices.is_(None)), ledger.c.calls), else_=0),
    "spared_calls": case((_made, 0), else_=ledger.c.calls),
    "hits": ledger.c.hits,
    "input_tokens": case((_made, ledger.c.input_tokens), else_=0),
    "cached_input_tokens": case((_made, ledger.c.cached_input_tokens), else_=0),
    "output_tokens": case((_made, ledger.c.output_tokens), else_=0),
    "reasoning_tokens": case((_made, ledger.c.reasoning_tokens), else_=0),
}

# SQLite's SUM fails beyond 64 bits, so the upper and the lower 32 bits are summed apart.
_HALF: Final = 32
_LOWER: Final[ColumnElement[int]] = literal_column(str(2**_HALF - 1))


class CostStore:
    """Spending and savings, from the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, query: CostQuery, *, tenant_id: str | None) -> CostReport:
        """Sum a part of the ledger up.

        :param tenant_id: restrict to this tenant; None for every tenant.
        :raises InvalidRequest: when there are more than `MAX_LINES` groups.
        """
        names = query.group_by
        rows = self._rows(query, tenant_id)
        sums = [part for name in _COUNTED for part in _halves(name, rows.c[name])]
        groups = [rows.c[f"by_{name}"] for name in names]
        statement = select(*groups, *sums).group_by(*groups).limit(MAX_LINES + 1)
        async with self._database.connect() as connection:
            found = (await connection.execute(statement)).mappings().all()
        if len(found) > MAX_LINES:
            raise InvalidRequest(
                f"group_by gives more than {MAX_LINES:,} lines: group by less, or ask for a shorter time",
                field="group_by",
            )
        lines = sorted((_line(row, names) for row in found), key=sort_key)
        return CostReport(lines=tuple(lines), total=add_up(lines))

    def _rows(self, query: CostQuery, tenant_id: str | None) -> Subquery:
        groups = (self._group(name).label(f"by_{name}") for name in query.group_by)
        counted = (column.label(name) for name, column in _COUNTED.items())
        return select(*groups, *counted).where(*_conditions(query, tenant_id)).subquery("charges")

    def _group(self, name: CostGroup) -> ColumnElement[str | None]:
        columns: dict[CostGroup, ColumnElement[str | None]] = {
            "tenant": ledger.c.tenant_id,
            "user": ledger.c.user_id,
            "mode": ledger.c.mode,
            "model": case((ledger.c.cost_type == "llm", ledger.c.name)),
            "agent": ledger.c.agent_id,
            "workflow": _workflow,
            "type": ledger.c.cost_type,
            "day": self._day(),
        }
        return columns[name]

    def _day(self) -> ColumnElement[str | None]:
        """Return the day in UTC, in which SQLite keeps all times."""
        if self._database.dialect == "sqlite":
            return func.strftime("%Y-%m-%d", ledger.c.at)
        return func.to_char(func.timezone("UTC", ledger.c.at), "YYYY-MM-DD")


def _conditions(query: CostQuery, tenant_id: str | None) -> Iterator[ColumnElement[bool]]:
    if tenant_id is not None:
        yield ledger.c.tenant_id == owner(tenant_id)
    if query.start is not None:
        yield ledger.c.at >= query.start
    if query.end is not None:
        yield ledger.c.at < query.end
    if query.mode is not None:
        yield ledger.c.mode == query.mode.value
    if query.agent is not None:
        yield ledger.c.agent_id == query.agent
    if query.type is not None:
        yield ledger.c.cost_type == query.type


def _halves(name: str, column: ColumnElement[int]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    wide = cast(column, BigInteger)
    upper = func.sum(wide.bitwise_rshift(literal_column(str(_HALF))))
    return upper.label(f"{name}_upper"), func.sum(wide.bitwise_and(_LOWER)).label(f"{name}_lower")


def _line(row: RowMapping, names: tuple[CostGroup, ...]) -> CostLine:
    # No row at all has no sum, which is not 0 in SQL; Postgres gives decimals.
    sums = {
        name: (int(row[f"{name}_upper"] or 0) << _HALF) + int(row[f"{name}_lower"] or 0) for name in _COUNTED
    }
    return CostLine(
        group={name: row[f"by_{name}"] for name in names},
        cost_dollars=to_dollars(sums.pop("cost_nanos")),
        saved_dollars=to_dollars(sums.pop("saved_nanos")),
        **sums,
    )
