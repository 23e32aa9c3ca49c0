"""Runs in the browser that wait for a worker."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect
from tests.ai_engine.harness import asked
from tests.console.conftest import RunningEngine, Watched, running_engine

pytestmark = pytest.mark.thorough

HEADERS = {"Prefer": "respond-async"}


@pytest.fixture
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine that makes one background run at a time."""
    with running_engine(tmp_path_factory.mktemp("narrow"), settings={"background_runs": 1}) as running:
        yield running


def queue(engine: RunningEngine, query: str) -> str:
    body = asked(query, model="stepped")
    answer = engine.call(lambda: engine.service.client.post("/v1/runs", json=body, headers=HEADERS))
    return answer.json()["run_id"]


def test_a_queued_run_is_shown_as_one_and_followed_to_its_end(
    narrow: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    queue(narrow, "The first?")
    narrow.call(narrow.slow.asked.wait)
    run_id = queue(narrow, "The second?")
    page = open_page(f"{narrow.url}/runs/{run_id}").page
    expect(page.locator(".run-meta")).to_contain_text("Queued")
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    narrow.step(6)
    expect(page.locator(".run-answer .answer")).to_contain_text("one two three")
    expect(page.locator(".run-meta")).to_contain_text("Degraded")
