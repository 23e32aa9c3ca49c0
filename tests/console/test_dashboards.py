"""Dashboards in the browser, from the engine's own samples: drawn, chosen, zoomed, sorted and saved."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.ai_engine.harness import asked
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER
from tests.console.conftest import RunningEngine, Watched, keep, running_engine, sign_in
from tests.llm.wires.servers import base, openai

from ai_engine.background.budget_gauges import budget_gauges
from ai_engine.background.forecast_gauge import forecast_gauge
from ai_engine.background.limit_gauges import limit_gauges
from ai_engine.background.spending_gauges import spending_gauges
from ai_engine.monitoring.samples import OwnSamples
from vital_cli.served_monitor import load_monitor
from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards

BOARDS = {board.uid: board for board in boards(DEFAULT_CONFIG)}

MAX_CHART_PAGE_BYTES = 700_000

TALL = {"width": 1440, "height": 2_400}

UNTOUCHED = {"vital-reliability": {"notification_failures"}}
"""Panels of what the engine does not count itself: Alertmanager does, and a Prometheus reads it there."""

PRICED = "A Class III device needs premarket approval."

BUSY_OBSERVER = """
const Observer = window.IntersectionObserver;
window.IntersectionObserver = class extends Observer {
  constructor(seen, options) {
    super((entries, self) => seen([{ target: entries[0].target, isIntersecting: false }, ...entries], self), options);
  }
};
"""
"""A browser on a busy machine: what an observer saw first, and what it sees now, reach it together."""

questions = itertools.count()
"""Numbers of questions that nobody has asked yet, so that no cache answers them."""


@asynccontextmanager
async def priced_provider(folder: Path) -> AsyncIterator[Mapping[str, Any]]:
    """Serve a model that costs money, and configure it."""
    said = [openai.chunk({"content": PRICED}), openai.chunk(finish="stop"), *openai.END]
    async with base.serve(openai.stream(said)) as server:
        (folder / "vital.toml").write_text(SLOW_PROVIDER.replace("slow", "priced").format(url=server.url))
        yield {}


def sample(engine: RunningEngine) -> None:
    samples = engine.service.engine.samples
    assert isinstance(samples, OwnSamples)
    engine.call(samples.sample)


def load(engine: RunningEngine) -> None:
    """Let the engine do a little of everything, between two samples of what it counts."""
    services = engine.service.services
    sample(engine)
    for _ in range(2):  # a series that is new is at 0 for no sample: it grows from the second one on
        number = next(questions)
        for mode in (1, 2, 3, 4):
            engine.ask(f"Which evidence does device {number} need?", model="canned", mode=mode)
        streamed = asked(f"What is streamed {number}?", mode=4)
        engine.call(lambda body=streamed: engine.service.events(json=body))
        engine.ask(f"Calculate {number} % of 3,400", mode=2)
        for _ in range(2):  # the second time the cache answers, and it costs nothing
            engine.ask(f"Does device {number} need approval?", model="priced:model", mode=2, enable_rag=False)
        # What the store knows is otherwise shown some seconds or minutes later.
        engine.call(lambda: services.labels.refresh(now=services.now()))
        for gauges in (budget_gauges, limit_gauges, spending_gauges, forecast_gauge):
            engine.call(gauges(services).refresh)
        sample(engine)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    folder = tmp_path_factory.mktemp("watched")
    with running_engine(
        folder,
        monitor=load_monitor,
        settings={"config": folder / "vital.toml", "cache_entries": 1},  # so that answers are driven out
        beside=lambda: priced_provider(folder),
    ) as running:
        limits = {"daily_dollars": "5", "monthly_dollars": "50"}
        running.call(lambda: running.service.client.put("/v1/budgets/acme", json=limits))
        limit = {"level": "tenant", "id": "acme", "unit": "dollars", "period": "month", "amount": "60"}
        running.call(lambda: running.service.client.put("/v1/limits", json=limit))
        load(running)
        yield running


def panel(page: Page, key: str) -> Locator:
    return page.locator(f'[data-panel="{key}"]')


def window() -> str:
    """Write a time as the address has it: the samples' last minutes, and a little more."""
    now = int(time.time())
    return f"from={now - 280}&to={now + 20}"


@pytest.mark.parametrize("uid", BOARDS)
def test_every_panel_is_drawn_and_none_is_empty(
    watched: RunningEngine, open_page: Callable[..., Watched], uid: str
) -> None:
    load(watched)  # again: names of tenants, and what is counted by them, end with each test
    page = open_page(f"{watched.url}/dashboards/{uid}?{window()}", viewport=TALL).page
    states = {}
    for each in BOARDS[uid].all_panels:
        card = panel(page, each.key)
        card.scroll_into_view_if_needed()
        expect(card).to_have_attribute("data-state", re.compile("drawn|empty|failed"))
        states[each.key] = card.get_attribute("data-state")
        if states[each.key] == "drawn" and each.kind not in ("table", "number", "pie"):
            expect(card.locator("canvas").first).to_be_visible()
    keep(page, f"dashboard-{uid}")
    touched = states.keys() - UNTOUCHED.get(uid, set())
    assert {key: states[key] for key in touched} == dict.fromkeys(touched, "drawn")


