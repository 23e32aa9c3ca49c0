"""What answers from the cache have saved: summed by tenant, mode, model and second, and written behind.

A hit takes microseconds, and a row for each would cost more than it saved. What was summed and not yet
written is lost with a process that is killed: it is no money spent, only an account of what was not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database

__all__ = ["Savings"]

logger = get_logger(__name__)

KEPT: Final = 100_000
"""Sums that wait for a store that is away; beyond it new ones are dropped, and that is logged."""


MAX_COUNT: Final = 2**31 - 1
MAX_NANOS: Final = 2**63 - 1


class _Key(NamedTuple):
    tenant_id: str
    mode: str
    model: str
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


class Savings:
    """Sums up what hits have saved.

    :param now: the time, in UTC.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._sums: dict[_Key, _Sum] = {}
        self._dropped = 0

    def add(self, *, tenant_id: str, mode: str, model: str, calls: int, nanos: int) -> None:
        """Note one hit.

        :param calls: calls of models that it spared.
        :param nanos: what they would have cost, in nano-dollars.
        """
        key = _Key(tenant_id, mode, model, self._now().replace(microsecond=0))
        kept = self._sums.get(key)
        if kept is None:
            if len(self._sums) >= KEPT:
                self._dropped += 1
                return
            kept = self._sums[key] = _Sum()
        kept.add(1, calls, nanos)

    async def flush(self) -> None:
        """Write what was summed; what the store does not take now stays. To be called each second or so."""
        sums, self._sums = self._sums, {}
        if self._dropped:
            logger.error("what hits have saved was not kept", hits=self._dropped)
            self._dropped = 0
        if not sums:
            return
        rows = [_row(key, kept) for key, kept in sums.items()]

        def write(connection: Connection) -> None:
            connection.execute(insert(ledger), rows)

        # Done whoever cancels this: otherwise nobody could tell whether the sums have still to be written.
        written = self._database.put(write, lambda _: sums.clear())
        try:
            await asyncio.shield(written)
        except StoreError:
            self._put_back(sums)
        except Exception:  # whatever it is must not end the engine's clock, which calls this
            logger.exception("savings_not_written")
            self._put_back(sums)

    async def aclose(self) -> None:
        """Write the last ones; what is not taken is logged."""
        await self.flush()
        if self._sums:
            saved = sum(kept.nanos for kept in self._sums.values())
            logger.error("what hits have saved is not in the ledger", sums=len(self._sums), nanos=saved)

    def _put_back(self, sums: dict[_Key, _Sum]) -> None:
        for key, kept in sums.items():
            known = self._sums.setdefault(key, _Sum())
            known.add(kept.hits, kept.calls, kept.nanos)


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
