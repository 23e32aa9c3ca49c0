"""Questions that were asked before: answered from the cache, streamed and counted, for the same tenant alone."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from vital_shared import BaseWorkflow, Outcome, Settings, Workflow, fan_out, node, repeat
from vital_shared.models.answer import Answer
from vital_shared.models.event import CitationFound, RunFinished, RunStarted, Token
from vital_shared.models.limits import TenantLimits
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.models.workflow_names import BUILT_IN_CLASS
from vital_shared.store.costs import CostStore
from vital_shared.testing import CannedModel, CannedSource, counted, passage, question
from vital_shared.workflows.services import Services

OPERATIONS = "vital_cache_operations_total"


@pytest.fixture
async def services(tmp_path: Path):
    settings = Settings(data_dir=tmp_path, cache_entries=3, cache_ttl_seconds=300)
    models = [CannedModel("It takes 90 days [1].")]
    source = CannedSource([passage("The review takes 90 days.")])
    services = await Services.open(settings, models=models, sources=[source])
    yield services
    await services.aclose()


async def ask(services, query="How long is the review?", workflow=BaseWorkflow, **fields):
    return await workflow(services).execute_typed(question(query, **{"model": "canned"} | fields))


async def test_a_streamed_answer_of_the_cache_has_a_time_to_a_first_token_of_its_own(services):
    await ask(services)
    with counted() as growth:
        asked = question("How long is the review?", model="canned")
        assert [event async for event in BaseWorkflow(services).execute_stream(asked)]
    assert growth("vital_cached_first_token_seconds_count", mode="2") == 1
    assert growth("vital_time_to_first_token_seconds_count") == 0


async def test_the_same_question_is_answered_again_without_a_run(services):
    first = await ask(services)
    with counted() as growth:
        second = await ask(services, "  how LONG is the review?")
    assert (first.cache_status, second.cache_status) == ("miss", "hit")
    assert second.run_id != first.run_id
    assert second.response == first.response
    assert second.citations == first.citations
    assert second.cost.total == 0
    assert second.tokens.total == 0
    assert growth("vital_workflow_requests_total") == 1
    assert growth("vital_workflow_duration_seconds_count", cache_status="hit", mode="2") == 1
    assert growth("vital_time_to_first_token_seconds_count") == 0
    assert growth(OPERATIONS) == growth(OPERATIONS, operation="hit", tier="memory", mode="2") == 1
    assert growth("vital_cache_entry_age_seconds_count", tier="memory") == 1
    assert growth("vital_llm_calls_total", cached="false") == 0
    assert growth("vital_llm_tokens_total") == 0
    assert growth("vital_cost_dollars_total") == 0
    assert growth("vital_workflow_active") == 0


async def test_a_hit_is_streamed_like_a_run(services):
    await ask(services)
    workflow = BaseWorkflow(services)
    events = [
        each async for each in workflow.execute_stream(question("How long is the review?", model="canned"))
    ]
    assert [each.seq for each in events] == list(range(1, len(events) + 1))
    assert len({each.run_id for each in events}) == 1
    kinds = [type(each) for each in events]
    assert kinds[0] is RunStarted
    assert kinds[-1] is RunFinished
    assert kinds.index(CitationFound) < kinds.index(Token)
    text = "".join(each.text for each in events if isinstance(each, Token))
    assert text == events[-1].output.response


async def test_no_tenant_gets_anothers_answer(services):
    await ask(services, tenant_id="acme")
    assert (await ask(services, tenant_id="globex")).cache_status == "miss"
    assert (await ask(services, tenant_id="acme")).cache_status == "hit"


async def test_new_documents_make_old_answers_miss(services):
    from vital_shared.retrieval.ingest.ingest import Ingestor

    await ask(services)
    ingestor = Ingestor(services.knowledge, services.embedder)
    with counted() as growth:
        await ingestor.ingest_bytes(b"# Reviews\n\nThey take 30 days.", uri="reviews.md", tenant_id="acme")
        assert (await ask(services)).cache_status == "miss"
    assert growth(OPERATIONS, operation="invalidate") == 1
    assert growth("vital_cache_entry_lifetime_seconds_count", cause="invalidate") == 1


async def test_conversations_and_what_failed_are_not_kept(services):
    for _ in range(2):
        with counted() as growth:
            assert (await ask(services, mode="4")).cache_status == "bypass"
        assert growth(OPERATIONS, operation="bypass", mode="4") == 1


class Shouting(BaseWorkflow):
    @node
    async def shouted(self, answer: Answer) -> str:
        return answer.text.upper()


async def test_another_workflow_has_answers_of_its_own(services):
    await ask(services)
    assert (await ask(services, workflow=Shouting)).cache_status == "miss"


async def test_the_least_used_leaves_when_there_is_no_more_room(services):
    with counted() as growth:
        for number in range(4):
            await ask(services, f"How long is the review of {number}?")
        assert (await ask(services, "How long is the review of 0?")).cache_status == "miss"
    assert growth(OPERATIONS, operation="write") == 5
    assert growth(OPERATIONS, operation="evict") == 2
    assert growth("vital_cache_entry_lifetime_seconds_count", cause="evict") == 2


async def test_a_hit_needs_no_budget_and_no_room_in_it(services):
    await ask(services)
    limits = TenantLimits(daily_dollars=Decimal(0))
    await services.limits.set("acme", limits, now=services.now())
    assert (await ask(services)).cache_status == "hit"


async def test_what_hits_have_saved_is_in_the_ledger_and_in_the_counters(services):
    from vital_shared.models.costs import CostQuery
    from vital_shared.models.model_call import ModelCall
    from vital_shared.models.workflow_io import Cost
    from vital_shared.workflows.cache_lookup import Lookup

    output = await ask(services)
    call = ModelCall(
        model="canned",
        purpose="answer",
        prompt="answer@1",
        status="success",
        seconds=1,
        cost_dollars=Decimal("0.25"),
    )
    ((key, entry),) = services.cache._memory._kept.items()
    dear = output.model_copy(update={"cost": Cost(llm=Decimal("0.25")), "model_calls": (call,)})
    await Lookup(services.cache, "miss", key, entry.knowledge).keep(question("How long?"), dear, frozenset())
    with counted() as growth:
        assert (await ask(services)).cache_status == "hit"
        assert (await ask(services)).cache_status == "hit"
    assert growth("vital_cost_saved_dollars_total", mode="2", tenant_id="acme") == 0.5
    assert growth("vital_llm_calls_total", cached="true", model="canned") == 2
    await services.savings.flush()
    report = await CostStore(services.database).report(CostQuery(group_by=("workflow",)), tenant_id=None)
    assert report.total.saved_dollars == Decimal("0.5")
    assert {line.group["workflow"] for line in report.lines} == {BUILT_IN_CLASS}


async def test_over_cache_status_all_requests_that_ran_add_up(services):
    with counted() as growth:
        for mode in ("1", "2", "2", "3", "4"):
            await ask(services, mode=mode, enable_tools=False)
        await asyncio.gather(*(ask(services, "Again?") for _ in range(5)))
    durations = {
        status: growth("vital_workflow_duration_seconds_count", cache_status=status)
        for status in ("hit", "miss", "bypass")
    }
    assert sum(durations.values()) == growth("vital_workflow_requests_total") == 10
    assert durations["bypass"] == 2
    assert durations["hit"] >= 1


async def test_ages_of_all_entries_are_sampled_though_none_is_hit(services):
    for query in ("How long is the review?", "How long is the other review?"):
        await ask(services, query)
    with counted() as growth:
        for _ in range(10):
            await services.cache.sweep()
    assert growth("vital_cache_sampled_age_seconds_count", tier="memory") == 2
    assert growth("vital_cache_entry_age_seconds_count") == 0


class Greeting(BaseWorkflow):
    """Its answer has the user's name."""

    @node
    async def answer(self, question: str, user_id: str) -> Answer:
        return Answer(text=f"{user_id} asks: {question}")


