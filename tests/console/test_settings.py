"""The settings: agents, models, tools, keys and limits, as far as the key allows."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.console.conftest import RunningEngine, Watched, axe_findings, keep, running_engine, sign_in
from tests.tools.mcp import mcp_example

from vital_shared.llm.base import ModelError
from vital_shared.testing import CannedModel


def limit_tokens(engine: RunningEngine, level: str, scope: str, tokens: int, **more: str) -> None:
    limit = {"level": level, "id": scope, "unit": "tokens", "period": "day", "amount": str(tokens)} | more
    answer = engine.call(lambda: engine.service.client.put("/v1/limits", json=limit))
    assert answer.status_code == 200, answer.text


SERVERS = f"""
[mcp.example]
command = {json.dumps(sys.executable)}
args = [{json.dumps(mcp_example.__file__)}]

[mcp.away]
url = "http://127.0.0.1:9/"
"""
"""A server of tools that answers, and one that does not."""


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine with keys, an agent, a failing model, and limits of a tenant."""
    failing = CannedModel("x", name="failing", error=ModelError("It is away", model="failing", kind="server"))
    brief = CannedModel("Yes", name="brief")  # ten tokens are asked, and one is answered
    folder = tmp_path_factory.mktemp("settled")
    config = folder / "vital.toml"
    config.write_text(SERVERS, encoding="utf-8")
    with running_engine(folder, failing, brief, settings={"config": config}) as running:
        running.agent("keeper", model="canned", tools=["calculator"], description="Knows devices.")
        running.ask(model="failing", query="Is it there?")
        limits = {"monthly_dollars": "200", "requests_per_minute": 60, "models": ["canned"]}
        running.call(lambda: running.service.client.put("/v1/budgets/acme", json=limits))
        running.ask("Is it so?", model="brief", tenant_id="hooli", user_id="kim")
        limit_tokens(running, "organisation", "umbrella", 9_000)
        limit_tokens(running, "tenant", "hooli", 11)
        limit_tokens(running, "user", "kim", 12, tenant_id="hooli")
        running.operator = running.closing_key(None, "admin")  # type: ignore[attr-defined]
        yield running


@pytest.fixture
def operator(settled: RunningEngine, open_page: Callable[..., Watched]) -> Page:
    page = open_page(f"{settled.url}/settings").page
    sign_in(page, settled.operator)  # type: ignore[attr-defined]
    return page


def rows(page: Page, label: str, text: str) -> Any:
    return page.get_by_role("region", name=label, exact=True).locator("tbody tr").filter(has_text=text)


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def test_an_agent_is_made_changed_and_deleted(operator: Page) -> None:
    operator.get_by_role("button", name="New agent").click()
    dialog = operator.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Reviewer")
    dialog.get_by_role("textbox", name="Id Lower").fill("reviewer")
    dialog.get_by_label("Instructions").fill("Review what you are given.")
    dialog.get_by_role("textbox", name="Model extractive").fill("nothing")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text('There is no model "nothing"')
    dialog.get_by_role("textbox", name="Model extractive").fill("canned")
    dialog.get_by_label("Other models").fill("extractive, stepped")
    dialog.get_by_role("group", name="Tools").get_by_label("All").uncheck()
    dialog.get_by_role("group", name="Tools").get_by_label("document search").uncheck()
    dialog.get_by_role("button", name="Save").click()
    expect(rows(operator, "Agents", "Reviewer")).to_contain_text("acme")
    operator.get_by_role("button", name="Edit Reviewer").click()
    expect(dialog.get_by_label("Other models")).to_have_value("extractive, stepped")
    dialog.get_by_label("Description").fill("It reviews.")
    dialog.get_by_role("button", name="Save").click()
    expect(rows(operator, "Agents", "Reviewer")).to_contain_text("It reviews.")
    operator.get_by_role("button", name="Delete Reviewer").click()
    operator.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(rows(operator, "Agents", "Reviewer")).to_have_count(0)


def test_models_show_whether_they_answered_and_providers_whether_they_are_ready(operator: Page) -> None:
    tab(operator, "Models")
    expect(rows(operator, "Models", "failing")).to_contain_text("It had an error of its own.")
    expect(rows(operator, "Models", "canned")).to_contain_text("No failure")
    expect(rows(operator, "Providers", "openai").first).to_contain_text("OPENAI_API_KEY")


