"""A comparison of one load with itself: in parallel, cached and streamed."""

import asyncio
import dataclasses
import json
from bisect import bisect_left
from dataclasses import asdict
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from vital_cli.comparing import ENGINE, mark_or_tell, run_comparison
from vital_cli.views.compare import comparison
from vital_ops.compare.client import LoadFailed, ask_all
from vital_ops.compare.compare import LONG_ANSWERS, PARALLEL, SEQUENTIAL, Measured
from vital_ops.compare.figures import Figures, of_clients
from vital_ops.compare.latencies import PARTS, seconds, worded
from vital_ops.compare.marks import GrafanaSettings, MarkFailed, mark
from vital_ops.compare.paced import PRICES
from vital_ops.compare.showing import shown
from vital_ops.compare.verdict import OF_PARALLEL, compared, perceived
from vital_ops.stack.scratch import scratch
from vital_shared.errors import ConfigurationError
from vital_shared.monitoring.metrics import TIME_TO_FIRST_TOKEN_SECONDS, WORKFLOW_DURATION_SECONDS


def test_the_parts_take_as_long_as_they_should_and_as_long_again():
    for part, known in PARTS.items():
        drawn = sorted(seconds(part, worded(number)) for number in range(1, 3_001))
        assert sum(drawn) / len(drawn) == pytest.approx(known.mean, rel=0.1)
        assert drawn[-30] > 1.8 * known.mean  # the slowest in a hundred
        assert seconds(part, worded(7)) == seconds(part, worded(7))
    assert seconds("agent", "Something else?") == 0


def bucket(seconds: float, edges: tuple[float, ...]) -> int:
    return bisect_left(edges, seconds)


def agree(ours: float, theirs: float, way: float, edges: tuple[float, ...]) -> bool:
    """Whether both are in one bucket, when the clients' seconds less those of the way to them are meant.

    :param way: how much longer the clients' average is than the engine's, which is exact.
    """
    return bucket(theirs - 2 * way, edges) <= bucket(ours, edges) <= bucket(theirs, edges)


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """A stack that runs, as `vital up` has one; returns how to compare meanwhile."""
    monkeypatch.setenv("VITAL_DATA_DIR", str(tmp_path))
    folder = tmp_path / "stack"
    folder.mkdir()
    durations = f"{WORKFLOW_DURATION_SECONDS.name}_count"  # of an engine that has gone
    query = f"sum by (execution) (max_over_time({durations}[10m]))"

    async def compare(**load):
        async with scratch(folder, ENGINE, {}, None, print, prices=PRICES, settings={}) as at:
            found = await asyncio.to_thread(run_comparison, **load, shown_by=at.prometheus)
            async with (
                aiohttp.ClientSession() as client,
                client.get(f"{at.prometheus}/api/v1/query", params={"query": query}) as response,
            ):
                result = (await response.json())["data"]["result"]
        assert not list(folder.glob("engines/*"))
        return found, {each["metric"]["execution"]: float(each["value"][1]) for each in result}

    return lambda **load: asyncio.run(compare(**load))


@pytest.mark.timeout(240)
def test_one_load_is_faster_in_parallel_from_the_cache_and_streamed(stack):
    found, shown = stack(count=100, per_second=20)
    for each in found.values():
        edges = WORKFLOW_DURATION_SECONDS.edges
        way = each.clients.average - each.prometheus.average
        assert 0 <= way < 0.1
        for name in ("average", "p95", "p99"):
            ours, theirs = getattr(each.prometheus, name), getattr(each.clients, name)
            assert agree(ours, theirs, way, edges), (each.load.name, name, ours, theirs, way)
        first = TIME_TO_FIRST_TOKEN_SECONDS.edges
        ours, theirs = each.prometheus.first_token, each.clients.first_token
        assert agree(ours, theirs, way, first), (each.load.name, ours, theirs, way)
    told = comparison(found)
    assert [line.what for line in told.parallel] == ["average", "P95", "P99"]
    for line in told.parallel[:2]:  # a hundred questions have no 99th percentile to speak of
        assert line.verdict in ("met", "better than expected"), line
    assert told.cache[0].verdict == "met"
    assert told.streaming.change > 5
    json.dumps(asdict(told), default=str)
    assert shown == {"sequential": 100, "parallel": 100 + 100 + 20 + 100}, "the other Prometheus has it too"


