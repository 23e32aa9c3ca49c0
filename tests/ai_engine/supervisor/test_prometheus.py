"""A real Prometheus scrapes four workers under load, of which one is replaced and one is killed."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select
from tests.ai_engine import failing_workflow
from tests.ai_engine.harness import asked
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER, Engine, running_engine
from tests.ai_engine.supervisor.load import Load
from tests.llm.wires.servers import base, openai
from tests.prometheus import Prometheus, check_metrics, running_prometheus

from vital_shared.models.limits import TenantLimits
from vital_shared.models.money import to_dollars
from vital_shared.settings import Settings
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database
from vital_shared.store.limits import LimitStore
from vital_shared.store.tables import runs

WORKERS = 4
VICTIM = 2

CALM = ["plain", "paid", "unknown_agent", "plain", "too_often", "approved", "paid", "plain"]
WILD = [*CALM, *CALM, "gone", *CALM, "hanging", *CALM, "failing"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(tmp_path_factory) -> AsyncIterator[Engine]:
    folder = tmp_path_factory.mktemp("engine")
    quick, hangs = openai.stream(openai.TEXT), openai.stream([*openai.TEXT[:3], asyncio.Event()])
    async with base.serve(quick) as quick_server, base.serve(hangs) as hanging_server:
        providers = SLOW_PROVIDER.replace("slow", "quick").format(url=quick_server.url)
        for name in ("hangs", "endless"):  # two, since the breaker opens on the one that is given up
            providers += SLOW_PROVIDER.replace("slow", name).format(url=hanging_server.url)
        (folder / "vital.toml").write_text(providers)
        await limit(folder, "hasty", TenantLimits(requests_per_minute=20))
        environment = {
            "VITAL_GRACE_SECONDS": "1",
            "VITAL_WORKFLOW": f"failing={failing_workflow.__file__}:Failing",
            "VITAL_METRIC_LABEL_VALUES": "10",
        }
        async with running_engine(folder, WORKERS, VITAL_SHUTDOWN_SECONDS="30", **environment) as engine:
            engine.folder = folder
            yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prometheus(engine, tmp_path_factory) -> AsyncIterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    async with running_prometheus(folder, engine.url.removeprefix("http://")) as prometheus:
        yield prometheus


async def limit(folder: Path, tenant_id: str, limits: TenantLimits) -> None:
    database = Database(Settings(data_dir=folder).url)
    await database.migrate()
    await LimitStore(database).set(tenant_id, limits, now=datetime.now(UTC))
    await database.aclose()


async def paid(folder: Path) -> dict[str, Decimal]:
    """What each run has cost, as the ledger of the store has it; runs with an answer are all there."""
    cost = func.coalesce(func.sum(ledger.c.cost_nanos), 0)
    statement = (
        select(runs.c.id, cost)
        .outerjoin(ledger, ledger.c.run_id == runs.c.id)
        .where((runs.c.status == "completed") | (ledger.c.cost_nanos > 0))
        .group_by(runs.c.id)
    )
    database = Database(Settings(data_dir=folder).url)
    async with database.connect() as connection:
        found = {run_id: to_dollars(nanos) for run_id, nanos in await connection.execute(statement)}
    await database.aclose()
    return found


async def counted(prometheus: Prometheus) -> Counter[tuple[str, str, str]]:
    """Requests by mode, tenant and outcome, as the clients count them."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for labels, value in (await prometheus.query("vital_workflow_requests_total > 0")).items():
        series = dict(labels)
        counts[series["mode"], series["tenant_id"], series["outcome"]] += int(value)
    return counts


async def settled(prometheus: Prometheus) -> Counter[tuple[str, str, str]]:
    """What is counted when nobody asks any more: a busy worker is taken as it last was, until it answers."""
    await prometheus.scraped()
    before, now = None, await counted(prometheus)
    while now != before:
        await prometheus.scraped()
        before, now = now, await counted(prometheus)
    return now


def since_last_scrape(engine: Engine) -> int:
    """How many requests the victim had answered when it was killed, after it was last asked what it counts."""
    (end,) = [
        line for line in engine.log if line["event"] == "worker ended" and line["code"] == -signal.SIGKILL
    ]
    begun = datetime.fromisoformat(end["timestamp"]) - timedelta(seconds=end["unseen_seconds"] + 0.01)
    return sum(
        line["event"] == "request"
        and line["worker"] == VICTIM
        and line["path"] != "/metrics"
        and datetime.fromisoformat(line["timestamp"]) >= begun
        for line in engine.log[: engine.log.index(end)]
    )