def test_the_time_and_what_is_chosen_stand_in_the_address(
    watched: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{watched.url}/dashboards").page
    expect(page.get_by_label("Time", exact=True)).to_have_value("3600")
    page.get_by_label("Mode", exact=True).select_option("4")
    page.get_by_label("Time", exact=True).select_option("900")
    expect(panel(page, "requests_by_mode")).to_have_attribute("data-state", "drawn")
    assert "mode=" in page.url
    page.reload()
    expect(page.get_by_label("Mode", exact=True)).to_have_value("4")
    page.get_by_role("button", name="Zoom out").press("Enter")
    expect(page.get_by_role("button", name="Back to now")).to_be_visible()
    page.get_by_role("button", name="Back to now").press("Enter")
    expect(page.get_by_label("Time", exact=True)).to_have_value("900")


def test_a_total_counts_up_to_now(watched: RunningEngine, open_page: Callable[..., Watched]) -> None:
    page = open_page(f"{watched.url}/runs").page
    number = BOARDS["vital-performance"].panel("requests_by_mode").id
    before = time.time()
    with page.expect_request(re.compile(rf"/panels/{number}/data")) as asked_for:
        page.goto(f"{watched.url}/dashboards/vital-performance")
    (end,) = parse_qs(urlsplit(asked_for.value.url).query)["to"]
    assert before - 1 < float(end) < time.time() + 1


def test_dragging_over_a_graph_zooms_all_of_them(
    watched: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{watched.url}/dashboards/vital-performance?{window()}").page
    graph = panel(page, "request_rate").locator("canvas").first
    expect(graph).to_be_visible()
    before = page.url
    box = graph.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.4, steps=5)
    page.mouse.up()
    page.wait_for_url(lambda url: url != before)


def test_a_panel_seen_late_is_drawn(watched: RunningEngine, open_page: Callable[..., Watched]) -> None:
    page = open_page(f"{watched.url}/dashboards/vital-performance?{window()}").page
    page.add_init_script(BUSY_OBSERVER)
    page.reload()
    expect(panel(page, "request_rate").locator("canvas").first).to_be_visible()


def test_a_table_is_sorted_and_saved(watched: RunningEngine, open_page: Callable[..., Watched]) -> None:
    page = open_page(f"{watched.url}/dashboards/vital-performance?{window()}").page
    card = panel(page, "top_tenants")
    card.scroll_into_view_if_needed()
    expect(card).to_have_attribute("data-state", "drawn")
    card.get_by_role("button", name="Requests", exact=True).press("Enter")
    expect(card.get_by_role("columnheader", name="Requests")).to_have_attribute("aria-sort", "descending")
    expect(card.locator("tbody tr").first).to_contain_text("acme")
    card.get_by_role("button", name="Requests", exact=False).press("Enter")
    expect(card.locator("tbody tr").last).to_contain_text("acme")
    with page.expect_download() as saved:
        card.get_by_role("button", name="Top tenants as CSV").click()
    assert saved.value.path().read_text().splitlines()[0] == "Tenant,Requests"
    rate = panel(page, "request_rate")
    rate.scroll_into_view_if_needed()
    with page.expect_download() as saved:
        rate.get_by_role("button", name="as CSV").click()
    assert saved.value.path().read_text().startswith("Time,mode 1,mode 2")
    rate.get_by_role("button", name="as a table").press("Enter")
    expect(rate.get_by_role("region")).to_contain_text("mode 2")


def test_a_graph_is_named_with_its_latest_values(
    watched: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{watched.url}/dashboards/vital-performance?{window()}").page
    graph = panel(page, "request_rate").get_by_role("img")
    expect(graph).to_have_attribute("aria-label", re.compile("^Overall request rate, latest: mode 1"))


def test_a_page_with_graphs_is_small_enough(
    watched: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{watched.url}/dashboards?{window()}").page
    expect(panel(page, "request_rate").locator("canvas").first).to_be_visible()
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/console/'))"
        ".map(({ encodedBodySize }) => encodedBodySize)"
    )
    assert sum(sizes) <= MAX_CHART_PAGE_BYTES


def test_a_tenants_key_sees_no_dashboards(tmp_path: Path, open_page: Callable[..., Watched]) -> None:
    with running_engine(tmp_path, monitor=load_monitor) as engine:
        key = engine.closing_key("acme", "ask", "costs")
        page = open_page(engine.url).page
        sign_in(page, key)
        expect(page.get_by_role("link", name="Costs")).to_be_visible()
        expect(page.get_by_role("link", name="Dashboards")).to_have_count(0)
        expect(page.get_by_role("link", name="Alerts")).to_have_count(0)
        page.goto(f"{engine.url}/dashboards")
        expect(page.get_by_role("alert").first).to_contain_text("The key does not allow this")


def test_a_graph_has_its_colours_where_motion_is_not_wanted(
    watched: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    address = f"{watched.url}/dashboards/vital-performance?{window()}"
    page = open_page(address, reduced_motion="reduce", color_scheme="light").page
    graph = panel(page, "request_rate").locator("canvas").first
    expect(graph).to_be_visible()
    column = "graph => [...graph.getContext('2d').getImageData(graph.width / 2, 0, 1, graph.height / 2).data]"
    values = graph.evaluate(column)
    colours = {tuple(values[at : at + 3]) for at in range(0, len(values), 4) if values[at + 3] == 255}
    assert (228, 230, 235) in colours  # of its lines: the theme's border
    assert (21, 23, 28) not in colours  # the text's
