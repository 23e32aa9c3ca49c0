"""Alerts in the browser: from a fault to the page, its panel and its runbook."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect
from tests.console.conftest import RunningEngine, Watched, axe_findings, keep, running_engine

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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 400])
def test_alerts_are_fit_for_screen_readers_and_small_screens(
    faulty: RunningEngine, open_page: Callable[..., Watched], theme: str, width: int
) -> None:
    page = open_page(
        f"{faulty.url}/alerts", color_scheme=theme, viewport={"width": width, "height": 900}
    ).page
    expect(page.locator("tbody tr").first).to_be_visible()
    keep(page, f"alerts-{theme}-{width}")
    assert axe_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"{faulty.url}/alerts/HighErrorRate")
    expect(page.get_by_role("heading", name="What users notice")).to_be_visible()
    keep(page, f"alert-{theme}-{width}")
    assert axe_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
