"""Workflows of one's own in the browser: their input as a form, their result by its fields."""

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Locator, Page, expect
from pydantic import BaseModel, Field
from tests.console.conftest import RunningEngine, axe_findings, keep, running_engine
from tests.console.test_ask import turn

from vital_shared import BaseWorkflow, Retry, Workflow, WorkflowInput, node
from vital_shared.errors import VitalError


class LeaseInput(WorkflowInput):
    """A lease to be read."""

    query: str = "Read the lease."
    text: str = Field(min_length=1, max_length=5_000, description="The lease, as it was signed.")
    months: int = Field(ge=1, le=600)
    kind: str = Field(default="flat", json_schema_extra={"enum": ["flat", "shop"]})
    furnished: bool = False
    signed: date | None = None
    tags: tuple[str, ...] = Field(default=(), strict=False)


class Party(BaseModel):
    name: str
    role: str


class Lease(BaseModel):
    words: int
    months: int
    kind: str
    furnished: bool
    signed: date | None
    tags: tuple[str, ...]
    parties: tuple[Party, ...]
    terms: dict[str, str]


class ReadLease(Workflow[LeaseInput, Lease]):
    """Read a lease."""

    @node
    async def result(
        self, text: str, months: int, kind: str, furnished: bool, signed: date | None, tags: tuple[str, ...]
    ) -> Lease:
        parties = (Party(name="Ann", role="tenant"), Party(name="Bo", role="owner"))
        return Lease(
            words=len(text.split()),
            months=months,
            kind=kind,
            furnished=furnished,
            signed=signed,
            tags=tags,
            parties=parties,
            terms={"eG": "a cooperative", "z.B.": "for example", "let": "rented"},
        )


class Fetch(BaseWorkflow):
    """Fetch a page of another system, which is busy at first."""

    calls = 0

    @node(retry=Retry(on=(ConnectionError,), attempts=2, backoff_seconds=0.0))
    async def fetched(self, query: str) -> str:
        type(self).calls += 1
        if type(self).calls == 1:
            raise ConnectionError
        return query.upper()


