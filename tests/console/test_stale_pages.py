"""Pages that cannot read again what they show: they keep it, and say above it that it may be out of date."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from tests.console.conftest import RunningEngine, Watched
from tests.console.every_page import engine_of_every_page

pytestmark = pytest.mark.thorough

LATER_MILLISECONDS = 90_000
"""Time after which every page reads again what it shows, once somebody looks at it."""

READING_PAGES = (
    "compare",
    "run",
    "approvals",
    "alerts",
    "alert",
    "notifications",
    "costs",
    "report",
    "knowledge",
    "knowledge-search",
    "knowledge-document",
    "audit",
    "retention",
    "settings-models",
    "settings-agents",
    "settings-tools",
    "settings-limits",
    "vital-performance",
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with engine_of_every_page(tmp_path_factory.mktemp("filled")) as running:
        yield running


def look_again(page: Page) -> None:
    """Let some time pass, and come back to the page."""
    page.clock.fast_forward(LATER_MILLISECONDS)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")


@pytest.mark.parametrize("name", READING_PAGES)
def test_what_is_shown_stays_when_it_cannot_be_read_again(
    filled: RunningEngine, open_page: Callable[..., Watched], name: str
) -> None:
    path, part = filled.places[name]  # type: ignore[attr-defined]
    page = open_page(filled.url).page
    page.clock.install()
    page.goto(filled.url + path)
    expect(page.locator(part).first).to_be_visible()
    page.route("**/v1/**", lambda route: route.fulfill(status=429, json={"detail": "Too many requests."}))
    look_again(page)
    expect(page.get_by_role("alert").first).to_contain_text("may be out of date. Too many requests.")
    expect(page.locator(part).first).to_be_visible()
    expect(page.get_by_text("This did not work")).to_have_count(0)
    page.unroute("**/v1/**")
    look_again(page)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_graph_stays_when_later_figures_cannot_be_read(
    filled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(filled.url).page
    page.clock.install(time=datetime.now(UTC) + timedelta(minutes=1))  # graphs begin with the second sample
    page.goto(f"{filled.url}/dashboards/vital-performance")
    card = page.locator("[data-panel=request_rate]")
    expect(card.locator("canvas")).to_be_visible()
    page.route("**/data?*", lambda route: route.fulfill(status=429, json={"detail": "Too many requests."}))
    look_again(page)
    expect(card.get_by_role("alert")).to_contain_text("may be out of date. Too many requests.")
    expect(card.locator("canvas")).to_be_visible()
    page.get_by_label("Mode", exact=True).select_option("4")  # nothing was read of that yet
    expect(card).to_have_attribute("data-state", "failed")
    page.unroute("**/data?*")
    look_again(page)
    expect(card).to_have_attribute("data-state", "drawn")
    expect(card.get_by_role("alert")).to_have_count(0)


def test_the_console_stays_while_the_engine_is_away(
    filled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(filled.url).page
    page.clock.install()
    page.reload()
    question = page.get_by_label("Question", exact=True)
    question.fill("A question that is not sent yet")
    page.context.set_offline(True)
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/v1/session")):
        look_again(page)
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    expect(question).to_have_value("A question that is not sent yet")
    page.context.set_offline(False)


def test_the_next_page_that_cannot_be_read_is_said_at_its_button(
    filled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    for number in range(51):
        filled.ask(f"Question {number}?", user_id="many", mode=2)
    page = open_page(f"{filled.url}/runs?user=many").page
    more = page.get_by_role("button", name="Show older runs")
    page.route("**/v1/runs?*cursor=*", lambda route: route.fulfill(status=429, json={"detail": "Too many."}))
    more.click()
    expect(page.locator(".more").get_by_role("alert")).to_have_text("Too many.")
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.get_by_text("may be out of date")).to_have_count(0)
    page.unroute("**/v1/runs?*cursor=*")
    more.click()
    expect(page.locator("tbody tr")).to_have_count(51)