def test_a_stack_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="start `vital up`"), shown("http://127.0.0.1:1", tmp_path):
        pass


def test_clients_take_the_answer_that_prometheus_takes():
    """The 198th of 200: that is where 99 % are reached; in a gap of the tail one further is far away."""
    took = [(float(second), 0.0) for second in range(1, 201)]
    figures = of_clients(took)
    assert (figures.p95, figures.p99) == (190, 198)
    few = of_clients(took[:10])
    assert (few.p95, few.p99) == (10, 10)


async def test_a_load_that_is_not_answered_is_told():
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=503)

    app = web.Application()
    app.router.add_post("/v1/runs", refuse)
    async with serving(app) as url, aiohttp.ClientSession() as client:
        with pytest.raises(LoadFailed, match="status 503, no events"):
            await ask_all(client, url, PARALLEL.bodies(3), 100)


class serving:  # noqa: N801 - it is used as a function
    """An application on a free port."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


def measured(load) -> Measured:
    figures = Figures(1, 2, 3, 1)
    return Measured(
        load,
        datetime(2026, 11, 25, 12, tzinfo=UTC),
        datetime(2026, 11, 25, 12, 1, tzinfo=UTC),
        figures,
        figures,
    )


async def test_the_times_of_the_loads_are_marked_in_grafana():
    got = []

    async def annotate(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer secret":
            return web.Response(status=401)
        got.append(await request.json())
        return web.json_response({"message": "Annotation added", "id": len(got)})

    app = web.Application()
    app.router.add_post("/api/annotations", annotate)
    loads = [measured(SEQUENTIAL), measured(PARALLEL)]
    async with serving(app) as url, aiohttp.ClientSession() as client:
        assert (
            await mark(client, GrafanaSettings(grafana_url=url, grafana_token=SecretStr("secret")), loads)
            == 2
        )
        with pytest.raises(MarkFailed, match="status 401"):
            await mark(client, GrafanaSettings(grafana_url=url, grafana_token=SecretStr("other")), loads)
        assert await mark(client, GrafanaSettings(grafana_url=url), loads) == 0
        assert await mark(client, GrafanaSettings(), loads) == 0
    assert [each["text"] for each in got] == ["vital compare: sequential", "vital compare: parallel"]
    assert got[0]["timeEnd"] - got[0]["time"] == 60_000
    assert got[0]["dashboardUID"] == "vital-performance"
    nowhere = GrafanaSettings(grafana_url="http://127.0.0.1:1", grafana_token=SecretStr("secret"))
    async with aiohttp.ClientSession() as client:
        with pytest.raises(MarkFailed, match="does not answer"):
            await mark(client, nowhere, loads)


async def test_what_was_measured_is_not_lost_where_grafana_does_not_answer(capsys):
    nowhere = GrafanaSettings(grafana_url="http://127.0.0.1:1", grafana_token=SecretStr("secret"))
    async with aiohttp.ClientSession() as client:
        await mark_or_tell(client, nowhere, [measured(SEQUENTIAL)])
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("saved", "verdict"),
    [(0.34, "missed"), (0.35, "met"), (0.45, "met"), (0.46, "better than expected")],
)
def test_a_verdict_holds_what_was_saved_against_what_was_expected(saved, verdict):
    before = dataclasses.replace(measured(SEQUENTIAL), prometheus=Figures(100, 100, 100, 1))
    after = dataclasses.replace(measured(PARALLEL), prometheus=Figures(60, 100 - 100 * saved, 70, 1))
    assert [line.verdict for line in compared(before, after, OF_PARALLEL)] == ["met", verdict, "met"]


@pytest.mark.parametrize(("times", "verdict"), [(9.4, "missed"), (9.6, "met"), (12, "met")])
def test_an_answer_should_begin_ten_times_as_soon_as_it_ends(times, verdict):
    streamed = dataclasses.replace(measured(LONG_ANSWERS), prometheus=Figures(times, 0, 0, 1))
    assert perceived(streamed).verdict == verdict
