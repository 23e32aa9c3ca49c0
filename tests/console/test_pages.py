"""The pages of the console: found, filtered, and reached by keyboard."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.console.conftest import RunningEngine, Watched, axe_findings, keep

MAX_FIRST_LOAD_BYTES = 300_000

CUT_OFF = """[...document.querySelectorAll(".nav a, .nav button, .sheet a, .sheet button")]
    .filter((part) => part.offsetParent !== null)
    .filter((part) => {
        const { left, right, top, bottom } = part.getBoundingClientRect();
        const isOutside = left < 0 || right > innerWidth + 0.5 || top < 0 || bottom > innerHeight + 0.5;
        return isOutside || [...part.querySelectorAll("span:not(.sr-only)")].some((each) => each.scrollWidth > part.clientWidth);
    })
    .map((part) => part.textContent)"""
"""The names of what the navigation shows in part alone."""


@pytest.fixture(scope="module")
def filled(engine: RunningEngine) -> RunningEngine:
    engine.ask("Which evidence does a Class III device need?", model="canned", mode=4, session_id="s1")
    engine.ask("When is a De Novo request possible?", model="canned")
    engine.ask("Calculate 12.5 % of 3,400", mode=1)
    return engine


def test_runs_are_found_by_filters_that_stand_in_the_address(
    filled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{filled.url}/runs").page
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_label("Search questions").fill("de novo")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "text=de" in page.url
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Status").select_option("awaiting_approval")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_text("No run fits these filters")).to_be_visible()


def test_a_run_shows_how_it_was_made(filled: RunningEngine, open_page: Callable[..., Watched]) -> None:
    page = open_page(f"{filled.url}/runs?text=class+III").page
    page.get_by_role("link", name="Which evidence does a Class III device need?").click()
    expect(page.locator(".run-answer strong")).to_have_text("Class III")
    expect(page.locator(".waterfall-row").first).to_be_visible()
    cache = page.locator("section", has=page.get_by_role("heading", name="Cache"))
    expect(cache.last).to_contain_text("depends on what was said before")
    page.get_by_role("tab", name="Cost").click()
    expect(page.get_by_role("region", name="Charges").locator("tbody tr").first).to_be_visible()
    page.get_by_role("tab", name="More").click()
    expect(page.locator(".json")).to_contain_text('"query"')


def test_the_inbox_shows_what_waits_and_takes_a_decision(
    filled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    filled.ask("Calculate 3 * 7", mode=1, user_id="bob")
    page = open_page(f"{filled.url}/approvals").page
    item = page.locator(".inbox-item").filter(has_text="Calculate 3 * 7")
    expect(item).to_contain_text("acme / bob")
    expect(page.locator(".nav-count")).to_contain_text("2")
    item.get_by_role("button", name="Run it").click()
    expect(item).to_have_count(0)
    expect(page.locator(".nav-count")).to_contain_text("1")


def test_an_unknown_page_and_an_unknown_run_say_so(
    engine: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{engine.url}/settings/nothing").page
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.goto(f"{engine.url}/runs/run_none")
    expect(page.get_by_role("alert")).to_contain_text("There is no run run_none")


def test_without_servers_of_tools_the_settings_say_so(
    engine: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{engine.url}/settings?tab=tools").page
    expect(page.get_by_text("None is configured")).to_be_visible()


@pytest.mark.parametrize("width", [800, 1100, 1280, 1366])
def test_a_long_title_stays_within_its_column(
    filled: RunningEngine, open_page: Callable[..., Watched], width: int
) -> None:
    filled.ask(
        "How long may a review take " + "and how long in all " * 6, model="canned", mode=4, session_id="s2"
    )
    page = open_page(filled.url, viewport={"width": width, "height": 800}).page
    page.goto(f"{filled.url}/ask/s2")
    expect(page.locator(".answer table").first).to_be_visible()
    wider = page.evaluate(
        "[...document.querySelectorAll('.ask > *')].filter((part) => part.offsetParent !== null)"
        ".filter((part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.className)"
    )
    assert wider == []


def test_the_list_of_runs_is_whole_on_a_small_laptop(
    filled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{filled.url}/runs", viewport={"width": 1280, "height": 800}).page
    frame = page.locator(".table-framed")
    expect(frame.get_by_role("row").nth(1)).to_be_visible()
    assert frame.evaluate("(frame) => frame.scrollWidth - frame.clientWidth") <= 0


def test_the_first_load_is_small(engine: RunningEngine, open_page: Callable[..., Watched]) -> None:
    page = open_page(engine.url).page
    expect(page.locator(".composer")).to_be_visible()
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/console/'))"
        ".map(({ name, encodedBodySize }) => [name, encodedBodySize])"
    )
    assert sum(size for _, size in sizes) <= MAX_FIRST_LOAD_BYTES, sizes
    assert len(sizes) > 3


def test_a_chosen_theme_stays(page: Page) -> None:
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    for _ in range(2):
        page.get_by_role("button", name="theme").click()
    assert page.evaluate(background) != light
    page.reload()
    expect(page.locator(".composer")).to_be_visible()
    assert page.evaluate(background) != light


def page_names(items: Locator) -> list[str]:
    """Return the names of pages, without the number of runs that wait at one."""
    return [text.splitlines()[0] for text in items.all_inner_texts()]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_pages_are_reached_by_keyboard_on_a_telephone(
    engine: RunningEngine, open_page: Callable[..., Watched], theme: str
) -> None:
    page = open_page(engine.url, color_scheme=theme, viewport={"width": 400, "height": 800}).page
    wide = open_page(engine.url).page
    named = wide.get_by_role("navigation", name="Pages").get_by_role("listitem")
    expect(named.first).to_be_visible()
    names = page_names(named)
    bar = page.get_by_role("navigation", name="Pages")
    expect(bar.get_by_role("button", name="More")).to_be_visible()
    assert page.evaluate(CUT_OFF) == []
    in_bar = page_names(bar.get_by_role("listitem"))  # of what no sheet hides from screen readers
    bar.get_by_role("button", name="More").press("Enter")
    sheet = page.get_by_role("dialog", name="More pages")
    expect(sheet.get_by_role("link", name="Settings")).to_be_visible()
    keep(page, f"more-{theme}")
    assert page.evaluate(CUT_OFF) == []
    assert axe_findings(page) == []
    in_sheet = page_names(sheet.get_by_role("listitem"))
    assert [text for text in in_bar if text != "More"] + in_sheet == names
    while page.evaluate("document.activeElement.textContent") != "Settings":
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('[role=dialog]') !== null")
    page.keyboard.press("Enter")
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    more = bar.get_by_role("button", name=re.compile("More.*at Settings"))
    more.press("Enter")
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(more).to_be_focused()


def test_a_page_opened_while_the_engine_is_away_opens_once_it_is_back(page: Page) -> None:
    expect(page.get_by_role("link", name="Knowledge")).to_be_visible()
    expect(page.locator(".composer")).to_be_visible()
    page.evaluate("window.loadedOnce = true")
    page.context.set_offline(True)
    page.get_by_role("link", name="Knowledge").click()
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Knowledge")).to_be_visible()
    assert page.evaluate("window.loadedOnce") is True
