"""The pace of tenants with a rate limit: no more of their runs reach the queue than may begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from vital_shared.store.background_runs import BackgroundRunStore
from vital_shared.store.limits import LimitStore

__all__ = ["TenantPace"]


HELD_FOR: Final = timedelta(minutes=1)
"""The time for which a run that was handed out and has not begun counts as about to begin."""


class HandedOut(NamedTuple):
    """A run that the queue has."""

    tenant_id: str
    at: datetime


class TenantPace:
    """The requests that rate limits leave to tenants, as far as one process hands out their runs.

    In the queue a run that the rate does not allow takes a place while it waits; in the store it takes none.
    """

    def __init__(self, limits: LimitStore, store: BackgroundRunStore) -> None:
        self._limits = limits
        self._store = store
        self._handed_out: dict[str, HandedOut] = {}
        """The runs of limited tenants that have not begun yet, by their ids."""
        self._left: dict[str, int | None] = {}
        """The runs that may be handed out in this look, by tenant; None: any number."""

    @property
    def resting(self) -> tuple[str, ...]:
        """Tenants of which no run may be handed out in this look."""
        return tuple(tenant_id for tenant_id, left in self._left.items() if left is not None and left <= 0)

    async def begin_look(self, now: datetime) -> None:
        """Forget what was known of rates, and the runs that have begun since, or wait for long."""
        self._left.clear()
        lately = {run_id: each for run_id, each in self._handed_out.items() if now - each.at < HELD_FOR}
        statuses = await self._store.statuses(lately) if lately else {}
        self._handed_out = {
            run_id: each for run_id, each in lately.items() if statuses.get(run_id) == "queued"
        }

    async def learn(self, tenant_ids: Collection[str], now: datetime) -> None:
        """Read what the rates of tenants leave them."""
        new = set(tenant_ids) - self._left.keys()
        if new:
            allowed = await self._limits.requests_left(new, now=now)
            held = Counter(each.tenant_id for each in self._handed_out.values())
            for tenant_id in new:
                left = allowed.get(tenant_id)
                self._left[tenant_id] = None if left is None else left - held[tenant_id]

    def take(self, run_id: str, tenant_id: str, now: datetime) -> bool:
        """Return whether a run may be handed out, and count it."""
        left = self._left[tenant_id]
        if left is None:
            return True
        if left <= 0:
            return False
        self._left[tenant_id] = left - 1
        self._handed_out[run_id] = HandedOut(tenant_id, now)
        return True