class Fail(BaseWorkflow):
    """Ask another system that does not answer."""

    @node
    async def fetched(self, query: str) -> str:
        raise VitalError("The other system is closed.")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine that serves a workflow of its own beside the built-in one."""
    classes = {"assistant": BaseWorkflow, "leases": ReadLease, "fetch": Fetch, "fail": Fail}
    with running_engine(tmp_path_factory.mktemp("own"), workflows=classes) as running:
        yield running


@pytest.fixture
def lease(open_page, own: RunningEngine) -> Page:
    page = open_page(own.url).page
    page.get_by_label("Workflow", exact=True).select_option("leases")
    return page


def test_an_own_workflow_is_asked_by_a_form_of_its_input(lease: Page) -> None:
    form = lease.get_by_role("form", name="Ask")
    expect(form).to_contain_text("Read a lease.")
    form.get_by_label("Text").fill("The flat is let to Ann.")
    form.get_by_label("Months").fill("12")
    form.get_by_label("Kind (optional)").select_option("shop")
    form.get_by_label("Furnished").check()
    form.get_by_label("Signed (optional)").fill("2026-05-01")
    form.get_by_label("Tags (optional)").fill('["north", "new"]')
    keep(lease, "ask-own-workflow-form")
    form.get_by_role("button", name="Send").click()
    expect(turn(lease)).to_have_attribute("data-phase", "finished")
    result = turn(lease).get_by_label("Result", exact=True)
    for name, value in {
        "Words": "6",
        "Months": "12",
        "Kind": "shop",
        "Furnished": "Yes",
        "Signed": "2026-05-01",
    }.items():
        expect(result.locator("dt", has_text=name).locator("xpath=following-sibling::dd")).to_have_text(value)
    terms = result.locator("dl dl dt")
    expect(terms).to_have_text(["eG", "z.B.", "let"])  # as they are: they are data, and no names of fields
    expect(result.get_by_role("region", name="Rows of the result").locator("tbody tr")).to_have_count(2)
    assert axe_findings(lease) == []
    keep(lease, "ask-own-workflow-result")


def test_what_is_missing_or_cannot_be_is_said_before_it_is_sent(lease: Page) -> None:
    form = lease.get_by_role("form", name="Ask")
    form.get_by_label("Months").fill("12")
    form.get_by_role("button", name="Send").click()
    expect(lease.locator("article.turn")).to_have_count(0)
    form.get_by_label("Text").fill("A lease.")
    form.get_by_label("Tags (optional)").fill("north, new")
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("alert")).to_contain_text("Tags has to be JSON")
    expect(lease.locator("article.turn")).to_have_count(0)


def test_the_same_input_is_changed_and_asked_again(lease: Page) -> None:
    form = lease.get_by_role("form", name="Ask")
    form.get_by_label("Text").fill("One two three.")
    form.get_by_label("Months").fill("6")
    form.get_by_role("button", name="Send").click()
    expect(turn(lease)).to_have_attribute("data-phase", "finished")
    lease.reload()
    lease.get_by_label("Workflow", exact=True).select_option("assistant")
    turn(lease).get_by_role("button", name="Edit and ask again").click()
    expect(form.get_by_label("Text")).to_have_value("One two three.")
    form.get_by_label("Months").fill("7")
    form.get_by_role("button", name="Send").click()
    expect(lease.locator("article.turn")).to_have_count(2)
    expect(turn(lease).get_by_label("Result", exact=True)).to_contain_text("7")


def test_a_run_of_it_is_shown_and_run_again(lease: Page) -> None:
    form = lease.get_by_role("form", name="Ask")
    form.get_by_label("Text").fill("Four words are here.")
    form.get_by_label("Months").fill("8")
    form.get_by_role("button", name="Send").click()
    turn(lease).get_by_role("link", name="Open the run").click()
    expect(lease.get_by_label("Result", exact=True)).to_contain_text("8")
    before = lease.url
    lease.get_by_role("button", name="Run again").click()
    lease.wait_for_url(lambda url: url != before)
    expect(lease.get_by_label("Result", exact=True)).to_contain_text("8")


def step(page: Page, name: str) -> Locator:
    """Open the details of a step on the page of a run."""
    found = page.locator("details", has=page.locator("summary", has_text=name))
    found.locator("summary").click()
    return found


def run_of(own: RunningEngine, workflow: str) -> str:
    body = {"query": "Where is it?", "mode": 2, "tenant_id": "acme", "user_id": "ann", "model": "canned"}
    return own.call(lambda: own.service.client.post(f"/v1/workflows/{workflow}/runs", json=body)).json()[
        "run_id"
    ]


def test_a_step_shows_its_input_its_value_and_what_failed(open_page, own: RunningEngine) -> None:
    page = open_page(f"{own.url}/runs/{run_of(own, 'fetch')}").page
    fetched = step(page, "Fetched")
    expect(fetched.locator("summary")).to_contain_text("1 attempt failed")
    expect(fetched).to_contain_text("ConnectionError")
    expect(
        fetched.locator("dt", has_text="Input: query").locator("xpath=following-sibling::dd")
    ).to_have_text("Where is it?")
    expect(fetched.locator("dt", has_text="Value").locator("xpath=following-sibling::dd")).to_have_text(
        "WHERE IS IT?"
    )
    assert axe_findings(page) == []
    keep(page, "run-steps")


def test_a_run_that_failed_still_shows_its_steps_and_their_errors(open_page, own: RunningEngine) -> None:
    page = open_page(f"{own.url}/runs/{run_of(own, 'fail')}").page
    expect(page.locator(".waterfall-row.waterfall-failed")).to_have_count(1)
    failed = step(page, "Fetched")
    expect(failed.locator("summary")).to_contain_text("Failed")
    expect(failed).to_contain_text("The other system is closed.")
    assert axe_findings(page) == []
    keep(page, "run-steps-failed")