async def test_what_prometheus_counts_is_what_the_clients_count(engine, prometheus):
    load = Load(engine.url)
    await load.ask(1000, WILD, at={500: lambda: os.kill(engine.pid(1), signal.SIGTERM)})
    await engine.logged("worker ended", worker=1, code=0)
    assert load.unknown == 0  # nobody has noticed that a worker was replaced
    assert {outcome for _, _, outcome in load.counts} == {
        "success",
        "degraded",
        "failed",
        "cancelled",
        "rejected",
    }
    await prometheus.until("sum(vital_workflow_active)", lambda active: active == 0)
    assert await settled(prometheus) == load.counts
    overall = await prometheus.value("sum(vital_workflow_requests_overall_total)")
    assert overall == load.counts.total()
    assert (
        await prometheus.value("vital_requests_rejected_total{reason='rate_limit'}")
        == load.turned_away["429"]
    )
    assert await prometheus.value("sum(vital_workflow_duration_seconds_count)") == sum(
        n for (_, _, outcome), n in load.counts.items() if outcome != "rejected"
    )
    spent = sum((await paid(engine.folder)).values())
    assert spent > 0
    assert await prometheus.value("sum(vital_cost_dollars_total)") == pytest.approx(float(spent), rel=1e-9)
    assert await prometheus.value("sum(vital_cost_overall_dollars_total)") == pytest.approx(
        float(spent), rel=1e-9
    )
    async with engine.client() as client:
        costs = (await client.get("/v1/costs", params={"group_by": "tenant"})).json()
    assert Decimal(costs["total"]["cost_dollars"]) == spent
    assert sum(Decimal(line["cost_dollars"]) for line in costs["lines"]) == spent

    await load.ask(1000, CALM, at={500: lambda: os.kill(engine.pid(VICTIM), signal.SIGKILL)})
    await engine.logged("worker_ready", worker=VICTIM, times=2)
    seen = await settled(prometheus)
    missing, more = load.counts - seen, seen - load.counts
    assert missing.total() <= since_last_scrape(engine)
    assert more.total() <= load.unknown <= 24
    stored = await paid(engine.folder)  # also what the killed one answered
    assert {run_id: stored[run_id] for run_id in load.completed} == load.completed
    assert sum(stored.values()) >= sum(load.completed.values()) > 0


async def test_nothing_that_prometheus_has_seen_ever_went_back(prometheus):
    for metric in (
        "vital_workflow_requests_total",
        "vital_workflow_duration_seconds_count",
        "vital_llm_calls_total",
    ):
        assert await prometheus.value(f"sum(resets({metric}[10m]))") == 0
        assert await prometheus.value(f"sum({metric})") > 0


async def test_exemplars_lead_from_a_duration_to_a_run(engine, prometheus):
    exemplars = await prometheus.exemplars("vital_workflow_duration_seconds_bucket")
    examples = {one["labels"]["run_id"] for one in exemplars}
    assert examples & (await paid(engine.folder)).keys()


async def test_promtool_finds_nothing_to_complain_about(engine):
    async with engine.client() as client:
        text = await client.get("/metrics", headers={"Accept": "text/plain"})
    assert await check_metrics(text.content) == ""


async def test_made_up_names_make_no_more_series_than_metrics_itself_says(engine):
    statuses: Counter[int] = Counter()
    numbers = iter(range(4000))
    async with aiohttp.ClientSession(engine.url) as session:

        async def client() -> None:
            for number in numbers:
                body = asked(
                    tenant_id=f"tenant-{number}",
                    model=None if number % 10 == 0 else f"openai:made-up-{number}",
                    agent_id="generalist" if number % 20 else f"agent-{number}",
                    enable_rag=False,
                    enable_tools=False,
                )
                headers = {"User-Agent": f"made-up/{number}"}
                async with session.post("/v1/runs", json=body, headers=headers) as response:
                    statuses[response.status] += 1

        async with asyncio.TaskGroup() as tasks:
            for _ in range(24):
                tasks.create_task(client())
    assert statuses.total() == 4000
    async with engine.client() as client:
        text = (await client.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    (most,) = [sample.value for sample in samples if sample.name == "vital_metric_series_limit"]
    assert len(samples) <= most
    for label in ("tenant_id", "model", "agent_id"):
        values = {sample.labels[label] for sample in samples if label in sample.labels}
        assert len(values) <= 11, label
    assert await engine.total("vital_metric_label_overflow_total", label="tenant_id") > 0
