"""The values on the panels of the dashboards, from a Prometheus that has watched all replicas."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.chaos.replica import Replica
from tests.prometheus import Prometheus, running_prometheus

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards
from vital_ops.dashboards.panel import ENVIRONMENT, INSTANCE, INTERVAL, MODE, RANGE, TENANT, WORKFLOW
from vital_ops.dashboards.variables import board_scope
from vital_ops.promql import scoped
from vital_ops.rules.files import rule_files

__all__ = ["Shown", "watching_dashboards"]

BOARDS: Final = {board.uid: board for board in boards(DEFAULT_CONFIG)}

GAUGES_FOLLOW_SECONDS: Final = 20.0
"""The gauges follow the ledger, and Prometheus the gauges, within this time."""

Shown = dict[tuple[str, str], dict[str, float]]
"""The values of panels by their labels, by board and key."""

PANELS: Final = (
    ("vital-cost", "expensive_tenants"),
    ("vital-cost", "cost_by_type"),
    ("vital-performance", "requests_by_mode"),
    ("vital-reliability", "flagged_charges"),
)


class DashboardWatch:
    """The dashboards from now on."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._began = time.monotonic()

    async def shown(self) -> Shown:
        """Return what the panels show of the whole time, once the gauges have followed."""
        await asyncio.sleep(GAUGES_FOLLOW_SECONDS)
        return {(uid, key): await self._panel(uid, key) for uid, key in PANELS}

    async def _panel(self, uid: str, key: str) -> dict[str, float]:
        expr = scoped(BOARDS[uid].panel(key).queries[0].expr, board_scope(DEFAULT_CONFIG.selector))
        window = f"{round(time.monotonic() - self._began)}s"
        for variable in (INTERVAL, RANGE):
            expr = expr.replace(variable, window)
        for variable in (ENVIRONMENT, INSTANCE, MODE, TENANT, WORKFLOW):
            expr = expr.replace(variable, ".*")
        found = await self._prometheus.query(re.sub(r"\[\d+[smhd]\]", f"[{window}]", expr))
        return {",".join(value for _, value in labels): figure for labels, figure in found.items()}


@asynccontextmanager
async def watching_dashboards(folder: Path, replicas: tuple[Replica, ...]) -> AsyncIterator[DashboardWatch]:
    """Start a Prometheus with our rules that scrapes all replicas, and stop it in the end."""
    own = folder / "prometheus"
    own.mkdir()
    addresses = [replica.url.removeprefix("http://") for replica in replicas]
    async with running_prometheus(own, addresses, rule_files()) as prometheus:
        await prometheus.until("sum(up)", lambda up: up == len(replicas))
        yield DashboardWatch(prometheus)
