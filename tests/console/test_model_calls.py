"""The prompt and the answer of each call of a model, on a run's page."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.console.conftest import ANSWER, RunningEngine, Watched, axe_findings, keep, running_engine

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