class Signed(BaseWorkflow):
    """Its answer has what is in the metadata, by way of the whole input."""

    @node
    async def answer(self, input: WorkflowInput) -> Answer:  # noqa: A002 - the name of the value
        return Answer(text=f"{input.query} {input.metadata.get('order')}")


@pytest.mark.parametrize(
    ("workflow", "one", "other"),
    [
        (Greeting, {"user_id": "ann"}, {"user_id": "bob"}),
        (Signed, {"metadata": {"order": 1}}, {"metadata": {"order": 2}}),
    ],
)
async def test_what_own_nodes_read_is_part_of_the_key(services, workflow, one, other):
    first, second = [await ask(services, workflow=workflow, **fields) for fields in (one, other)]
    assert (first.cache_status, second.cache_status) == ("miss", "miss")
    assert first.response != second.response
    again = await ask(services, workflow=workflow, **one)
    assert (again.cache_status, again.response) == ("hit", first.response)


@pytest.mark.parametrize("workflow", [Greeting, Signed])
async def test_requests_that_differ_in_what_own_nodes_read_follow_no_common_run(services, workflow):
    fields = [{"user_id": name, "metadata": {"order": name}} for name in ("ann", "bob")]
    answers = await asyncio.gather(*(ask(services, workflow=workflow, **each) for each in fields))
    assert len({answer.response for answer in answers}) == 2