def test_tools_show_what_they_may_do(operator: Page) -> None:
    tab(operator, "Tools")
    expect(rows(operator, "Tools", "calculator").first).to_contain_text("Reads only")


def test_servers_of_tools_are_shown_as_they_answered(operator: Page) -> None:
    tab(operator, "Tools")
    expect(rows(operator, "MCP servers", "example")).to_contain_text("Answered")
    expect(rows(operator, "MCP servers", "example")).to_contain_text("example add two")
    expect(rows(operator, "MCP servers", "away")).to_contain_text("Away")
    expect(rows(operator, "Tools", "example fail")).to_contain_text("Asks first, in modes with approval")


def test_a_key_is_shown_once_works_and_is_revoked(
    operator: Page, settled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    tab(operator, "Keys")
    operator.get_by_role("button", name="New key").click()
    dialog = operator.get_by_role("dialog")
    dialog.get_by_label("What it is for").fill("The shop")
    dialog.get_by_role("button", name="Make the key").click()
    secret = operator.locator(".secret").inner_text()
    operator.get_by_role("button", name="I have it").click()
    expect(rows(operator, "Keys", "The shop")).to_contain_text("Works")
    operator.reload()
    expect(rows(operator, "Keys", "The shop")).to_contain_text("ask")
    assert secret not in operator.content()
    other = open_page(settled.url).page
    sign_in(other, secret)
    expect(other.get_by_role("link", name="Settings")).to_have_count(0)
    operator.get_by_role("button", name="Revoke The shop").click()
    operator.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()
    expect(rows(operator, "Keys", "The shop")).to_contain_text("Revoked")


def test_limits_are_set_changed_and_deleted(operator: Page) -> None:
    tab(operator, "Limits")
    operator.get_by_role("button", name="Limit a tenant").click()
    dialog = operator.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Tenant").fill("globex")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("no limit is given")
    dialog.get_by_label("Dollars a day").fill("12.50")
    dialog.get_by_role("button", name="Save").click()
    expect(rows(operator, "Limits", "globex")).to_contain_text("$12.50")
    operator.get_by_role("button", name="Edit the limits of globex").click()
    dialog.get_by_label("Requests a minute").fill("90")
    dialog.get_by_role("button", name="Save").click()
    expect(rows(operator, "Limits", "globex")).to_contain_text("90")
    operator.get_by_role("button", name="Delete the limits of globex").click()
    operator.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(rows(operator, "Limits", "globex")).to_have_count(0)


def test_a_limit_of_any_level_is_added_changed_and_removed(operator: Page) -> None:
    tab(operator, "Limits")
    expect(rows(operator, "Limits by level", "umbrella")).to_contain_text("9,000 tokens a day")
    operator.get_by_role("button", name="Add a limit").click()
    dialog = operator.get_by_role("dialog")
    dialog.get_by_label("Level").select_option("user")
    dialog.get_by_label("Id of the user").fill("ann")
    dialog.get_by_label("Tenant of the user").fill("acme")
    dialog.get_by_label("Model").fill("canned")
    dialog.get_by_label("Period").select_option("month")
    dialog.get_by_role("spinbutton", name="Dollars").fill("1000000001")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("at most 1000000000 dollars")
    dialog.get_by_role("spinbutton", name="Dollars").fill("2.50")
    dialog.get_by_role("button", name="Save").click()
    row = rows(operator, "Limits by level", "ann")
    expect(row).to_contain_text("User of acme")
    expect(row).to_contain_text("canned")
    expect(row).to_contain_text("$2.50 a month")
    expect(row).to_contain_text("0 %")
    operator.get_by_role("button", name="Change the limit of the user ann of acme for canned").click()
    dialog.get_by_role("spinbutton", name="Dollars").fill("0")
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("$0 a month")
    operator.get_by_role("button", name="Remove the limit of the user ann of acme for canned").click()
    operator.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    expect(rows(operator, "Limits by level", "umbrella")).to_have_count(1)


@pytest.mark.parametrize(
    ("holder", "gauge", "used", "left"),
    [
        ("Tenant", "gauge gauge-bad", "100 % of 11 tokens a day", "0 tokens"),
        ("User of hooli", "gauge gauge-wait", "92 % of 12 tokens a day", "1 token"),
    ],
)
def test_what_is_used_of_a_limit_and_left_is_shown(
    operator: Page, holder: str, gauge: str, used: str, left: str
) -> None:
    tab(operator, "Limits")
    row = rows(operator, "Limits by level", "hooli").filter(has_text=f"{holder}, all models")
    expect(row).to_contain_text(used)
    expect(row).to_contain_text("11 tokens used")
    expect(row.get_by_role("cell").nth(2)).to_have_text(left)
    expect(row.locator(".gauge")).to_have_class(gauge)


def test_a_tenant_sees_its_own_limits_and_changes_none(
    settled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    limit = {"level": "tenant", "id": "initech", "unit": "tokens", "period": "minute", "amount": "700"}
    operator = {"Authorization": f"Bearer {settled.operator}"}  # type: ignore[attr-defined]
    settled.call(lambda: settled.service.client.put("/v1/limits", json=limit, headers=operator))
    page = open_page(f"{settled.url}/settings?tab=limits").page
    sign_in(page, settled.key("initech", "admin"))
    expect(rows(page, "Limits by level", "initech")).to_contain_text("700 tokens a minute")
    expect(page.get_by_role("region", name="Limits by level").locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("button", name="Add a limit")).to_have_count(0)
    expect(page.get_by_role("button", name="Remove the limit")).to_have_count(0)


def test_a_tenants_administrator_sees_and_changes_its_own_part(
    settled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{settled.url}/settings").page
    sign_in(page, settled.key("globex", "admin"))
    expect(page.get_by_role("tab")).to_have_text(["Agents", "Tools", "Keys", "Limits"])
    expect(rows(page, "Agents", "Keeper")).to_contain_text("All tenants")
    expect(page.get_by_role("button", name="Delete Keeper", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Edit Keeper", exact=True).click()
    page.get_by_role("dialog").get_by_label("Description").fill("Ours.")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(rows(page, "Agents", "Keeper")).to_contain_text("globex")
    tab(page, "Keys")
    expect(page.get_by_role("region", name="Keys").locator("tbody tr")).to_have_count(1)
    tab(page, "Limits")
    expect(page.get_by_text("There are no limits")).to_be_visible()
    expect(page.get_by_role("button", name="Limit a tenant")).to_have_count(0)


def test_a_key_that_may_only_ask_finds_nothing_here(
    settled: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{settled.url}/settings").page
    sign_in(page, settled.key("acme", "ask"))
    expect(page.get_by_text("Nothing here is for this key")).to_be_visible()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 400)])
def test_the_settings_are_fit_for_screen_readers_and_small_screens(
    settled: RunningEngine, open_page: Callable[..., Watched], theme: str, width: int
) -> None:
    page = open_page(
        f"{settled.url}/settings", color_scheme=theme, viewport={"width": width, "height": 900}
    ).page
    sign_in(page, settled.operator)  # type: ignore[attr-defined]
    for name in ("Agents", "Models", "Tools", "Keys", "Limits"):
        tab(page, name)
        expect(page.get_by_role("region", name=name, exact=True)).to_be_visible()
        keep(page, f"settings-{name.lower()}-{theme}-{width}")
        assert axe_findings(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    tab(page, "Limits")
    page.get_by_role("button", name="Add a limit").click()
    expect(page.get_by_label("Period")).to_be_visible()
    keep(page, f"settings-limit-form-{theme}-{width}")
    assert axe_findings(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    tab(page, "Agents")
    page.get_by_role("button", name="New agent").click()
    expect(page.get_by_role("group", name="Tools")).to_be_visible()
    keep(page, f"settings-agent-form-{theme}-{width}")
    assert axe_findings(page) == []


def test_the_first_key_of_an_open_engine_closes_it_and_is_announced(
    tmp_path: Path, open_page: Callable[..., Watched]
) -> None:
    with running_engine(tmp_path) as engine:
        page = open_page(f"{engine.url}/settings?tab=keys").page
        expect(page.get_by_text("There are no keys")).to_be_visible()
        page.get_by_role("button", name="New key").click()
        expect(page.get_by_role("dialog")).to_contain_text("from then on everybody needs a key")
