"""The usage of a search in a source that is paid by usage, and the charges that it makes.

A source reports what each of its answers says; `vital_shared.retrieval.base.ask` charges it, one charge for
each kind of usage, whatever becomes of the search.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

from vital_shared.billing.run_context import RunContext, current_account, current_node_name
from vital_shared.models.charge import Charge
from vital_shared.models.model_call import Tokens
from vital_shared.models.money import to_nanos
from vital_shared.models.search_use import SearchUnit
from vital_shared.monitoring.metrics import RAG_USED_UNITS_TOTAL

__all__ = ["SearchUsage", "UsageKind", "current_usage"]


class UsageKind(NamedTuple):
    """Something that a source is paid for."""

    source: str
    """Name of the source."""

    name: str
    """Name on the ledger: of the source, or ``source:model`` of a hosted model."""

    unit: SearchUnit
    dollars: Decimal
    """Price of one unit."""

    max_units: int
    """The most that one search can use: it bounds the charge, and is what a budget reserves."""

    @property
    def max_dollars(self) -> Decimal:
        """The most that one search can cost."""
        return self.dollars * self.max_units


@dataclass(slots=True)
class _UsageLine:
    """The usage of one kind so far."""

    item: str
    units: int = 0
    pending: int = 0
    """Units that requests under way are expected to use."""
    is_estimated: bool = False
    is_odd: bool = False
    reported: list[Any] = field(default_factory=list)


class SearchUsage:
    """The usage of one search.

    :param context: the context of the run; None: the search belongs to none, and is charged to nobody.
    """

    def __init__(self, context: RunContext | None) -> None:
        self._context = context
        self._lines: dict[UsageKind, _UsageLine] = {}

    @asynccontextmanager
    async def request(self, kind: UsageKind, expected: int) -> AsyncIterator[Callable[[object], None]]:
        """Enclose a request that is paid for, and give what takes the units that its answer states.

        A request that fails is free. One that is cancelled may have been carried out: it is charged as
        expected, and flagged as an estimate; so is an answer that states something else than a number.

        :param expected: units that it is likely to use.
        :raises StoreError: when the run is durable and the request could not be announced: it is not made.
        """
        line = self._line(kind)
        line.pending += expected
        try:
            await self._announce(kind, line)
        except BaseException:
            line.pending -= expected
            raise

        def report(stated: object) -> None:
            _add(line, stated, expected)

        try:
            yield report
        except Exception:
            line.pending -= expected
            raise
        line.pending -= expected

    def charge(self, status: str) -> None:
        """Add what was used to the charges, and count it.

        :param status: the status of the search.
        """
        for kind, line in self._lines.items():
            charge = _charge(kind, line, status)
            if self._context is not None:
                self._context.add(charge)
            RAG_USED_UNITS_TOTAL.labels(kind.source, kind.unit).inc(
                min(line.units + line.pending, kind.max_units)
            )

    def _line(self, kind: UsageKind) -> _UsageLine:
        if kind not in self._lines:
            self._lines[kind] = _UsageLine("" if self._context is None else self._context.next_item("rag"))
        return self._lines[kind]

    async def _announce(self, kind: UsageKind, line: _UsageLine) -> None:
        """Write down what it is likely to cost, should this process die before the search ends."""
        if self._context is not None:
            await self._context.announce(_charge(kind, line, "cancelled"))


current_usage: Final[ContextVar[SearchUsage | None]] = ContextVar("current_usage", default=None)
"""The usage of the search that this code works for; None outside of searches."""


def _add(line: _UsageLine, stated: object, expected: int) -> None:
    line.reported.append(stated)
    if isinstance(stated, int | float) and not isinstance(stated, bool) and math.isfinite(stated):
        line.units += max(0, math.ceil(stated))
        line.is_odd = line.is_odd or stated < 0
    elif stated is not None:  # None: an index that is not paid by usage, such as one on dedicated nodes
        line.units += expected
        line.is_estimated = True


def _charge(kind: UsageKind, line: _UsageLine, status: str) -> Charge:
    units = line.units + line.pending
    tokens = min(units, kind.max_units) if kind.unit == "embedding_token" else 0
    return Charge.bounded(
        item=line.item,
        cost_type="rag",
        name=kind.name,
        status=status,
        node=current_node_name(),
        account=current_account(),
        tokens=Tokens(input=tokens, estimated=line.is_estimated or line.pending > 0),
        unit_prices={kind.unit: f"{kind.dollars:f}"},
        cost_nanos=to_nanos(kind.dollars * units),
        max_nanos=to_nanos(kind.max_dollars),
        clamped=line.is_odd,
        raw_usage={kind.unit: line.reported} if line.reported else None,
    )
