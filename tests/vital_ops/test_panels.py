"""No panel is empty: each query of each panel, asked of a real Prometheus that has watched a real engine."""

import math
import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from tests.ai_engine.harness import asked
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER, running_engine
from tests.llm.wires.servers import base, openai
from tests.prometheus import running_prometheus
from tests.vital_ops.watched_engine import BOARDS, Watched, watched_engine

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.panel import MODE, RANGE, TENANT, WORKFLOW
from vital_ops.promql import scoped

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300), pytest.mark.long]

QUERIES = [
    (uid, panel.key, query.expr)
    for uid, board in BOARDS.items()
    for panel in board.all_panels
    for query in panel.queries
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory) -> AsyncIterator[Watched]:
    async with watched_engine(tmp_path_factory.mktemp("watched")) as seen:
        yield seen


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("uid", "key", "expr"), QUERIES, ids=lambda value: str(value)[:60])
async def test_no_query_of_a_panel_is_empty(watched, uid, key, expr, version):
    found = await watched.ask(expr, version)
    assert any(math.isfinite(value) for value in found.values()), found


def exactly(counts) -> dict[str, float]:
    return {name: pytest.approx(count, rel=1e-3) for name, count in counts.items() if count}


async def test_the_figures_of_the_performance_overview_are_those_of_the_clients(watched):
    known, uid, seconds = watched.known, "vital-performance", watched.seconds
    assert await watched.panel(uid, "request_rate") == exactly(
        {m: n / seconds for m, n in known.by_mode.items()}
    )
    averages = await watched.panel(uid, "average_response_time")
    for (mode, status), each in known.seconds.items():
        if mode in "13":  # of modes 2 and 4 some failed, whose time no answer has
            assert averages[f"{status},{mode}"] == pytest.approx(sum(each) / len(each), rel=1e-3)
    ended = known.outcomes.total() - known.outcomes["rejected"]
    assert await watched.panel(uid, "error_rate", 1) == exactly({"": known.outcomes["failed"] / ended})
    looked_up = known.cache["hit"] + known.cache["miss"]
    assert await watched.panel(uid, "cache_hit_rate") == exactly({"": known.cache["hit"] / looked_up})
    assert await watched.panel(uid, "requests_by_mode") == exactly(known.by_mode)
    assert await watched.panel(uid, "degraded_responses") == exactly(
        {r: n / seconds for r, n in known.reasons.items()}
    )
    answered = known.outcomes["success"] + known.outcomes["degraded"]
    assert await watched.panel(uid, "success_rate") == exactly({"": answered / ended})
    assert await watched.panel(uid, "top_tenants") == exactly(known.by_tenant)


async def test_the_figures_of_cost_are_those_of_the_clients(watched):
    known, uid, seconds = watched.known, "vital-cost", watched.seconds
    spent = sum(known.dollars.values())
    assert await watched.panel(uid, "cost_by_type") == exactly({"llm": spent})
    assert await watched.panel(uid, "llm_calls") == exactly(
        {name: n / seconds for name, n in known.calls.items()}
    )
    tokens = await watched.panel(uid, "tokens")
    each_second = {name: n / seconds for name, n in known.tokens.items()}
    assert tokens["cached_input"] == pytest.approx(each_second["cached_input"], rel=1e-3)
    for kind in ("input", "output"):  # answers that broke off have read and written too
        assert tokens[kind] >= each_second[kind] * 0.999
    by_tool: dict[str, float] = {}
    for (name, _), count in known.tools.items():
        by_tool[name] = by_tool.get(name, 0) + count / seconds
    assert await watched.panel(uid, "tool_executions") == exactly(by_tool)
    assert await watched.panel(uid, "cost_by_mode") == exactly(known.dollars)
    assert await watched.panel(uid, "expensive_tenants") == exactly(known.spent_today)
    assert await watched.panel(uid, "cost_savings") == exactly({"": known.saved / (known.saved + spent)})


async def test_the_figures_of_health_are_those_of_the_clients(watched):
    known = watched.known
    succeeded = sum(n for (_, status), n in known.tools.items() if status == "success")
    assert await watched.panel("vital-health", "tool_success") == exactly(
        {"": succeeded / known.tools.total()}
    )
    assert await watched.panel("vital-health", "agent_usage") == exactly(known.by_agent)


HITS = 2
WINDOW = "1m"


async def test_what_a_burst_of_a_new_tenant_spent_between_two_scrapes_is_on_every_panel_of_money(
    tmp_path, tmp_path_factory
):
    async with base.serve(openai.stream(openai.TEXT)) as quick:
        (tmp_path / "vital.toml").write_text(SLOW_PROVIDER.replace("slow", "quick").format(url=quick.url))
        async with (
            running_engine(tmp_path, 2, VITAL_CACHE_ENTRIES="8") as engine,
            running_prometheus(
                tmp_path_factory.mktemp("prometheus"), engine.url.removeprefix("http://")
            ) as prometheus,
            httpx.AsyncClient(base_url=engine.url, timeout=60) as client,
        ):
            await prometheus.scraped()
            await prometheus.scraped()
            questions = [f"Burst {number}?" for number in range(5)] + ["Burst 4?"] * HITS
            costs = [await spent_by_burst(client, question) for question in questions]
            spent = sum(costs)
            assert spent > 0
            # The gauges follow the ledger some seconds later, on a busy machine with a part of it first.
            spent_today = "sum(vital_tenant_spent_dollars{tenant_id='burst',period='day'})"
            await prometheus.until(spent_today, lambda dollars: dollars > 0.99 * spent)
            asked_for = "sum(vital_workflow_requests_total{tenant_id='burst'})"
            await prometheus.until(asked_for, lambda count: count >= len(questions))
            for _ in range(3):
                await prometheus.scraped()

            async def shown(board: str, key: str) -> list[float]:
                """Sum up what each query of a panel shows of the tenant."""
                panel = BOARDS[board].panel(key)
                return [await prometheus.value(of_burst(query.expr)) for query in panel.queries]

            assert await shown("vital-cost", "expensive_tenants") == [pytest.approx(spent)] * 2
            for key, factor in {
                "daily_cost": 24,
                "cost_by_type": 1,
                "cost_by_mode": 1,
                "cost_trend": 1,
            }.items():
                assert (await shown("vital-cost", key))[0] == nearly(spent * factor), key
            assert (await shown("vital-performance", "top_tenants"))[0] == nearly(len(questions))
            saved = sum(1 for cost in costs if not cost) * spent / 5
            assert (await shown("vital-cost", "cost_saved"))[0] == nearly(saved)
            assert (await shown("vital-cost", "cost_savings"))[0] == nearly(saved / (saved + spent))


async def spent_by_burst(client: httpx.AsyncClient, question: str) -> float:
    body = asked(query=question, model="quick:model", tenant_id="burst", enable_rag=False, enable_tools=False)
    response = await client.post("/v1/runs", json=body)
    return float(response.json()["cost"]["total"])


def of_burst(expr: str) -> str:
    """Fill in what Grafana does, and let an hour be a minute: Prometheus runs for seconds only."""
    expr = scoped(expr, DEFAULT_CONFIG.selector).replace(TENANT, "burst")
    expr = expr.replace(MODE, ".*").replace(WORKFLOW, ".*")
    return re.sub(
        r"\[1h\]|offset 1h", lambda found: found[0].replace("1h", WINDOW), expr.replace(RANGE, WINDOW)
    )


def nearly(value: float) -> object:
    """What comes after the first sight of a series is extrapolated by `increase`: by an interval at most."""
    return pytest.approx(value, rel=0.25)
