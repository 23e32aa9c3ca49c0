"""The audit log and the retention in the browser, shown to those who may see them."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.console.conftest import RunningEngine, Watched, running_engine, sign_in

CONFIGURATION = """
[retention]
runs = "30d"

[retention.tenants.acme]
runs = "12h"
conversations = "1d"
"""


async def save_agents(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    profile = {"name": "Helper", "system_prompt": "Answer."}
    for number in range(30):
        await client.put(f"/v1/agents/helper-{number}", json=profile, headers=headers)


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine in which agents and limits were changed, and runs were decided on."""
    folder = tmp_path_factory.mktemp("noted")
    (folder / "vital.toml").write_text(CONFIGURATION, encoding="utf-8")
    with running_engine(folder, settings={"config": folder / "vital.toml"}) as running:
        client = running.service.client
        running.operator = running.closing_key(None, "admin")  # type: ignore[attr-defined]
        running.acme = running.key("acme", "admin")  # type: ignore[attr-defined]
        for tenant in ("acme", "globex"):
            headers = {"Authorization": f"Bearer {running.key(tenant, 'admin')}"}
            running.call(lambda headers=headers: save_agents(client, headers))
        operator = {"Authorization": f"Bearer {running.operator}"}  # type: ignore[attr-defined]
        limits = {"monthly_dollars": "200", "models": ["canned", "extractive"]}
        running.call(lambda: client.put("/v1/budgets/acme", json=limits, headers=operator))
        yield running


@pytest.fixture
def operator(noted: RunningEngine, open_page: Callable[..., Watched]) -> Page:
    page = open_page(f"{noted.url}/audit").page
    sign_in(page, noted.operator)  # type: ignore[attr-defined]
    return page


def rows(page: Page) -> Locator:
    return page.get_by_role("region", name="Audit log").locator("tbody tr")


def test_entries_are_found_by_filters_that_stand_in_the_address(operator: Page) -> None:
    expect(rows(operator).filter(has_text="Budget set")).to_contain_text("canned, extractive")
    expect(rows(operator)).to_have_count(50)
    operator.get_by_role("button", name="Show older entries").press("Enter")
    operator.get_by_label("Action", exact=True).select_option("agent_saved")
    operator.get_by_label("Tenant").fill("globex")
    operator.get_by_label("Tenant").press("Enter")
    expect(rows(operator)).to_have_count(30)
    assert "action=agent_saved" in operator.url
    operator.reload()
    expect(rows(operator)).to_have_count(30)
    operator.get_by_label("Object").fill("helper-7")
    operator.get_by_label("Object").press("Enter")
    expect(rows(operator)).to_have_count(1)
    operator.get_by_label("Before (UTC)").fill("2020-01-01")
    operator.get_by_label("Before (UTC)").press("Enter")
    expect(operator.get_by_text("No entry fits these filters")).to_be_visible()
    operator.get_by_role("button", name="Clear").press("Enter")
    expect(rows(operator)).to_have_count(50)


def test_what_is_found_is_exported(operator: Page, noted: RunningEngine) -> None:
    operator.goto(f"{noted.url}/audit?action=agent_saved&tenant=acme")
    expect(rows(operator)).to_have_count(30)
    with operator.expect_download() as saved:
        operator.get_by_role("button", name="JSON lines").click()
    lines = [json.loads(line) for line in Path(saved.value.path()).read_text().splitlines()]
    assert {(each["action"], each["tenant_id"]) for each in lines} == {("agent_saved", "acme")}
    assert len(lines) == 30
    with operator.expect_download() as saved:
        operator.get_by_role("button", name="CSV").click()
    assert len(Path(saved.value.path()).read_text().splitlines()) == 31
    assert saved.value.suggested_filename == "audit.csv"


def test_a_tenants_administrator_sees_its_own_part(
    noted: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{noted.url}/audit").page
    sign_in(page, noted.acme)  # type: ignore[attr-defined]
    expect(rows(page).filter(has_text="Budget set")).to_have_count(1)
    page.get_by_label("Action", exact=True).select_option("agent_saved")
    expect(rows(page)).to_have_count(30)  # globex has as many
    expect(page.get_by_label("Tenant")).to_have_count(0)
    page.get_by_role("link", name="Retention").press("Enter")
    periods = page.get_by_role("region", name="Periods").locator("tbody tr")
    expect(periods.first).to_contain_text("12 hours")
    expect(periods.nth(1)).to_contain_text("1 day")
    expect(periods.nth(2)).to_contain_text("Forever")
    expect(page.get_by_role("columnheader")).to_have_text(["Data", "Kept for"])


def test_retention_shows_periods_tenants_and_the_last_pass(operator: Page) -> None:
    operator.get_by_role("link", name="Retention").press("Enter")
    first = operator.get_by_role("region", name="Periods").locator("tbody tr").first
    expect(first).to_contain_text("30 days")
    expect(first).to_contain_text("acme 12 hours")
    expect(operator.get_by_role("status")).to_contain_text(re.compile("last deleted (just now|\\d+ min ago)"))
    expect(first.locator("td").last).to_have_text("0")


def test_a_key_that_may_only_ask_finds_neither(
    noted: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(noted.url).page
    sign_in(page, noted.key("acme", "ask", "costs"))
    expect(page.get_by_role("link", name="Costs")).to_be_visible()
    expect(page.get_by_role("link", name="Audit log")).to_have_count(0)
    expect(page.get_by_role("link", name="Retention")).to_have_count(0)
    for path in ("audit", "retention"):
        page.goto(f"{noted.url}/{path}")
        expect(page.get_by_role("alert").first).to_contain_text("The key does not allow this")
