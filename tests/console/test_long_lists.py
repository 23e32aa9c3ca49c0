"""Lists that are longer than a page of them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import insert
from tests.ai_engine.harness import SUM
from tests.console.conftest import RunningEngine, Watched, running_engine

from vital_shared.store.conversation_list import MAX_MESSAGES
from vital_shared.store.tables import messages

pytestmark = pytest.mark.thorough

WAITING = 101
"""Runs that wait: one more than a page of approvals has."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with running_engine(tmp_path_factory.mktemp("full")) as running:
        for _ in range(WAITING):
            running.ask(SUM, mode=1)
        yield running


@pytest.fixture(scope="module")
def long(full: RunningEngine) -> RunningEngine:
    """The engine with a conversation of 52 turns."""
    for number in range(52):
        full.ask(f"Question {number}", mode=4, session_id="long")
    return full


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.tagName + ' ' + document.activeElement.textContent")


def test_the_inbox_shows_all_that_waits_page_by_page(
    full: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{full.url}/approvals").page
    expect(page.locator(".inbox-item")).to_have_count(WAITING - 1)
    expect(page.locator(".nav-count")).to_contain_text(f"{WAITING - 1}+")
    page.get_by_role("button", name="Show those that expire later").click()
    expect(page.locator(".inbox-item")).to_have_count(WAITING)
    expect(page.locator(".nav-count")).not_to_contain_text("+")


def test_more_runs_are_shown_by_keyboard_without_losing_the_place(
    full: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{full.url}/runs").page
    more = page.get_by_role("button", name="Show older runs")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(100)
    assert focused(page) == "BUTTON Show older runs"
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(WAITING)


def test_limits_are_shown_page_by_page(full: RunningEngine, open_page: Callable[..., Watched]) -> None:
    for number in range(51):
        limit = {"level": "user", "id": f"user{number}", "tenant_id": "acme", "unit": "dollars"}
        body = limit | {"period": "day", "amount": "10"}
        full.call(lambda body=body: full.service.client.put("/v1/limits", json=body))
    page = open_page(f"{full.url}/settings").page
    page.get_by_role("tab", name="Limits").click()
    lines = page.get_by_role("region", name="Limits by level").locator("tbody tr")
    expect(lines).to_have_count(50)
    page.get_by_role("button", name="Show more limits").click()
    expect(lines).to_have_count(51)


def test_earlier_turns_of_a_long_conversation_are_shown_on_demand(
    long: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{long.url}/ask/long").page
    turns = page.locator("article.turn")
    expect(turns).to_have_count(50)
    expect(turns.last).to_be_in_viewport()
    earlier = page.get_by_role("button", name="Show earlier questions")
    earlier.click()
    expect(turns).to_have_count(52)
    expect(turns.first.locator(".question")).to_have_text("Question 0")
    expect(turns.last).not_to_be_in_viewport()
    expect(earlier).to_have_count(0)


def top_of(page: Page, question: str) -> float:
    box = page.locator("article.turn", has=page.get_by_text(question, exact=True)).bounding_box()
    assert box is not None
    return box["y"]


def test_the_readers_place_stays_where_earlier_turns_are_put_before_it(
    long: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{long.url}/ask/long").page
    expect(page.locator("article.turn")).to_have_count(50)
    expect(page.locator("article.turn").last).to_be_in_viewport()
    page.locator(".turns").evaluate("box => { box.scrollTop = 0 }")
    before = top_of(page, "Question 2")
    page.get_by_role("button", name="Show earlier questions").click()
    expect(page.locator("article.turn")).to_have_count(52)
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert page.locator(".turns").evaluate("box => box.scrollTop") > 100
    assert abs(top_of(page, "Question 2") - before) < 60


def test_messages_before_the_newest_400_are_shown_on_demand(
    full: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    runs = [full.ask(f"Of old {number}", mode=4, session_id="longest")["run_id"] for number in (1, 2)]
    filler = [
        {"tenant_id": "acme", "session_id": "longest", "user_id": "ann", "run_id": runs[1], "role": "user"}
        | {"content": f"filler {number}", "created_at": full.service.services.now()}
        for number in range(MAX_MESSAGES - 2)
    ]

    async def fill() -> None:
        async with full.service.services.database.begin() as connection:
            await connection.execute(insert(messages), filler)

    full.call(fill)
    page = open_page(f"{full.url}/ask/longest").page
    turns = page.locator("article.turn")
    expect(turns).to_have_count(1)
    page.get_by_role("button", name="Show earlier questions").click()
    expect(turns).to_have_count(2)
    expect(turns.first.locator(".question")).to_have_text("Of old 1")
    expect(page.get_by_role("button", name="Show earlier questions")).to_have_count(0)
