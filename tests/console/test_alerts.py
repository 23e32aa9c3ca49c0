"""Alerts in the browser: from a fault to the page, its panel and its runbook."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.console.conftest import RunningEngine, Watched, axe_findings, keep, running_engine
from tests.prometheus import running_alertmanager

from ai_engine.monitoring.samples import OwnSamples
from vital_cli.served_monitor import load_monitor
from vital_shared.monitoring.metrics import WORKFLOW_REQUESTS_OVERALL_TOTAL


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine of which many requests have just failed."""
    with running_engine(tmp_path_factory.mktemp("faulty"), monitor=load_monitor) as running:
        samples = running.service.engine.samples
        assert isinstance(samples, OwnSamples)
        running.call(samples.sample)
        labels = {"mode": "2", "outcome": "failed"}
        names = [each.name for each in WORKFLOW_REQUESTS_OVERALL_TOTAL.label_set]
        WORKFLOW_REQUESTS_OVERALL_TOTAL.labels(*(labels[name] for name in names)).inc(500)
        running.call(samples.sample)
        yield running


def test_a_fault_becomes_an_alert_with_its_panel_and_runbook(
    faulty: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{faulty.url}/alerts").page
    row = page.locator("tbody tr").filter(has=page.get_by_role("link", name="HighErrorRate"))
    expect(row).to_contain_text("Pending")
    expect(row).to_contain_text("100 %")
    expect(page.locator("tbody tr").filter(has_text="EngineDown")).to_contain_text("Not known")
    keep(page, "alerts")
    row.get_by_role("link").press("Enter")
    expect(page.get_by_role("heading", name="What users notice")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("5 %")
    expect(page.get_by_text("5 min", exact=True)).to_be_visible()
    keep(page, "alert")
    page.get_by_role("link", name="Show its panel").press("Enter")
    expect(page.locator(".panel-current")).to_have_attribute("data-panel", "error_rate")


def test_without_alertmanager_the_page_says_what_is_missing(
    faulty: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{faulty.url}/alerts").page
    page.get_by_role("button", name="Silences").click()
    expect(page.get_by_text("There is no Alertmanager")).to_be_visible()
    page.get_by_role("button", name="Notifications").click()
    expect(page.get_by_text("No notifications")).to_be_visible()


@pytest.fixture(scope="module")
def silencing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine beside an Alertmanager."""
    folder: Path = tmp_path_factory.mktemp("silencing")

    @asynccontextmanager
    async def alertmanager() -> AsyncIterator[dict[str, str]]:
        async with running_alertmanager(folder) as address:
            yield {"alertmanager_url": f"http://{address}"}

    with running_engine(folder, monitor=load_monitor, beside=alertmanager) as running:
        yield running


def test_an_alert_is_silenced_and_its_silence_is_ended(
    silencing: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{silencing.url}/alerts/HighErrorRate").page
    form = page.get_by_role("form", name="Silence")
    form.get_by_label("Silence for").select_option(label="4 hours")
    form.get_by_label("Because").fill("A provider is being changed.")
    form.get_by_role("button", name="Silence").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Silenced")).to_contain_text(
        "A provider is being changed."
    )
    keep(page, "alert-silenced")
    page.goto(f"{silencing.url}/alerts")
    page.get_by_role("button", name="Silences").click()
    table = page.get_by_role("region", name="Silences")
    expect(table.locator("tbody tr")).to_have_count(1)
    expect(table).to_contain_text("alertname=HighErrorRate")
    expect(table).to_contain_text("A provider is being changed.")
    expect(table).to_contain_text("in 4 h")
    assert axe_findings(page) == []
    keep(page, "silences")
    listed = silencing.call(lambda: silencing.service.client.get("/v1/silences")).json()["silences"]
    assert [each["state"] for each in listed] == ["active"]
    table.get_by_role("button", name="End the silence of HighErrorRate").press("Enter")
    expect(page.get_by_text("No silences")).to_be_visible()
    listed = silencing.call(lambda: silencing.service.client.get("/v1/silences")).json()["silences"]
    assert [each["state"] for each in listed] == ["expired"]
