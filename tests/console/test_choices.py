"""Pickers remember a choice, each filter of the list finds its runs, and an answer goes on over a lost connection."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Response, expect
from tests.ai_engine.harness import SUM
from tests.console.conftest import RunningEngine, Watched, running_engine
from tests.console.test_ask import ask, turn


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine with four runs, among which each filter chooses others."""
    with running_engine(tmp_path_factory.mktemp("listed")) as running:
        running.ask("Alpha of acme?", model="canned", mode=4)
        running.ask("Beta of globex?", model="extractive", mode=2, tenant_id="globex", user_id="bob")
        running.ask(SUM, mode=1)
        judged = running.ask("Gamma with a thumb?", model="canned", mode=2, enable_rag=False)
        thumb = {"kind": "boolean", "value": True, "user_id": "ann"}
        path = f"/v1/runs/{judged['run_id']}/feedback"
        running.call(lambda: running.service.client.post(path, json=thumb))
        yield running


FILTERS = {
    "Workflow": "base-workflow",
    "Tenant": "globex",
    "User": "bob",
    "Model": "extractive",
    "Quality": "Degraded",
    "Feedback": "Thumb up",
    "Cost from ($)": "0.5",
    "Cost to ($)": "0.5",
    "Seconds from": "600",
    "Seconds to": "600",
    "Begun from": "2020-01-01",
    "Begun before": "2020-01-01",
}
"""A choice of each filter."""

ADDRESSES = {
    "Workflow": "workflow=base-workflow",
    "Tenant": "limit=50 for globex",
    "User": "user=bob",
    "Model": "model=extractive",
    "Quality": "degraded=true",
    "Feedback": "feedback=positive",
    "Cost from ($)": "min_cost_dollars=0.5",
    "Cost to ($)": "max_cost_dollars=0.5",
    "Seconds from": "min_seconds=600",
    "Seconds to": "max_seconds=600",
    "Begun from": "from=2020-01-01",
    "Begun before": "to=2020-01-01",
}
"""A part of the address that each choice asks the API for."""


def test_each_filter_asks_the_api_and_shows_what_it_answers(
    listed: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{listed.url}/runs").page
    expect(page.locator("tbody tr")).to_have_count(4)
    page.get_by_role("button", name="Filters").click()
    for label, choice in FILTERS.items():
        field = page.locator(".filters-more").get_by_label(label, exact=True).last
        with page.expect_response(
            lambda response, label=label: ADDRESSES[label] in named(response)
        ) as answered:
            choose(page, field.evaluate("element => element.tagName"), label, choice)
        found = [run["id"] for run in answered.value.json()["runs"]]
        expect(page.locator("tbody tr")).to_have_count(len(found))
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("tbody tr")).to_have_count(4)


def named(response: Response) -> str:
    return f"{response.url} for {response.request.headers.get('x-tenant-id')}"


def choose(page: Page, tag: str, label: str, choice: str) -> None:
    field = page.locator(".filters-more").get_by_label(label, exact=True).last
    if tag == "SELECT":
        field.select_option(label=choice)
    else:
        field.fill(choice)
        field.press("Enter")


def test_the_pickers_remember_what_was_chosen(
    listed: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    listed.agent("expert", model="canned")
    page = open_page(listed.url).page
    chosen = {"Agent": "expert", "Model": "canned", "Mode": "2"}
    for label, value in chosen.items():
        page.get_by_label(label, exact=True).select_option(value)
    page.reload()
    for label, value in chosen.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(value)


def cut_connections(engine: RunningEngine) -> None:
    """Cut all connections to the engine, as a network does that fails."""

    async def cut() -> None:
        for connection in list(engine.service.server.server_state.connections):
            assert connection.transport is not None
            connection.transport.abort()

    engine.call(cut)


def test_an_answer_goes_on_after_its_connection_was_lost(
    engine: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(engine.url).page
    ask(page, "A slow one over a bad line?", agent="slow")
    engine.step()
    answer = turn(page).locator(".answer")
    expect(answer).to_have_text("one")
    cut_connections(engine)
    engine.step()
    expect(answer).to_contain_text("two")
    cut_connections(engine)
    engine.step()
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    expect(answer).to_have_text("one two three")


def test_a_stop_that_does_not_arrive_is_said(
    engine: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(engine.url).page
    ask(page, "A slow one to be stopped?", agent="slow")
    engine.step()
    expect(turn(page).locator(".answer")).to_contain_text("one")
    page.route("**/v1/runs/run_*", lambda route: route.abort())
    turn(page).get_by_role("button", name="Stop").click()
    expect(turn(page).get_by_role("alert")).to_contain_text("The engine does not answer.")
    page.unroute("**/v1/runs/run_*")
    turn(page).get_by_role("button", name="Stop").click()
    expect(turn(page)).to_have_attribute("data-phase", "failed")
    expect(turn(page)).to_contain_text("Stopped.")
    engine.step(2)
