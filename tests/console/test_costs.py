"""The page of the costs: sums, budgets and the forecast, for those who may see them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import insert
from tests.console.conftest import RunningEngine, Watched, running_engine, sign_in
from tests.ledger_rows import row, write

from vital_shared.store.account_tables import spending

CENT = 10_000_000


def charge(engine: RunningEngine) -> None:
    """Charge two tenants over six days."""
    now, database = datetime.now(UTC), engine.service.services.database
    rows = [
        row(at=now - timedelta(days), cost_nanos=(days + 1) * CENT, name=f"model-{days % 2}", user_id="ann")
        for days in range(6)
    ]
    rows += [
        row(tenant_id="globex", user_id="bob", cost_nanos=50 * CENT, at=now, unit_prices=None),
        row(cost_type="tools", name="calculator", cost_nanos=CENT, at=now),
        row(run_id=None, user_id="", agent_id="", cost_nanos=0, saved_nanos=3 * CENT, hits=2, at=now),
    ]
    engine.call(lambda: write(database, *rows))


async def spend(engine: RunningEngine, tenant_id: str, nanos: int) -> None:
    now = engine.service.services.now()
    periods = [f"{now - timedelta(days):%Y-%m-%d}" for days in range(8)]
    values = [{"tenant_id": tenant_id, "period": each, "cost_nanos": nanos} for each in periods]
    values.append({"tenant_id": tenant_id, "period": f"{now:%Y-%m}", "cost_nanos": 8 * nanos})
    async with engine.service.services.database.begin() as connection:
        await connection.execute(insert(spending), values)


def limit(engine: RunningEngine, tenant_id: str, **limits: str) -> None:
    path = f"/v1/budgets/{tenant_id}"
    answer = engine.call(lambda: engine.service.client.put(path, json=limits))
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def charged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with running_engine(tmp_path_factory.mktemp("charged")) as running:
        charge(running)
        running.call(lambda: spend(running, "acme", 10**9))
        limit(running, "acme", daily_dollars="1.10", monthly_dollars="7.50")
        limit(running, "globex", monthly_dollars="1000")
        yield running


def table(page: Page, by: str) -> Any:
    return page.get_by_role("region", name=f"Costs by {by}")


def test_costs_are_summed_by_what_is_chosen_and_that_stands_in_the_address(
    charged: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{charged.url}/costs").page
    expect(table(page, "tenant").locator("tbody tr")).to_have_count(2)
    expect(table(page, "tenant").locator("tbody tr").first).to_contain_text("globex")
    expect(table(page, "tenant").locator("tfoot")).to_contain_text("$0.72")
    page.get_by_label("By", exact=True).select_option("user")
    expect(table(page, "user")).to_contain_text("Saved by the cache")
    expect(table(page, "user").locator("tbody tr").filter(has_text="bob")).to_contain_text("$0.5")
    page.get_by_label("Time").select_option("today")
    page.get_by_label("Tenant").select_option("one")
    page.reload()
    expect(table(page, "user").locator("tbody tr").filter(has_text="ann")).to_contain_text("$0.02")
    expect(table(page, "user").locator("tbody tr").filter(has_text="bob")).to_have_count(0)


def test_each_day_is_drawn_and_doubts_are_named(
    charged: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{charged.url}/costs?period=week&by=day").page
    expect(page.locator(".day-bars g")).to_have_count(7)
    expect(page.get_by_role("img", name="Cost by day")).to_be_visible()
    expect(table(page, "day").locator("tbody tr")).to_have_count(6)
    expect(page.get_by_text("1 call has no known price")).to_be_visible()


def test_budgets_show_what_is_left_and_where_the_month_ends(
    charged: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{charged.url}/costs").page
    budgets = page.get_by_role("region", name="Budgets").locator("tbody tr")
    expect(budgets).to_have_count(3)
    expect(budgets.nth(0)).to_contain_text("$1.10 a day")
    expect(budgets.nth(0)).to_contain_text("91 %")
    expect(budgets.nth(1)).to_contain_text("$7.50 a month")
    expect(budgets.nth(1)).to_contain_text("Goes over")


def test_costs_are_exported_as_csv(
    charged: RunningEngine, open_page: Callable[..., Watched], tmp_path: Path
) -> None:
    page = open_page(f"{charged.url}/costs?by=model").page
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "costs.csv")
    lines = (tmp_path / "costs.csv").read_text().splitlines()
    assert download.value.suggested_filename == "costs-by-model.csv"
    assert lines[0].startswith("model,cost_dollars,saved_dollars")
    assert any(line.startswith("model-1,0.12,") for line in lines)


def test_a_time_without_costs_says_so(engine: RunningEngine, open_page: Callable[..., Watched]) -> None:
    page = open_page(f"{engine.url}/costs").page
    expect(page.get_by_text("Nothing was charged in this time")).to_be_visible()
    expect(page.get_by_text("No tenant has a budget")).to_be_visible()


def test_a_tenants_key_sees_its_own_costs_and_one_that_may_only_ask_none(
    tmp_path: Path, open_page: Callable[..., Watched]
) -> None:
    with running_engine(tmp_path) as engine:
        charge(engine)
        keys = engine.closing_key("acme", "costs"), engine.key("acme", "ask")
        page = open_page(f"{engine.url}/costs?by=tenant&tenant=globex").page
        sign_in(page, keys[0])
        expect(table(page, "tenant").locator("tbody tr")).to_have_count(1)
        expect(table(page, "tenant")).to_contain_text("acme")
        expect(page.get_by_label("Tenant", exact=True)).to_have_count(0)
        expect(page.get_by_role("link", name="Costs")).to_be_visible()
        other = open_page(f"{engine.url}/costs").page
        sign_in(other, keys[1])
        expect(other.get_by_role("alert").first).to_contain_text("The key does not allow this")
        expect(other.get_by_role("link", name="Costs")).to_have_count(0)
