"""What can be done with runs in the browser: compared, run again, made test cases, found by saved views."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.console.conftest import RunningEngine, Watched, axe_findings, keep, running_engine

from vital_shared.workflows.evaluation.questions import read_questions

FIRST = "Which evidence does a Class III device need?"
SECOND = "When is a De Novo request possible?"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with running_engine(tmp_path_factory.mktemp("asked")) as running:
        running.ask(FIRST, model="canned", mode=4, session_id="s1")
        running.ask(SECOND, model="canned")
        yield running


@pytest.fixture
def runs(open_page: Callable[..., Watched], asked: RunningEngine) -> Page:
    return open_page(f"{asked.url}/runs").page


def test_two_runs_are_compared_side_by_side(runs: Page) -> None:
    compare = runs.get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    for question in (FIRST, SECOND):
        runs.get_by_label(f"Compare {question}").check()
    compare.click()
    expect(runs.get_by_role("region", name="First run").locator(".answer strong")).to_have_text("Class III")
    expect(runs.get_by_role("region", name="Second run").get_by_role("heading").first).to_have_text(SECOND)
    expect(runs.locator("tr", has_text="Mode").locator("td").first).to_contain_text("Chat")
    expect(runs.locator("tr.differs").first).to_be_visible()
    assert axe_findings(runs) == []
    keep(runs, "compare-runs")
    runs.set_viewport_size({"width": 400, "height": 800})
    assert runs.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_view_is_saved_found_after_a_reload_and_forgotten(runs: Page) -> None:
    runs.get_by_label("Search questions").fill("de novo")
    runs.keyboard.press("Enter")
    runs.get_by_role("button", name="Save this view").click()
    runs.get_by_label("Name").fill("De Novo")
    runs.get_by_role("button", name="Save", exact=True).click()
    view = runs.get_by_role("button", name="De Novo", exact=True)
    expect(view).to_have_attribute("aria-pressed", "true")
    runs.get_by_role("button", name="Clear").click()
    expect(runs.locator("tbody tr")).to_have_count(2)
    runs.reload()
    view.click()
    expect(runs.locator("tbody tr")).to_have_count(1)
    runs.get_by_role("button", name="Forget the view De Novo").click()
    expect(view).to_have_count(0)


def test_a_run_becomes_a_test_case_that_eval_reads(runs: Page, tmp_path: Path) -> None:
    runs.get_by_role("link", name=FIRST).click()
    runs.get_by_role("button", name="Make it a test case").click()
    dialog = runs.get_by_role("dialog", name="Make it a test case")
    dialog.get_by_label("Facts of a right answer").fill("premarket approval | PMA\n90 days")
    assert axe_findings(runs) == []
    dialog.get_by_role("button", name="Add").click()
    runs.get_by_role("link", name="Runs").first.click()
    with runs.expect_download() as download:
        runs.get_by_role("button", name="Test cases · 1").click()
    file = tmp_path / "questions.json"
    download.value.save_as(file)
    (case,) = json.loads(file.read_text())
    assert case["facts"] == [["premarket approval", "PMA"], ["90 days"]]
    (read,) = read_questions(file)
    assert read.question == FIRST
    runs.get_by_role("button", name="Forget the test cases").click()
    expect(runs.get_by_role("button", name="Test cases")).to_have_count(0)


def test_a_chat_is_run_again_with_the_conversation_that_it_had(
    asked: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    later = asked.ask("And for class II?", model="canned", mode=4, session_id="s1")["run_id"]
    page = open_page(f"{asked.url}/runs/{later}").page
    page.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: url.startswith(f"{asked.url}/runs/") and later not in url)
    expect(page.locator(".run-answer strong")).to_have_text("Class III")
    again = asked.call(lambda: asked.service.client.get(f"/v1/runs/{page.url.split('/')[-1]}")).json()
    assert again["input"]["messages"][0]["content"] == FIRST
    assert len(again["input"]["messages"]) == 2


def test_a_document_is_added_beside_the_question(
    asked: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(asked.url).page
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add documents").click()
    chooser.value.set_files(
        {"name": "fees.md", "mimeType": "text/markdown", "buffer": b"# Fees\n\nThe fee is 540,783 dollars.\n"}
    )
    expect(page.get_by_role("region", name="Uploads")).to_contain_text("Added")
    found = asked.call(
        lambda: asked.service.client.get("/v1/documents", headers={"X-Tenant-ID": "acme"})
    ).json()
    assert [each["uri"] for each in found["documents"]] == ["fees.md"]
