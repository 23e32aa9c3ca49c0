"""Models that call tools: what is suggested, made, refused and bounded, in all modes."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from tests.workflows.conftest import Open

from vital_shared import BaseWorkflow, tool
from vital_shared.billing.rates import Rates
from vital_shared.llm.base import ModelToolCall, ModelTurn, ModelUnavailable, Stop, TextDelta
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.models.agent import AgentProfile
from vital_shared.models.event import EventAdapter
from vital_shared.models.model_call import Tokens
from vital_shared.testing import ScriptedModel, asks_for, question, says
from vital_shared.workflows import answering

NO_TOOLS = says("")[1:]
"""A suggestion that no tool would help."""


@tool(requires_approval=True)
async def weigh(thing: str) -> str:
    """Weigh a thing."""
    return f"{thing}: 12 kg"


@tool(requires_approval=False)
async def measure(thing: str) -> str:
    """Measure a thing."""
    return f"{thing}: 3 m"


@tool(cost_dollars=Decimal("0.40"), requires_approval=False)
async def dear(thing: str) -> str:
    """Look a thing up for money."""
    return f"{thing}: gold"


async def run(open_services: Open, *scripts, mode="2", **fields):
    model = ScriptedModel(*scripts)
    services = await open_services(models=[model], sources=[], tools=[weigh, measure, dear])
    workflow = BaseWorkflow(services)
    asked = question("How heavy is it?", model="scripted", enable_rag=False, mode=mode, **fields)
    return model, workflow, await workflow.execute_typed(asked)


async def test_in_automatic_modes_the_suggested_calls_are_made_and_shown_to_the_model(open_services: Open):
    model, _, output = await run(open_services, asks_for("weigh", thing="it"), says("12 kg."))
    assert output.response == "12 kg."
    assert [(r.name, r.status) for r in output.tool_results] == [("weigh", "success")]
    assert model.requests[1].tool_results[0].content == "it: 12 kg"
    assert [(call.purpose, call.status) for call in output.model_calls] == [
        ("tools", "success"),
        ("answer", "success"),
    ]


async def test_a_model_may_call_more_while_it_answers_with_its_rounds_in_the_waterfall(open_services: Open):
    model, _, output = await run(
        open_services,
        NO_TOOLS,
        asks_for("dear", thing="it"),
        asks_for("measure", thing="it"),
        says("Gold, 3 m."),
    )
    assert output.response == "Gold, 3 m."
    assert [r.name for r in output.tool_results] == ["dear", "measure"]
    steps = [timing.node for timing in output.timings.nodes if timing.node.startswith("answer.")]
    assert steps == [f"answer.{step}" for step in ("model_1", "tools_1", "model_2", "tools_2", "model_3")]
    exchange = model.requests[2].exchanges[0]
    assert exchange.turn.calls[0].id == exchange.results[0].id
    assert len(model.requests[3].exchanges) == 2


async def test_the_loops_calls_are_reported_as_events(open_services: Open):
    services = await open_services(
        models=[ScriptedModel(NO_TOOLS, asks_for("measure", thing="it"), says("3 m."))],
        sources=[],
        tools=[measure],
    )
    asked = question("How long?", model="scripted", enable_rag=False)
    events = [event async for event in BaseWorkflow(services).execute_stream(asked)]
    kinds = [event.type for event in events]
    assert kinds.index("tool_started") < kinds.index("tool_finished") < kinds.index("token")
    assert [EventAdapter.validate_json(event.model_dump_json()) for event in events] == events
    assert "answer.tools_1" in [getattr(event, "node", None) for event in events]


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"thing": value}
    return value


ODD_ARGUMENTS: dict[str, dict[str, Any]] = {
    "nested": nested(1_000),
    "a huge number": {"thing": 10**400},
    "not a number": {"thing": float("nan")},
    "half of a surrogate pair": {"thing": "\ud800"},
    "NUL": {"thing": "\0"},
    "a megabyte": {"thing": "x" * 10**6},
    "long": {"thing": "x" * 30_000},
    "of another type": {"thing": 1},
    "none": {},
}


@pytest.mark.parametrize("arguments", ODD_ARGUMENTS.values(), ids=ODD_ARGUMENTS)
async def test_a_call_with_odd_arguments_has_failed_and_the_loop_goes_on(open_services: Open, arguments):
    odd = asks_for("measure", **arguments)
    model, workflow, output = await run(
        open_services, odd, odd, asks_for("measure", thing="it"), says("3 m.")
    )
    assert output.response == "3 m."
    assert sorted((r.name, r.status) for r in output.tool_results) == [
        ("measure", "failed"),
        ("measure", "success"),
    ]
    assert "tools_failed" in output.degradation_reasons
    assert model.requests[-1].exchanges[0].results[0].status == "failed"
    record = await workflow.services.runs.get(output.run_id, tenant_id="acme", now=workflow.services.now())
    assert record.status == "completed"


async def test_the_same_call_is_made_once(open_services: Open):
    again = asks_for("measure", thing="it")
    model, _, output = await run(open_services, again, again, again, says("3 m."))
    assert [r.name for r in output.tool_results] == ["measure"]
    assert model.requests[-1].exchanges[1].results[0].content == "it: 3 m"


async def test_calls_of_one_turn_are_made_at_the_same_time(open_services: Open):
    both = asyncio.Barrier(2)

    @tool(requires_approval=False)
    async def meet(name: str) -> str:
        """Wait for the other one."""
        async with asyncio.timeout(5):
            await both.wait()
        return f"{name} met"

    calls = tuple(ModelToolCall(id=name, name="meet", arguments={"name": name}) for name in ("a", "b"))
    turn = [*calls, ModelTurn(calls=calls), Stop(reason="tool_calls")]
    services = await open_services(
        models=[ScriptedModel(NO_TOOLS, turn, says("Met."))], sources=[], tools=[meet]
    )
    output = await BaseWorkflow(services).execute_typed(question("?", model="scripted", enable_rag=False))
    assert [r.content for r in output.tool_results] == ["a met", "b met"]


async def test_what_was_said_before_a_call_is_a_paragraph_of_its_own(open_services: Open):
    looking = [TextDelta(text="Let me look."), *asks_for("measure", thing="it")]
    _, _, output = await run(open_services, NO_TOOLS, looking, says("3 m."))
    assert output.response == "Let me look.\n\n3 m."


async def test_a_model_that_never_stops_calling_has_to_answer(open_services: Open):
    asks = [asks_for("measure", thing=f"thing {number}") for number in range(answering.MAX_TOOL_ROUNDS)]
    model, _, output = await run(open_services, NO_TOOLS, *asks, says("Enough."))
    assert output.response == "Enough."
    assert not model.requests[-1].may_call
    assert len(output.tool_results) == answering.MAX_TOOL_ROUNDS
    assert output.tool_results[-1].status == "denied"
    assert any("asked for tools 5 times" in warning.message for warning in output.warnings)


async def test_the_loop_ends_when_its_time_is_over(open_services: Open, monkeypatch):
    monkeypatch.setattr(answering, "MAX_LOOP_SECONDS", -1.0)
    _, _, output = await run(open_services, NO_TOOLS, asks_for("measure", thing="it"), says("Enough."))
    assert output.response == "Enough."
    assert [warning.type for warning in output.warnings if warning.type == "tool_loop_ended"] == [
        "tool_loop_ended"
    ]


async def test_the_loop_ends_before_it_costs_more_than_the_run_may(open_services: Open):
    asks = [asks_for("dear", thing=f"thing {number}") for number in range(3)]
    _, _, output = await run(open_services, NO_TOOLS, *asks, says("Enough."), max_cost_dollars="1")
    assert [r.status for r in output.tool_results] == ["success", "success", "denied"]
    assert output.cost.tools == Decimal("0.80")


def cent_a_token(name: str, _tokens: Tokens) -> Rates:
    return Rates.of(input=Decimal(0), output=Decimal(0 if name == "extractive" else 10_000))


async def test_once_the_limit_is_spent_only_what_is_free_answers(open_services: Open):
    model = ScriptedModel(asks_for("measure", thing="it"))
    services = await open_services(models=[model], sources=[], tools=[measure])
    object.__setattr__(services, "account", CallPricing(cent_a_token, len))
    output = await BaseWorkflow(services).execute_typed(
        question("How long?", model="scripted", enable_rag=False, max_cost_dollars="0.66")
    )
    assert output.model == "extractive"  # what is left does not buy an answer any more
    assert output.cost.llm == Decimal("0.05")
    assert "it: 3 m" in output.response


async def test_in_manual_modes_suggested_calls_wait_for_approval(open_services: Open):
    _model, workflow, paused = await run(
        open_services, asks_for("weigh", thing="it"), asks_for("weigh", thing="it"), says("12 kg."), mode="1"
    )
    assert paused.status == "awaiting_approval"
    assert [(call.name, call.arguments) for call in paused.suggested_tools] == [("weigh", {"thing": "it"})]
    output = await workflow.resume(paused.run_id, [call.id for call in paused.suggested_tools])
    assert output.response == "12 kg."
    assert [r.status for r in output.tool_results] == ["success"]  # asked for again: its result stands
    assert len(output.model_calls) == 3


async def test_in_manual_modes_a_call_that_was_not_approved_ends_the_loop_with_a_warning(open_services: Open):
    model, workflow, paused = await run(
        open_services,
        asks_for("weigh", thing="it"),
        asks_for("weigh", thing="the moon"),
        says("12 kg."),
        mode="1",
    )
    output = await workflow.resume(paused.run_id, ["call-1"])
    assert output.response == "12 kg."
    assert {r.arguments["thing"]: r.status for r in output.tool_results} == {
        "it": "success",
        "the moon": "denied",
    }
    assert any("not approved" in w.message for w in output.warnings if w.type == "tool_loop_ended")
    assert not model.requests[-1].may_call


async def test_in_manual_modes_a_denied_tool_is_not_even_offered(open_services: Open):
    model, workflow, paused = await run(
        open_services, asks_for("weigh", thing="it"), says("No idea."), mode="3"
    )
    await workflow.resume(paused.run_id, [])
    offered = {tool.name for tool in model.requests[-1].tools}
    assert "measure" in offered  # needs no approval


async def test_a_tool_outside_the_agents_list_is_never_run(open_services: Open):
    ran = []

    @tool(requires_approval=False)
    async def forbidden(thing: str) -> str:
        """Do what this agent may not."""
        ran.append(thing)
        return "done"

    model = ScriptedModel(
        asks_for("forbidden", thing="x"), asks_for("forbidden", thing="x"), says("I may not.")
    )
    services = await open_services(models=[model], sources=[], tools=[forbidden, measure])
    agent = AgentProfile(
        id="narrow", name="Narrow", system_prompt="Be brief.", model="scripted", tools=("measure",)
    )
    await services.agents.save(agent, tenant_id="acme")
    output = await BaseWorkflow(services).execute_typed(question("?", agent_id="narrow", enable_rag=False))
    assert ran == []
    assert output.response == "I may not."
    assert [tool.name for tool in model.requests[0].tools] == ["measure"]
    assert any('"forbidden", which it may not use' in w.message for w in output.warnings)


async def test_arguments_that_do_not_fit_are_reported_to_the_model(open_services: Open):
    model, _, output = await run(
        open_services,
        NO_TOOLS,
        asks_for("measure", wrong="it"),
        asks_for("measure", thing="it"),
        says("3 m."),
    )
    assert [r.status for r in output.tool_results] == ["failed", "success"]
    assert "thing" in model.requests[2].exchanges[0].results[0].error


async def test_where_the_suggestion_fails_the_keywords_stand_in(open_services: Open):
    model = ScriptedModel([ModelUnavailable("Down.", model="scripted")], says("It is 42."))
    services = await open_services(models=[model], sources=[])
    output = await BaseWorkflow(services).execute_typed(
        question("What is 6 * 7?", model="scripted", enable_rag=False)
    )
    assert [r.name for r in output.tool_results] == ["calculator"]
    assert "suggestion_failed" in output.degradation_reasons
    assert [call.status for call in output.model_calls] == ["failed", "success"]


async def test_a_fallback_goes_on_where_the_first_model_failed_between_rounds(open_services: Open):
    first = ScriptedModel(
        NO_TOOLS, asks_for("measure", thing="it"), [ModelUnavailable("Down.", model="first")], name="first"
    )
    second = ScriptedModel(says("3 m."), name="second")
    services = await open_services(models=[first, second], sources=[], tools=[measure])
    agent = AgentProfile(
        id="two", name="Two", system_prompt="Be brief.", model="first", fallbacks=("second", "gone")
    )
    await services.agents.save(agent, tenant_id="acme")
    output = await BaseWorkflow(services).execute_typed(question("?", agent_id="two", enable_rag=False))
    assert (output.response, output.model) == ("3 m.", "second")
    assert "llm_fallback" in output.degradation_reasons
    assert second.requests[0].exchanges[0].results[0].content == "it: 3 m"


async def test_cancelling_a_run_ends_the_tools_of_the_loop(open_services: Open):
    began, ended = asyncio.Event(), asyncio.Event()

    @tool(requires_approval=False)
    async def hang(thing: str) -> str:
        """Never return."""
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    services = await open_services(
        models=[ScriptedModel(NO_TOOLS, asks_for("hang", thing="x"))], sources=[], tools=[hang]
    )
    asked = question("?", model="scripted", enable_rag=False)
    run = asyncio.create_task(BaseWorkflow(services).execute_typed(asked))
    await began.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert ended.is_set()
