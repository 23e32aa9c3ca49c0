"""A real engine under load, and what a real Prometheus has seen of it, as the panels ask for it."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.ai_engine.supervisor.engine import SLOW_PROVIDER, running_engine
from tests.llm.wires.servers import base, openai
from tests.prometheus import Prometheus, running_alertmanager, running_prometheus
from tests.vital_ops.panel_load import Known, touch_everything

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards
from vital_ops.dashboards.panel import ENVIRONMENT, INSTANCE, INTERVAL, MODE, RANGE, TENANT, WORKFLOW
from vital_ops.dashboards.scope import board_scope
from vital_ops.promql import scoped
from vital_ops.rules.files import rule_files
from vital_ops.stack.programs import find_prometheus_3

__all__ = ["BOARDS", "Watched", "watched_engine"]

BOARDS = {board.uid: board for board in boards(DEFAULT_CONFIG)}

PAUSE_SECONDS = 0.05

LIMIT = {"level": "tenant", "id": "acme", "unit": "tokens", "period": "month", "amount": "50000000"}

BEHIND_THE_LEDGER = "sum(vital_cost_overall_dollars_total) - sum(vital_tenant_spent_dollars{period='day'})"
"""The gauges follow the ledger some seconds later."""


class Watched:
    """What Prometheus has seen of the load, at its last look."""

    def __init__(
        self, prometheus: Prometheus, prometheus_3: Prometheus, known: Known, begun: float, at: float
    ) -> None:
        self.known = known
        self.seconds = at - begun + 0.001
        """From the last look before the load, which is just within it, to the last look after it."""
        self._prometheus = prometheus
        self._prometheus_3 = prometheus_3
        self._at = at

    async def ask(self, expr: str, version: int = 2) -> dict[str, float]:
        """Evaluate an expression of a panel.

        :param version: of the Prometheus that is asked.
        """
        expr = scoped(expr, board_scope(DEFAULT_CONFIG.selector))
        window = f"{round(self.seconds * 1000)}ms"
        for variable, value in {INTERVAL: window, RANGE: window}.items():
            expr = expr.replace(variable, value)
        for variable in (ENVIRONMENT, INSTANCE, MODE, TENANT, WORKFLOW):
            expr = expr.replace(variable, ".*")
        expr = re.sub(r"\[\d+[smhd]\]", f"[{window}]", expr)  # the windows of alerts
        prometheus = self._prometheus if version == 2 else self._prometheus_3
        found = await prometheus.query(expr, self._at)
        return {
            ",".join(value for name, value in labels if name != "__name__"): figure
            for labels, figure in found.items()
        }

    async def panel(self, uid: str, key: str, query: int = 0) -> dict[str, float]:
        """What a panel shows, where it is not 0."""
        found = await self.ask(BOARDS[uid].panel(key).queries[query].expr)
        return {name: value for name, value in found.items() if value and not math.isnan(value)}


def _paced(_request: base.Request) -> base.Reply:
    """Send an answer in two parts: sent at once, a busy engine reads it at once, and has no gap to count."""
    rest = asyncio.Event()
    asyncio.get_running_loop().call_later(PAUSE_SECONDS, rest.set)
    return openai.stream([*openai.TEXT[:3], rest, *openai.TEXT[3:]])


@asynccontextmanager
async def watched_engine(folder: Path) -> AsyncIterator[Watched]:
    """Run an engine with two workers under a load that touches everything, watched by Prometheus."""
    parts = {name: folder / name for name in ("engine", "alertmanager", "prometheus", "prometheus-3")}
    for part in parts.values():
        part.mkdir()
    hangs = openai.stream([*openai.TEXT[:3], asyncio.Event()])
    broken = openai.error(500)
    async with base.serve(_paced) as a, base.serve(hangs) as b, base.serve(broken) as c:
        servers = {"quick": a, "hangs": b, "broken": c}
        providers = [
            SLOW_PROVIDER.replace("slow", name).format(url=each.url) for name, each in servers.items()
        ]
        providers[1] = providers[1].replace(
            "input = 1, output = 2", "input = 0, output = 0"
        )  # no answer has it
        (parts["engine"] / "vital.toml").write_text("\n".join(providers))
        environment = {
            "VITAL_RUN_TIMEOUT_SECONDS": "3",
            "VITAL_CACHE_ENTRIES": "8",
            "VITAL_CACHE_TTL_SECONDS": "5",
        }
        async with (
            running_engine(parts["engine"], 2, **environment) as engine,
            running_alertmanager(parts["alertmanager"]) as alertmanager,
            running_prometheus(
                parts["prometheus"],
                engine.url.removeprefix("http://"),
                rule_files(),
                alertmanager=alertmanager,
            ) as prometheus,
            running_prometheus(
                parts["prometheus-3"],
                engine.url.removeprefix("http://"),
                rule_files(),
                alertmanager=alertmanager,
                find=find_prometheus_3,
            ) as prometheus_3,
        ):
            async with engine.client() as client:
                limits = {"daily_dollars": "5", "monthly_dollars": "50"}
                (await client.put("/v1/budgets/acme", json=limits)).raise_for_status()
                (await client.put("/v1/limits", json=LIMIT)).raise_for_status()
            # Names that are new are first seen with what they count.
            warmed_up = await touch_everything(engine.url, 0, 20)
            await prometheus.scraped()
            begun = await prometheus.value('timestamp(up{job="vital"})')
            known = await touch_everything(engine.url, 20, 150)
            await prometheus.until("sum(vital_workflow_active)", lambda active: active == 0)
            await prometheus.until(
                "sum(increase(vital_cache_operations_total{operation='expire'}[10m]))", bool
            )
            await prometheus.until(BEHIND_THE_LEDGER, lambda dollars: abs(dollars) < 1e-9)
            await prometheus.scraped()
            await prometheus_3.scraped()
            await prometheus.scraped()
            known.spent_today = known.dollars_of + warmed_up.dollars_of
            at = await prometheus.value('timestamp(up{job="vital"})')
            yield Watched(prometheus, prometheus_3, known, begun, at)
