"""The report in the browser: questions with answers, for whom they are, and on paper."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.console.conftest import RunningEngine, Watched, keep, running_engine, sign_in
from tests.console.test_costs import charge, limit


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with running_engine(tmp_path_factory.mktemp("reported")) as running:
        running.ask("Which evidence does a Class III device need?", model="canned")
        running.call(running.service.services.request_counts.flush)  # the engine itself does so each second
        charge(running)
        limit(running, "acme", monthly_dollars="9")
        yield running


def test_each_question_has_an_answer_with_its_target(
    reported: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{reported.url}/report").page
    expect(page.locator(".answer-line")).to_have_count(9)
    errors = page.locator(".answer-line").filter(has_text="Is the error rate below 2 %?")
    expect(errors).to_contain_text("Met")
    expect(errors).to_contain_text("Target: < 2 %")
    expect(page.get_by_role("region", name="Most expensive tenants")).to_contain_text("globex")
    expect(page.get_by_role("region", name="Budgets")).to_contain_text("of $9.00")


def test_period_tenant_and_day_stand_in_the_address(
    reported: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{reported.url}/report").page
    page.get_by_label("Period").select_option("week")
    page.get_by_label("Tenant", exact=True).select_option("one")
    page.get_by_label("Until the end of").fill("2026-01-31")
    expect(page.get_by_text("The one target that could be judged was met.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Period")).to_have_value("week")
    expect(page.locator("header")).to_contain_text("acme, from")
    expect(page.get_by_text("The one target that could be judged was met.")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_printed_is_the_report_alone_and_dark_on_white(
    reported: RunningEngine, open_page: Callable[..., Watched], theme: str, tmp_path: Path
) -> None:
    page = open_page(f"{reported.url}/report", color_scheme=theme).page
    expect(page.locator(".answer-line").first).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    expect(page.locator(".answer-line").last).to_be_visible()
    text = page.evaluate("getComputedStyle(document.querySelector('.answer-line')).color")
    assert max(int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(",")) < 0x40
    keep(page, f"report-print-{theme}")
    assert page.pdf().startswith(b"%PDF")


def test_a_tenants_key_gets_a_report_of_its_own_part(
    tmp_path: Path, open_page: Callable[..., Watched]
) -> None:
    with running_engine(tmp_path) as engine:
        charge(engine)
        key = engine.closing_key("acme", "costs")
        page = open_page(f"{engine.url}/report?tenant=globex").page
        sign_in(page, key)
        expect(page.get_by_role("region", name="Most expensive tenants")).to_contain_text("acme")
        expect(page.locator("main")).not_to_contain_text("globex")
