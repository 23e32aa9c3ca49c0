"""A workflow of one's own that waits for a person, in the browser: what it shows, and typed answers to it."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page, expect
from pydantic import BaseModel, Field
from tests.console.conftest import RunningEngine, axe_findings, keep, running_engine
from tests.console.test_ask import turn

from vital_shared import BaseWorkflow, Pause, Workflow, node


class Verdict(BaseModel):
    decision: Literal["publish", "hold"]
    copies: int = Field(ge=1, le=100)
    remark: str = ""


class Letter(Workflow):
    """A letter that goes out when somebody has read it."""

    @node(pauses=True)
    async def verdict(self, query: str) -> Verdict:
        raise Pause({"draft": f"Dear all, {query}", "words": 4})

    @node
    async def answer(self, query: str, verdict: Verdict) -> str:
        if verdict.decision == "hold":
            return f"Held back: {verdict.remark}"
        return f"{verdict.copies} copies of {query} are out."


class Release(Workflow):
    """A release that somebody allows, or does not."""

    @node(pauses=True)
    async def allowed(self, query: str) -> bool:
        raise Pause(query)

    @node
    async def answer(self, allowed: bool) -> str:
        return "It is out." if allowed else "It stays here."


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    classes = {"assistant": BaseWorkflow, "letters": Letter, "releases": Release}
    with running_engine(tmp_path_factory.mktemp("own"), workflows=classes) as running:
        yield running


def asked(open_page, own: RunningEngine, workflow: str, query: str) -> Page:
    page = open_page(own.url).page
    page.get_by_label("Workflow", exact=True).select_option(workflow)
    page.get_by_label("Question", exact=True).fill(query)
    page.get_by_role("button", name="Send").click()
    expect(turn(page).get_by_role("form", name="Your decision")).to_be_visible()
    return page


def test_the_value_that_waits_is_shown_and_a_typed_answer_goes_on(open_page, own: RunningEngine) -> None:
    page = asked(open_page, own, "letters", "the office moves.")
    form = turn(page).get_by_role("form", name="Your decision")
    expect(form).to_contain_text("Dear all, the office moves.")
    keep(page, "ask-own-pause")
    assert axe_findings(page) == []
    run_page = open_page(f"{own.url}/runs/{turn(page).get_attribute('data-run')}").page
    step = run_page.locator("details.node-value", has_text="Verdict")
    expect(step.locator(".badge-wait")).to_have_text("Paused")  # it waits: nothing is amiss
    form.get_by_label("Decision").select_option("publish")
    form.get_by_label("Copies").fill("7")
    form.get_by_role("button", name="Send").click()
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    expect(turn(page)).to_contain_text("7 copies of the office moves. are out.")


def test_an_answer_that_does_not_fit_is_named_and_the_run_waits_on(open_page, own: RunningEngine) -> None:
    page = asked(open_page, own, "letters", "the office stays.")
    form = turn(page).get_by_role("form", name="Your decision")
    form.get_by_label("Decision").select_option("hold")
    form.get_by_label("Copies").fill("700")
    form.evaluate("form => form.noValidate = true")  # as from a client that checks nothing
    form.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert").first).to_contain_text("copies")
    form.get_by_label("Copies").fill("1")
    form.get_by_label("Remark (optional)").fill("Not yet.")
    form.get_by_role("button", name="Send").click()
    expect(turn(page)).to_contain_text("Held back: Not yet.")


@pytest.mark.parametrize(("is_allowed", "said"), [(True, "It is out."), (False, "It stays here.")])
def test_yes_or_no_is_answered_after_a_reload(open_page, own: RunningEngine, is_allowed, said) -> None:
    page = asked(open_page, own, "releases", f"Version {is_allowed}")
    page.reload()
    form = turn(page).get_by_role("form", name="Your decision")
    expect(form).to_contain_text(f"Version {is_allowed}")
    if is_allowed:
        form.get_by_label("Allowed").check()
    form.get_by_role("button", name="Send").click()
    expect(turn(page)).to_contain_text(said)
