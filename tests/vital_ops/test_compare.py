"""A comparison of one load with itself: in parallel, cached and streamed."""

import dataclasses
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from vital_cli.comparison_run import mark_or_warn
from vital_cli.views.compare import comparison, show_comparison
from vital_ops.compare.annotations import annotated
from vital_ops.compare.client import LoadFailed, Took, ask_all
from vital_ops.compare.compare import (
    ALL_OFF,
    ALL_ON,
    CACHED,
    EXPECTED_HITS,
    LONG_ANSWERS,
    PARALLEL,
    SEQUENTIAL,
    UNCACHED,
    FailedLoad,
    LoadResult,
    answered_of,
)
from vital_ops.compare.figures import Figures, of_clients
from vital_ops.compare.latencies import PARTS, seconds, worded
from vital_ops.compare.marks import load_marks
from vital_ops.compare.verdict import OF_PARALLEL, compared, cumulated, perceived
from vital_ops.marks import DRILL_TAGS, GrafanaSettings, Mark, MarkFailed, mark
from vital_shared.errors import ConfigurationError


def test_the_parts_take_as_long_as_they_should_and_as_long_again():
    for part, known in PARTS.items():
        drawn = sorted(seconds(part, worded(number)) for number in range(1, 3_001))
        assert sum(drawn) / len(drawn) == pytest.approx(known.mean, rel=0.1)
        assert drawn[-30] > 1.8 * known.mean  # the slowest in a hundred
        assert seconds(part, worded(7)) == seconds(part, worded(7))
    assert seconds("agent", "Something else?") == 0


def test_a_stack_that_is_not_there_is_reported(tmp_path):
    with (
        pytest.raises(ConfigurationError, match="start `vital up`"),
        annotated("http://127.0.0.1:1", tmp_path),
    ):
        pass


def test_clients_take_the_answer_that_prometheus_takes():
    """The 198th of 200: that is where 99 % are reached; in a gap of the tail one further is far away."""
    took = [(float(second), 0.0) for second in range(1, 201)]
    figures = of_clients(took)
    assert (figures.p95, figures.p99) == (190, 198)
    few = of_clients(took[:10])
    assert (few.p95, few.p99) == (10, 10)


async def test_a_load_that_is_not_answered_is_reported():
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=503)

    app = web.Application()
    app.router.add_post("/v1/runs", refuse)
    async with serving(app) as url, aiohttp.ClientSession() as client:
        answers = await ask_all(client, url, PARALLEL.bodies(3), 100)
    assert [str(each) for each in answers] == ["The engine did not answer: status 503, no events."] * 3
    with pytest.raises(LoadFailed, match=r"3 of 3 questions had no answer\. Most often: .* 503"):
        answered_of(answers)


def test_one_failure_in_a_hundred_does_not_spoil_a_load():
    took = Took(1.0, 0.5)
    one = [took] * 99 + [LoadFailed("The engine did not answer.")]
    assert answered_of(one) == ([took] * 99, ("The engine did not answer.",))
    with pytest.raises(LoadFailed, match="2 of 100"):
        answered_of([*one[1:], LoadFailed("Else.")])


def test_a_failed_load_leaves_the_other_comparisons(capsys):
    loads = [SEQUENTIAL, PARALLEL, UNCACHED, LONG_ANSWERS, ALL_OFF, ALL_ON]
    found = comparison([*map(measured, loads), FailedLoad(CACHED, "The engine does not start.")])
    assert found.parallel
    assert found.streaming
    assert found.cumulative
    assert found.cache == ()
    assert found.failures == ("cache-on failed, and is not compared: The engine does not start.",)
    show_comparison(found)
    assert "cache-on failed, and is not compared: The engine does not start." in capsys.readouterr().err


def test_what_was_asked_before_is_the_expected_share_of_hits():
    questions = {body["query"] for body in ALL_ON.bodies(100)}
    assert len(questions) == round(100 * (1 - EXPECTED_HITS))
    assert questions == {body["query"] for body in ALL_OFF.bodies(100)}


@pytest.mark.parametrize(
    ("after", "verdict"),
    [(51, "missed"), (50, "met"), (31, "met"), (29, "better than expected")],
)
def test_everything_together_is_held_against_what_was_expected(after, verdict):
    off = dataclasses.replace(measured(ALL_OFF), prometheus=Figures(100, 0, 0, 90))
    on = dataclasses.replace(measured(ALL_ON), prometheus=Figures(after, 0, 0, after))
    assert [line.verdict for line in cumulated(off, on)] == [verdict] * 2


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


def measured(load) -> LoadResult:
    figures = Figures(1, 2, 3, 1)
    return LoadResult(
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
    loads = list(load_marks([measured(SEQUENTIAL), measured(PARALLEL)]))
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
        await mark_or_warn(client, nowhere, [measured(SEQUENTIAL)])
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


def test_a_drill_is_marked_for_every_dashboard_by_its_tags():
    began = datetime(2026, 11, 25, 12, tzinfo=UTC)
    body = Mark(began, began, "vital drill: HighErrorRate", DRILL_TAGS).body()
    assert body["tags"] == ["vital", "drill"]
    assert "dashboardUID" not in body
