"""The four modes, from the question to the stored answer."""

import asyncio
import itertools
import time

import pytest
from tests.workflows.conftest import FACT, Open

from vital_shared import BaseWorkflow, Services
from vital_shared.errors import AlreadyResumed, InvalidRequest, NotFound, PlanChanged, RunExpired
from vital_shared.graph import node
from vital_shared.models.event import ApprovalRequired, RunFinished, RunPaused, RunStarted, Token
from vital_shared.models.message import Message
from vital_shared.testing import CannedModel, CannedSource, question

QUERY = "How long does the review of a widget take? Please echo."


class MyWorkflow(BaseWorkflow):
    """A user's own, as it is."""


async def ask(services: Services, query: str = QUERY, **fields):
    return await MyWorkflow(services).execute_typed(question(query, **{"model": "canned"} | fields))


async def test_mode_2_runs_suggested_tools_and_answers_with_citations(services):
    output = await ask(services, mode=2)
    assert output.status == "completed"
    assert output.response == "It takes 42 days [1]."
    assert [(c.number, c.passage_id, c.quote) for c in output.citations] == [(1, "p1", FACT.text)]
    assert {r.name: (r.status, r.content) for r in output.tool_results} == {
        "echo": ("success", "hello"),
        "free_echo": ("success", "hello"),
    }
    assert (output.groundedness, output.degradation_reasons) == (1.0, ("models_missing",))
    assert output.tokens.total == 15
    assert output.model == "canned"
    assert 0 < output.timings.time_to_first_token_seconds <= output.timings.total_seconds


@pytest.mark.parametrize("mode", [1, 3])
async def test_manual_modes_pause_for_the_calls_that_need_approval(services, mode):
    paused = await ask(services, mode=mode)
    assert paused.status == "awaiting_approval"
    assert [call.name for call in paused.suggested_tools] == ["echo"]
    assert paused.response == ""
    output = await MyWorkflow(services).resume(paused.run_id, [paused.suggested_tools[0].id])
    assert (output.status, output.run_id) == ("completed", paused.run_id)
    assert sorted(r.name for r in output.tool_results if r.status == "success") == ["echo", "free_echo"]
    assert output.response == "It takes 42 days [1]."


async def test_what_is_not_approved_is_not_run_and_the_answer_says_so(services):
    paused = await ask(services, mode=1)
    output = await MyWorkflow(services).resume(paused.run_id)
    assert {r.name: r.status for r in output.tool_results} == {"free_echo": "success", "echo": "denied"}
    assert [w.type for w in output.warnings if w.type == "tool_denied"] == ["tool_denied"]


async def test_approval_of_some_of_several_calls(open_services: Open):
    from vital_shared.tools.base import tool

    def found(_query):
        return {}

    @tool(keywords=("echo",), from_query=found)
    async def one() -> str:
        """One."""
        return "1"

    @tool(keywords=("echo",), from_query=found)
    async def two() -> str:
        """Two."""
        return "2"

    services = await open_services(tools=[one, two])
    paused = await ask(services, mode=1)
    calls = {call.name: call.id for call in paused.suggested_tools}
    output = await MyWorkflow(services).resume(paused.run_id, [calls["two"]])
    assert {r.name: r.status for r in output.tool_results} == {"one": "denied", "two": "success"}


async def test_a_run_is_resumed_once_however_many_try(services):
    paused = await ask(services, mode=1)
    tries = [MyWorkflow(services).resume(paused.run_id) for _ in range(10)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(o, Exception) for o in outcomes) == 1
    assert all(isinstance(o, AlreadyResumed) for o in outcomes if isinstance(o, Exception))
    with pytest.raises(AlreadyResumed, match="completed"):
        await MyWorkflow(services).resume(paused.run_id)


async def test_a_run_goes_on_in_another_process_of_the_same_store(open_services: Open):
    first = await open_services()
    paused = await ask(first, mode=3)
    await first.aclose()
    second = await open_services()
    output = await MyWorkflow(second).resume(paused.run_id, ["call-1"], tenant_id="acme")
    assert output.response == "It takes 42 days [1]."
    assert output.session_id == paused.session_id


async def test_nothing_is_run_twice_over_a_pause(open_services: Open):
    source = CannedSource([FACT])
    services = await open_services(sources=[source])
    paused = await ask(services, mode=1)
    output = await MyWorkflow(services).resume(paused.run_id)
    assert len(source.queries) == 1
    names = [timing.node for timing in output.timings.nodes if timing.status != "paused"]
    assert sorted(names) == sorted(set(names))


async def test_unknown_run_call_or_tenant_is_reported(services):
    paused = await ask(services, mode=1)
    with pytest.raises(NotFound):
        await MyWorkflow(services).resume("run_nothing")
    with pytest.raises(NotFound):
        await MyWorkflow(services).resume(paused.run_id, tenant_id="other")
    with pytest.raises(InvalidRequest, match="call-9") as caught:
        await MyWorkflow(services).resume(paused.run_id, ["call-9"])
    assert caught.value.field == "approved"
    assert (await MyWorkflow(services).resume(paused.run_id)).status == "completed"


async def test_a_changed_workflow_cannot_go_on(services):
    paused = await ask(services, mode=1)

    class MyWorkflow(BaseWorkflow):
        """Another one."""

    with pytest.raises(PlanChanged, match="belongs to the workflow"):
        await MyWorkflow(services).resume(paused.run_id)

    class Changed(BaseWorkflow):
        @node
        async def more(self, query: str) -> str:
            return query

    Changed.__module__, Changed.__qualname__ = globals()["MyWorkflow"].__module__, "MyWorkflow"
    with pytest.raises(PlanChanged, match="has changed"):
        await Changed(services).resume(paused.run_id)


