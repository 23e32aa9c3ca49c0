"""The prompt and the answer of each call of a model, on a run's page."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect
from tests.console.conftest import ANSWER, RunningEngine, Watched, axe_findings, keep, running_engine

pytestmark = pytest.mark.thorough

HOSTILE = "Is <img src=x onerror=alert(1)> a device?"


@pytest.fixture(scope="module")
def storing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with running_engine(tmp_path_factory.mktemp("storing"), settings={"store_prompts": True}) as running:
        yield running


def opened_calls(open_page: Callable[..., Watched], url: str, run_id: str, **options: str) -> Page:
    page = open_page(f"{url}/runs/{run_id}", **options).page
    page.get_by_role("tab", name="Model calls").click()
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_call_opens_its_prompt_and_answer_as_text(
    open_page: Callable[..., Watched], storing: RunningEngine, theme: str
) -> None:
    run_id = storing.ask(HOSTILE, model="canned")["run_id"]
    page = opened_calls(open_page, storing.url, run_id, color_scheme=theme)
    call = page.locator(".call-line", has_text="canned").last
    call.get_by_text("Prompt", exact=True).click()
    call.get_by_text("Answer", exact=True).click()
    expect(call.locator("pre", has_text="Is <img")).to_have_text(HOSTILE)
    assert call.locator("pre").last.text_content() == ANSWER
    assert page.locator("pre img").count() == 0
    assert axe_findings(page) == []
    keep(page, f"model-calls-{theme}")


def test_a_run_without_stored_prompts_says_so(
    open_page: Callable[..., Watched], engine: RunningEngine
) -> None:
    run_id = engine.ask("How long?", model="canned")["run_id"]
    page = opened_calls(open_page, engine.url, run_id)
    expect(page.get_by_text("Prompts and answers of this run are not stored.")).to_be_visible()
    expect(page.locator(".call-line").first).to_contain_text("canned")


def test_calls_without_stored_words_are_listed_beside_those_with(
    open_page: Callable[..., Watched], storing: RunningEngine
) -> None:
    run_id = storing.ask("Which of these calls is stored?", model="canned")["run_id"]
    page = open_page(storing.url).page

    def with_another_call(route: Route) -> None:
        """Show the run as one that has made a call beyond those that it may store."""
        view = route.fetch().json()
        view["output"]["model_calls"].insert(0, view["output"]["model_calls"][0] | {"model": "unstored"})
        route.fulfill(json=view)

    page.route(f"**/v1/runs/{run_id}", with_another_call)
    page.goto(f"{storing.url}/runs/{run_id}")
    page.get_by_role("tab", name="Model calls").click()
    expect(page.locator(".call-line", has_text="canned").get_by_text("Prompt", exact=True)).to_be_visible()
    lines = page.locator(".call-line")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("unstored")
    expect(lines.first.get_by_text("Prompt", exact=True)).to_have_count(0)
