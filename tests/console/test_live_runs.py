"""The list of runs, which keeps itself fresh: what it reads again, and what it says when it cannot."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Request, Response, expect
from sqlalchemy import insert, select
from tests.ai_engine.harness import SUM
from tests.console.conftest import RunningEngine, Watched, running_engine, sign_in

from vital_shared.store.tables import runs

pytestmark = pytest.mark.thorough

LIVE_MILLISECONDS = 5_000
"""Time between two readings of the list."""

MINUTE_MILLISECONDS = 60_000
"""Age at which a page is read again though all its runs have ended."""

ENDED = 51
"""Runs that have ended: one more than a page of the list has."""


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine with two pages of runs: all have ended but the oldest one, which waits for a person."""
    with running_engine(tmp_path_factory.mktemp("listed")) as running:
        running.ask(SUM, mode=1)
        running.ask("Question", mode=4)
        end_runs(running, [f"Question {number}" for number in range(1, ENDED)])
        yield running


def end_runs(engine: RunningEngine, titles: Sequence[str]) -> None:
    """Add runs with these titles, from the oldest to the newest: copies of the newest one that has ended."""

    async def copy() -> None:
        newest = select(runs).where(runs.c.status == "completed").order_by(runs.c.created_at.desc()).limit(1)
        async with engine.service.services.database.begin() as connection:
            model = dict((await connection.execute(newest)).mappings().one())
            copies = [
                model
                | {"id": f"run_{secrets.token_hex(16)}", "title": title}
                | {"created_at": model["created_at"] + timedelta(microseconds=number + 1)}
                for number, title in enumerate(titles)
            ]
            await connection.execute(insert(runs), copies)

    engine.call(copy)


def is_newest(response: Response) -> bool:
    return "/v1/runs?" in response.url and "cursor=" not in response.url


class Listing:
    """Both pages of the list, at a clock that is put forward."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.rows = page.locator("tbody tr")
        self.older = page.get_by_role("button", name="Show older runs")
        page.clock.install()
        page.reload()
        expect(self.older).to_be_visible()
        self.read_older()
        self.requests: list[str] = []
        page.on("request", self._requested)

    def _requested(self, request: Request) -> None:
        if "/v1/runs?" in request.url:
            self.requests.append("older" if "cursor=" in request.url else "newest")

    def read_older(self) -> None:
        while self.older.count():
            count = self.rows.count()
            self.older.click()
            expect(self.rows).not_to_have_count(count)

    def pass_time(self, milliseconds: int = LIVE_MILLISECONDS) -> None:
        """Put the clock forward, and wait until the newest page has been read again."""
        with self.page.expect_response(is_newest):
            self.page.clock.fast_forward(milliseconds)

    def refuse(self, status: int) -> None:
        self.page.route(
            "**/v1/runs?*", lambda route: route.fulfill(status=status, json={"detail": f"Refused: {status}."})
        )

    def titles(self) -> list[str]:
        return self.page.locator("tbody .cell-title a").all_inner_texts()


@pytest.fixture
def listing(listed: RunningEngine, open_page: Callable[..., Watched]) -> Listing:
    return Listing(open_page(f"{listed.url}/runs").page)


def test_pages_whose_runs_have_ended_are_read_once_a_minute(
    listed: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    listing = Listing(open_page(f"{listed.url}/runs?status=completed").page)
    for _ in range(3):
        listing.pass_time()
    assert set(listing.requests) == {"newest"}
    with listing.page.expect_response(lambda response: "cursor=" in response.url):
        listing.pass_time(MINUTE_MILLISECONDS)


def test_refresh_reads_all_pages(listed: RunningEngine, open_page: Callable[..., Watched]) -> None:
    listing = Listing(open_page(f"{listed.url}/runs?status=completed").page)
    with listing.page.expect_response(lambda response: "cursor=" in response.url):
        listing.page.get_by_role("button", name="Refresh").click()
    assert set(listing.requests) == {"newest", "older"}


def test_new_runs_come_to_the_top_and_no_page_is_read_for_them(
    listed: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    listing = Listing(open_page(f"{listed.url}/runs?status=completed").page)
    before = listing.titles()
    for title in ("First newcomer", "Second newcomer"):
        end_runs(listed, [title])
        listing.pass_time()
        expect(listing.rows.first).to_contain_text(title)
    assert set(listing.requests) == {"newest"}
    assert listing.titles() == ["Second newcomer", "First newcomer", *before]


def test_more_new_runs_than_a_page_has_are_all_shown(
    listed: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    listing = Listing(open_page(f"{listed.url}/runs?status=completed").page)
    before = listing.titles()
    newcomers = [f"Newcomer {number}" for number in range(ENDED)]
    end_runs(listed, newcomers)
    listing.pass_time()
    expect(listing.rows.first).to_contain_text(newcomers[-1])
    listing.read_older()
    assert listing.titles() == [*reversed(newcomers), *before]


def test_an_old_run_that_ends_is_seen_to_end(listed: RunningEngine, listing: Listing) -> None:
    waiting = listing.rows.last
    expect(waiting).to_contain_text("Waits for you")
    run_id = (waiting.get_by_role("link").get_attribute("href") or "").rpartition("/")[2]
    answer = listed.call(lambda: listed.service.client.delete(f"/v1/runs/{run_id}"))
    assert answer.is_success, answer.text
    listing.pass_time()
    expect(waiting).to_contain_text("Cancelled", ignore_case=True)


@pytest.mark.parametrize("status", [429, 500])
def test_a_refusal_is_said_above_the_list_until_it_is_over(listing: Listing, status: int) -> None:
    count = listing.rows.count()
    listing.refuse(status)
    listing.pass_time()
    alert = listing.page.get_by_role("alert")
    expect(alert).to_contain_text(f"Refused: {status}.")
    expect(listing.rows).to_have_count(count)
    listing.page.unroute("**/v1/runs?*")
    listing.pass_time()
    expect(alert).to_have_count(0)


def test_an_engine_that_is_out_of_reach_is_said_above_the_list_until_it_is_back(listing: Listing) -> None:
    count = listing.rows.count()
    listing.page.context.set_offline(True)
    listing.page.clock.fast_forward(LIVE_MILLISECONDS)
    alert = listing.page.get_by_role("alert")
    expect(alert).to_contain_text("The engine does not answer.")
    expect(listing.rows).to_have_count(count)
    listing.page.context.set_offline(False)
    expect(alert).to_have_count(0)


def test_the_end_of_the_session_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, open_page: Callable[..., Watched]
) -> None:
    with running_engine(tmp_path_factory.mktemp("closed")) as closed:
        closed.ask("A question", mode=4)
        page = open_page(f"{closed.url}/runs").page
        key = closed.closing_key("acme", "ask")
        page.reload()
        sign_in(page, key)
        page.clock.install()
        page.reload()
        expect(page.locator("tbody tr")).to_have_count(1)
        with page.expect_response(is_newest) as refused:
            page.context.clear_cookies()
            page.clock.fast_forward(LIVE_MILLISECONDS)
        assert refused.value.status == 401
        expect(page.get_by_role("heading", name="Sign in to VITAL")).to_be_visible()