async def test_a_run_expires(open_services: Open):
    services = await open_services(approval_ttl_seconds=0.000001)
    paused = await ask(services, mode=1)
    with pytest.raises(RunExpired):
        await MyWorkflow(services).resume(paused.run_id)


async def test_requested_tools_count_as_approved(services):
    output = await ask(
        services, "How long?", mode=1, requested_tools=[{"name": "echo", "arguments": {"word": "hey"}}]
    )
    assert output.status == "completed"
    assert [(r.name, r.content) for r in output.tool_results] == [("echo", "hey")]


async def test_the_event_numbers_go_on_over_a_pause(services):
    workflow = MyWorkflow(services)
    first = [event async for event in workflow.execute_stream(question(QUERY, mode=1, model="canned"))]
    assert isinstance(first[-1], RunPaused)
    assert next(e for e in first if isinstance(e, ApprovalRequired)).tools == first[-1].output.suggested_tools
    second = [event async for event in workflow.resume_stream(first[0].run_id, ["call-1"])]
    assert isinstance(second[0], RunStarted)
    assert second[0].resumed
    assert isinstance(second[-1], RunFinished)
    assert [event.seq for event in first + second] == list(range(1, len(first + second) + 1))
    text = "".join(event.text for event in second if isinstance(event, Token))
    assert text == second[-1].output.response


async def test_waiting_for_a_person_is_not_in_the_duration(services):
    paused = await ask(services, mode=1)
    await asyncio.sleep(0.3)
    resumed_at = time.perf_counter()
    output = await MyWorkflow(services).resume(paused.run_id)
    worked_seconds = paused.timings.total_seconds + time.perf_counter() - resumed_at
    assert output.timings.total_seconds < worked_seconds
    assert max(node.end_seconds for node in output.timings.nodes) < worked_seconds


@pytest.mark.parametrize("mode", [3, 4])
async def test_a_conversation_is_carried(open_services: Open, mode):
    model, source = CannedModel("It takes 42 days [1]."), CannedSource([FACT])
    services = await open_services(models=[model], sources=[source])
    first = await ask(services, "How long does the review of a widget take?", mode=mode)
    second = await ask(services, "and for gadgets?", mode=mode, session_id=first.session_id)
    assert second.session_id == first.session_id
    assert model.requests[1].history == (
        Message(role="user", content="How long does the review of a widget take?"),
        Message(role="assistant", content="It takes 42 days [1]."),
    )
    assert source.queries[1] == "How long does the review of a widget take? and for gadgets?"


async def test_research_modes_carry_no_conversation(services):
    output = await ask(services, mode=2)
    assert output.session_id is None


@pytest.mark.parametrize("mode", [3, 4])
async def test_two_tenants_with_one_session_id_have_two_conversations(open_services: Open, mode):
    model, source = CannedModel("It takes 42 days [1]."), CannedSource([FACT])
    services = await open_services(models=[model], sources=[source])
    await ask(services, "How long does acme's widget take?", mode=mode, session_id="chat-1")
    await ask(services, "How long does a gadget take?", mode=mode, tenant_id="other", session_id="chat-1")
    assert "acme" not in str(model.requests[-1])
    for tenant, word in (("acme", "widget"), ("other", "gadget")):
        history = await services.conversations.history("chat-1", tenant_id=tenant, limit=10)
        assert [(message.role, word in message.content) for message in history] == [
            ("user", True),
            ("assistant", False),
        ]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"agent_id": "nobody"}, "agent_id"),
        ({"model": "nothing"}, "model"),
        ({"requested_tools": ["nothing"]}, "requested_tools"),
        ({"requested_tools": [{"name": "echo", "arguments": {"wrong": 1}}]}, None),
    ],
)
async def test_what_is_not_there_is_reported_before_anything_is_stored(services, fields, field):
    with pytest.raises(InvalidRequest) as caught:
        await ask(services, **fields)
    assert field is None or caught.value.field == field
    async with services.database.connect() as connection:
        from sqlalchemy import text

        assert (await connection.execute(text("SELECT count(*) FROM runs"))).scalar() == 0


async def test_a_workflow_may_restrict_its_modes(services):
    class Chat(BaseWorkflow):
        modes = frozenset(mode for mode in BaseWorkflow.modes if mode.is_chat)

    with pytest.raises(InvalidRequest, match="serves mode 3, 4") as caught:
        await Chat(services).execute_typed(question(QUERY, mode=1))
    assert caught.value.field == "mode"


async def test_sequential_gives_the_same_answer(services):
    parallel = await ask(services)
    sequential = await ask(services, execution="sequential")
    assert (sequential.response, sequential.citations) == (parallel.response, parallel.citations)
    assert sequential.execution == "sequential"
    nodes = (n for n in sequential.timings.nodes if "." not in n.node)  # the rest are steps within one
    spans = sorted((n.start_seconds, n.end_seconds) for n in nodes)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


async def test_agent_retrieval_and_suggestion_run_at_the_same_time(open_services: Open):
    gate = asyncio.Event()
    services = await open_services(sources=[CannedSource([FACT], gate=gate)])
    seen = []
    async for event in MyWorkflow(services).execute_stream(question(QUERY, model="canned")):
        seen.append((event.type, getattr(event, "node", None)))
        if ("node_finished", "tools") in seen:  # all that does not need the documents is done
            gate.set()
    assert seen.index(("node_finished", "load_agent")) < seen.index(("node_finished", "rag_retrieval"))
    assert seen.index(("node_finished", "tool_suggestion")) < seen.index(("node_finished", "rag_retrieval"))
