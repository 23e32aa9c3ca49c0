"""Every page in both themes, wide and narrow: no finding of axe-core, nothing wider than the screen."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete, insert
from tests.console.conftest import RunningEngine, Watched, axe_findings, keep
from tests.console.every_page import GRAFANA, TRACE, engine_of_every_page, execute

from vital_shared.store.durable_tables import workers

Look = tuple[Literal["light", "dark"], int]

RUN_TABS = ("Model calls", "Cost", "More", "Steps")

CUT_OFF_TABLES = """[...document.querySelectorAll(".table-framed")]
    .filter((frame) => frame.scrollWidth > frame.clientWidth + 1).map((frame) => frame.ariaLabel)"""
"""The names of tables of which a part is only seen by scrolling."""


PARTS_WITHOUT_ROLE = """[...document.querySelectorAll(".table-stacks, .table-stacks :is(thead, tbody, tfoot, tr, th, td)")]
    .filter((part) => !part.hasAttribute("role")).map((part) => part.outerHTML.slice(0, 80))"""
"""The parts of stacked tables that are no table to the screen readers of browsers that go by how it is drawn."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with engine_of_every_page(tmp_path_factory.mktemp("filled")) as running:
        yield running


def put_on(page: Page, look: Look) -> None:
    """Show a page in a look, and wait until it is drawn."""
    theme, width = look
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def faults_of(page: Page, name: str, look: Look) -> list[str]:
    """Keep a screenshot of an open page, and return what is wrong with it."""
    theme, width = look
    shown = f"{name}-{theme}-{width}"
    keep(page, shown)
    found = [f"{shown}: {each}" for each in axe_findings(page)]
    wide = page.evaluate("document.documentElement.scrollWidth")
    found += [f"{shown}: {wide} px wide"] if wide > width else []
    found += [f"{shown}: {part} has no role" for part in page.evaluate(PARTS_WITHOUT_ROLE)]
    return found + [f"{shown}: {name} is cut off" for name in page.evaluate(CUT_OFF_TABLES)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "looks",
    [
        (("light", 1440), ("dark", 400)),
        pytest.param((("dark", 1440), ("light", 400)), marks=pytest.mark.thorough),
    ],
    ids=["light-wide-dark-narrow", "dark-wide-light-narrow"],
)
def test_every_page_is_fit_for_screen_readers_and_small_screens(
    filled: RunningEngine, open_page: Callable[..., Watched], looks: tuple[Look, ...]
) -> None:
    page = open_page(filled.url).page
    wrong = []
    for name, (path, part) in filled.places.items():  # type: ignore[attr-defined]
        put_on(page, looks[0])
        page.goto(filled.url + path)
        expect(page.locator(part).first).to_be_visible()
        for look in looks:
            put_on(page, look)
            wrong += faults_of(page, name, look)
            for tab in RUN_TABS if name == "run" else ():
                page.get_by_role("tab", name=tab).click()
                wrong += faults_of(page, f"run-{tab.split()[0].lower()}", look)
    assert wrong == []


def test_what_alertmanager_has_reported_is_shown(
    filled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{filled.url}/alerts?tab=notifications").page
    row = page.get_by_role("region", name="Notifications").locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("HighErrorRate")
    expect(row).to_contain_text("Many requests fail.")
    expect(row).to_contain_text("Firing")


def test_a_run_links_to_its_trace(filled: RunningEngine, open_page: Callable[..., Watched]) -> None:
    path, _ = filled.places["run"]  # type: ignore[attr-defined]
    link = open_page(filled.url + path).page.get_by_role("link", name="Open the trace")
    address = link.get_attribute("href") or ""
    assert address.startswith(f"{GRAFANA}/explore?")
    assert TRACE in address


def test_several_machines_without_a_prometheus_are_said(
    filled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    lives = {"started_at": datetime.now(UTC), "lease_until": time.time() + 600}
    machines = [lives | {"id": host, "host": host} for host in ("one", "two")]
    filled.call(lambda: execute(filled, insert(workers).values(machines)))
    try:
        page = open_page(f"{filled.url}/dashboards").page
        expect(page.locator(".notice").first).to_contain_text(
            "3 machines serve, and these are the figures of one"
        )
        page.goto(f"{filled.url}/alerts")
        said = page.locator(".notice-wait", has_text="machines")  # others say what is about to fire
        expect(said).to_contain_text("3 machines serve, and one of them judges")
    finally:
        filled.call(lambda: execute(filled, delete(workers).where(workers.c.host.in_(("one", "two")))))