async def test_what_no_own_node_reads_is_no_part_of_the_key(services):
    await ask(services, workflow=Greeting, metadata={"page": 1})
    assert (await ask(services, workflow=Greeting, metadata={"page": 2})).cache_status == "hit"


def uncached():
    """Make subclasses that are never answered from the cache."""

    @node(effects=True)
    async def mail(self, answer: Answer) -> int:
        return len(answer.text)

    @node
    async def trace(self, answer: Answer, run_id: str) -> str:
        return run_id + answer.text

    return [
        type("Fresh", (BaseWorkflow,), {"cacheable": False}),
        type("Mailing", (BaseWorkflow,), {"mail": mail}),
        type("Traced", (BaseWorkflow,), {"trace": trace}),
    ]


@pytest.mark.parametrize("workflow", uncached(), ids=lambda workflow: workflow.__name__)
async def test_what_is_to_be_done_for_each_request_is_never_answered_from_the_cache(services, workflow):
    both = [await ask(services, workflow=workflow) for _ in range(2)]
    both += await asyncio.gather(*(ask(services, workflow=workflow) for _ in range(2)))
    assert [answer.cache_status for answer in both] == ["bypass"] * 4
    assert len(services.models.get("canned").model.requests) == 4


async def test_another_version_of_a_class_finds_no_old_answers(services):
    first = type("Versioned", (BaseWorkflow,), {"cache_version": "1"})
    second = type("Versioned", (BaseWorkflow,), {"cache_version": "2"})
    statuses = [(await ask(services, workflow=each)).cache_status for each in (first, first, second)]
    assert statuses == ["miss", "hit", "miss"]


def written(*lines: str) -> type[Workflow]:
    """Define a class as a cell of a notebook does that is run again after a change."""
    body = "".join(f"        {line}\n" for line in lines)
    names: dict[str, Any] = {"Workflow": Workflow, "node": node}
    exec(f"class Reply(Workflow):\n    @node\n    async def answer(self, query: str) -> str:\n{body}", names)
    return names["Reply"]


async def test_a_class_that_is_written_anew_finds_no_answers_of_its_old_code(services):
    versions = (
        written("return query"),
        written("", "return query"),
        written("return query.upper()"),
        written("return query.upper() if query in {'a', 'b', 'c'} else 'x'"),
        written("return query.upper() if query in {'c', 'b', 'a'} else 'x'"),
        written("return query.upper() if query in {'a', 'b', 'c'} else 'y'"),
        written("return (lambda text: text + '1')(query)"),
        written("return (lambda text: text + '2')(query)"),
    )
    outputs = [await each(services).execute_typed(question("a?")) for each in versions]
    statuses = [output.cache_status for output in outputs]
    assert statuses == ["miss", "hit", "miss", "miss", "hit", "miss", "miss", "miss"]
    assert [output.response for output in outputs[-2:]] == ["a?1", "a?2"]


async def test_a_class_whose_loop_is_written_anew_finds_no_old_answers(services):
    def repeated(inner: type[Workflow], until: Any) -> type[Workflow]:
        return type("Loop", (Workflow,), {"answer": repeat(inner, carry="query", until=until, limit=2)})

    plain, loud = written("return query"), written("return query.upper()")
    classes = (
        repeated(plain, lambda text: True),
        repeated(plain, lambda text: True),
        repeated(loud, lambda text: True),
        repeated(loud, lambda text: False),
    )
    statuses = [(await each(services).execute_typed(question("a?"))).cache_status for each in classes]
    assert statuses == ["miss", "hit", "miss", "miss"]


class Letters(Workflow):
    sent: ClassVar[list[str]] = []

    @node
    async def names(self, query: str) -> list[str]:
        return query.split()

    @fan_out("name", over="names", effects=True)
    async def letters(self, name: str) -> str:
        self.sent.append(name)
        return name

    @node
    async def answer(self, letters: tuple[Outcome[str], ...]) -> str:
        return f"{len(letters)} letters"


async def test_a_workflow_whose_fan_out_has_effects_is_never_answered_from_the_cache(services):
    answers = [await Letters(services).execute_typed(question("ann bob")) for _ in range(2)]
    assert [answer.cache_status for answer in answers] == ["bypass", "bypass"]
    assert Letters.sent == ["ann", "bob", "ann", "bob"]
