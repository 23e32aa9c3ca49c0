"""Savings by answers from the cache: summed by tenant, workflow, mode, model and second, written behind.

A hit takes microseconds, and a row for each would cost more than it saved. What was summed and not yet
written is lost with a process that is killed: it is no money spent, only an account of what was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert

from vital_shared.logs import get_logger
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database
from vital_shared.store.write_behind import WriteBehind

__all__ = ["Savings"]

logger = get_logger(__name__)

MAX_WAITING_SUMS: Final = 100_000
"""Sums that wait for a store that is away."""


MAX_COUNT: Final = 2**31 - 1
MAX_NANOS: Final = 2**63 - 1


class _Key(NamedTuple):
    tenant_id: str
    mode: str
    model: str
    workflow: str
    second: datetime


@dataclass(slots=True)
class _Sum:
    hits: int = 0
    calls: int = 0
    nanos: int = 0

    def add(self, hits: int, calls: int, nanos: int) -> None:
        """Add to it, up to what the columns hold."""
        self.hits = min(self.hits + hits, MAX_COUNT)
        self.calls = min(self.calls + calls, MAX_COUNT)
        self.nanos = min(self.nanos + nanos, MAX_NANOS)

    def merge(self, other: _Sum) -> None:
        """Add another sum."""
        self.add(other.hits, other.calls, other.nanos)


class Savings(WriteBehind[_Key, _Sum]):
    """The savings of cache hits, summed up.

    :param now: the time, in UTC.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        super().__init__(database, _Sum, MAX_WAITING_SUMS)
        self._now = now

    def add(self, *, tenant_id: str, mode: str, model: str, workflow: str, calls: int, nanos: int) -> None:
        """Note one hit.

        :param workflow: the name in the records of its runs.
        :param calls: calls of models that it spared.
        :param nanos: the cost that they would have had, in nano-dollars.
        """
        kept = self._sum(_Key(tenant_id, mode, model, workflow, self._now().replace(microsecond=0)))
        if kept is not None:
            kept.add(1, calls, nanos)

    def _write(self, connection: Connection, sums: Mapping[_Key, _Sum]) -> None:
        connection.execute(insert(ledger), [_row(key, kept) for key, kept in sums.items()])

    def _report_dropped(self, dropped: int) -> None:
        logger.error("savings_dropped", hits=dropped)

    def _report_lost(self, sums: Mapping[_Key, _Sum]) -> None:
        saved = sum(kept.nanos for kept in sums.values())
        logger.error("savings_not_written", sums=len(sums), nanos=saved)


def _row(key: _Key, kept: _Sum) -> dict[str, Any]:
    return {
        "run_id": None,
        "item": "saved",
        "tenant_id": key.tenant_id,
        "user_id": "",
        "mode": key.mode,
        "agent_id": "",
        "cost_type": "llm",
        "name": key.model,
        "workflow": key.workflow,
        "status": "saved",
        "calls": kept.calls,
        "input_tokens": 0,
        "cached_input_tokens": 0,
        "cache_write_tokens": 0,
        "output_tokens": 0,
        "reasoning_tokens": 0,
        "estimated": False,
        "unit_prices": "{}",
        "cost_nanos": 0,
        "saved_nanos": kept.nanos,
        "hits": kept.hits,
        "at": key.second,
    }
