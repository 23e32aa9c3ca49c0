"""An answer says why it came from the cache, or why it did not."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from vital_shared import BaseWorkflow, Settings, node
from vital_shared.models.tool import ToolResult
from vital_shared.store.idempotency import IdempotencyKey
from vital_shared.testing import CannedModel, CannedSource, passage, question
from vital_shared.workflows.begin import begin
from vital_shared.workflows.cache_lookup import look_up
from vital_shared.workflows.services import Services


class Never(BaseWorkflow):
    cacheable = False


class Sends(BaseWorkflow):
    @node(effects=True)
    async def sent(self, query: str) -> str:
        return query


class Numbered(BaseWorkflow):
    @node
    async def number(self, run_id: str) -> str:
        return run_id


async def opened(tmp_path: Path, *, text: str = "It takes 90 days [1].", entries: int = 3) -> Services:
    settings = Settings(data_dir=tmp_path, cache_entries=entries)
    source = CannedSource([passage("The review takes 90 days.")])
    return await Services.open(settings, models=[CannedModel(text)], sources=[source])


@pytest.fixture
async def services(tmp_path: Path):
    services = await opened(tmp_path)
    yield services
    await services.aclose()


async def ask(services, workflow=BaseWorkflow, **fields):
    request = question("How long is the review?", **{"model": "canned"} | fields)
    output = await workflow(services).execute_typed(request)
    return output.cache_status, output.cache_reason


async def test_the_first_answer_was_not_found_and_the_second_is_that_of_an_equal_question(services):
    assert await ask(services) == ("miss", "not_found")
    assert await ask(services) == ("hit", "equal_question")


async def test_equal_requests_at_a_time_are_answered_by_one_run(services):
    answers = await asyncio.gather(ask(services), ask(services))
    assert sorted(answers) == [("hit", "equal_request_running"), ("miss", "not_found")]


async def test_a_conversation_is_no_question_for_the_cache(services):
    assert await ask(services, mode="4") == ("bypass", "conversation")


@pytest.mark.parametrize(
    ("workflow", "reason"),
    [
        (Never, "workflow_not_cacheable"),
        (Sends, "node_with_effects"),
        (Numbered, "node_reads_run_id"),
    ],
)
async def test_a_class_whose_answers_are_not_kept_says_why(services, workflow, reason):
    assert await ask(services, workflow) == ("bypass", reason)


async def test_a_cache_that_is_off_says_so(tmp_path):
    services = await opened(tmp_path, entries=0)
    assert await ask(services) == ("bypass", "cache_off")
    await services.aclose()


async def test_a_bad_answer_is_not_kept_and_says_why(services):
    output = await BaseWorkflow(services).execute_typed(question("How long is the review?", model="canned"))
    assert (output.cache_status, output.cache_reason) == ("miss", "not_found")
    parts = await BaseWorkflow(services)._parts()
    lookup = await look_up(parts, question("How wide is the review?", model="canned"), None)
    low = output.model_copy(update={"quality_score": 0.5})
    assert lookup.reason_of(low, frozenset()) == "low_quality"
    assert lookup.reason_of(output.model_copy(update={"response": ""}), frozenset()) == "no_response"
    sent = ToolResult(
        id="1",
        name="mail",
        arguments={},
        status="success",
        content="",
        duration_seconds=0,
        cost_dollars=Decimal(0),
    )
    used = output.model_copy(update={"tool_results": (sent,)})
    assert lookup.reason_of(used, frozenset()) == "tool_with_effects"


async def test_a_request_with_an_idempotency_key_is_a_run_of_its_own(services):
    parts = await BaseWorkflow(services)._parts()
    key = IdempotencyKey("acme", "key", "hash")
    handle = await begin(parts, question("How long?", model="canned"), key)
    assert (await handle.answer()).cache_reason == "idempotency_key"


async def test_a_run_that_a_person_decided_on_was_not_looked_up(services):
    workflow = BaseWorkflow(services)
    asked = question("Calculate 2 + 2", mode="1", model="canned", max_cost_dollars=Decimal(1))
    paused = await workflow.execute_typed(asked)
    assert (paused.status, paused.cache_reason) == ("awaiting_approval", None)
    calls = [call.id for call in paused.suggested_tools]
    resumed = await workflow.resume(paused.run_id, approved=calls)
    assert resumed.cache_reason == "resumed"
