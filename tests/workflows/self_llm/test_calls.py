"""A node asks a model itself: its prompt, its charges, its failures."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.llm.wires.servers import openai
from tests.workflows.self_llm.harness import TOKEN_NANOS, asked, calls, says

from vital_shared import BaseWorkflow, node
from vital_shared.errors import (
    ConfigurationError,
    InvalidRequest,
    RunFailed,
)
from vital_shared.graph import Pause
from vital_shared.llm.base import ModelRequest
from vital_shared.models.answer import Answer
from vital_shared.models.message import LlmMessage
from vital_shared.monitoring.counted import counted


class Only(BaseWorkflow):
    """The answer is the text of a call of its own."""

    prompt: object = "Say it."

    @node
    async def answer(self, query: str) -> Answer:
        return Answer(text=await self.llm(self.prompt))


async def test_a_node_asks_a_model_and_its_call_is_in_the_output_the_ledger_and_the_metrics(engine):
    async with engine(says("It |is so.")) as found:
        with counted() as growth:
            output = await Only(found.services).execute_typed(asked())
        (row,) = [row for row in await found.rows() if row["cost_type"] == "llm"]
    (call,) = output.model_calls
    assert output.response == "It is so."
    assert (call.node, call.model, call.purpose, call.prompt) == ("answer", "mine:m", "own", "own")
    assert output.cost.llm == Decimal("0.00015") == call.cost_dollars
    assert (output.tokens.input, output.tokens.output) == (10, 5)
    assert (row["name"], row["node"], row["cost_nanos"]) == ("mine:m", "answer", 15 * TOKEN_NANOS)
    assert growth("vital_llm_calls_total", model="mine:m", status="success") == 1
    assert growth("vital_cost_dollars_total", cost_type="llm") == pytest.approx(0.00015)
    assert growth("vital_node_cost_dollars_total", node="answer", cost_type="llm") == pytest.approx(0.00015)


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("Say it.", [("user", "Say it.")]),
        (
            [
                {"role": "system", "content": "Be brief."},
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": " Hello [1]\n"},
                {"role": "assistant", "content": "Hello."},
                LlmMessage(role="system", content="Now in French."),
                {"role": "user", "content": "Again <source>"},
            ],
            [
                ("system", "Be brief."),
                ("system", "Be kind."),
                ("user", " Hello [1]\n"),
                ("assistant", "Hello."),
                ("system", "Now in French."),
                ("user", "Again <source>"),
            ],
        ),
    ],
)
async def test_the_prompt_is_sent_as_it_is_and_nothing_else(engine, prompt, sent):
    async with engine(says("Yes.")) as found:
        workflow = Only(found.services)
        workflow.prompt = prompt
        await workflow.execute_typed(asked())
        (body,) = found.bodies
    assert [(message["role"], message["content"]) for message in body["messages"]] == sent
    assert not body.keys() & {"tools", "response_format", "temperature"}


class Pausing(BaseWorkflow):
    answer = None
    quality = None

    @node
    async def draft(self, query: str) -> str:
        return await self.llm(query)

    @node(pauses=True)
    async def verdict(self, draft: str) -> str:
        raise Pause(draft)

    @node
    async def final(self, draft: str, verdict: str) -> str:
        return f"{verdict}: " + await self.llm(draft)


async def test_a_resumed_run_does_not_ask_again_and_has_all_calls_in_its_output(engine):
    async with engine(says("Draft."), says("Final.")) as found:
        workflow = Pausing(found.services)
        paused = await workflow.execute_typed(asked())
        output = await workflow.resume(paused.run_id, answers={"verdict": "good"})
        rows = [row for row in await found.rows() if row["cost_type"] == "llm"]
    assert output.values["final"] == "good: Final."
    assert [call.node for call in paused.model_calls] == ["draft"]
    assert [call.node for call in output.model_calls] == ["draft", "final"]
    assert output.cost.llm == Decimal("0.0003")
    assert sum(row["cost_nanos"] for row in rows) == 30 * TOKEN_NANOS


# Failures


async def test_the_fallbacks_of_the_agent_answer_and_the_run_says_so(engine):
    def reply(request):
        return openai.error(500) if request.body["model"] == "m" else says("Yes.")

    async with engine(reply) as found:
        agents = found.services.agents
        agent = await agents.get("generalist", tenant_id="acme")
        await agents.save(agent.model_copy(update={"id": "two", "fallbacks": ("mine:n",)}), tenant_id=None)
        output = await Only(found.services).execute_typed(asked(agent_id="two"))
    assert output.response == "Yes."
    assert [(call.model, call.status) for call in output.model_calls] == [
        ("mine:m", "failed"),
        ("mine:n", "success"),
    ]
    assert "llm_fallback" in output.degradation_reasons


async def test_a_model_that_keeps_failing_is_left_alone(engine):
    async with engine(openai.error(500)) as found:
        for _ in range(8):
            with pytest.raises(RunFailed):
                await Only(found.services).execute_typed(asked())
        assert len(found.bodies) < 8


async def test_half_an_answer_is_no_answer(engine):
    broken = openai.stream([openai.chunk({"content": "It is"}), ConnectionError])
    async with engine(broken) as found:
        with pytest.raises(RunFailed) as failed:
            await Only(found.services).execute_typed(asked())
    assert failed.value.error_type == "model"


async def test_a_call_past_the_run_is_refused_with_a_sentence_that_names_the_way(engine):
    class Past(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            model = self.services.models.get("mine:m")
            request = ModelRequest(question=query)
            return Answer(text="".join([str(event) async for event in model.stream(request)]))

    async with engine(says("Yes.")) as found:
        with pytest.raises(RunFailed, match=r"self\.llm\(prompt"):
            await Past(found.services).execute_typed(asked())
        assert found.bodies == []


async def test_a_call_outside_of_runs_says_where_it_belongs(engine):
    async with engine(says("Yes.")) as found:
        with pytest.raises(ConfigurationError, match="for the nodes of a run"):
            await Only(found.services).llm("Say it.")


async def test_where_no_model_is_chosen_the_run_says_how(engine):
    async with engine(says("Yes."), model="") as found:
        with pytest.raises(RunFailed, match="set VITAL_MODEL"):
            await Only(found.services).execute_typed(asked())


@pytest.mark.parametrize(
    "prompt", ["", " \n", [], [{"role": "robot", "content": "Hi"}], [7], [("user", "Hi")]]
)
async def test_what_is_no_prompt_is_refused_with_one_sentence(engine, prompt):
    async with engine(says("Yes.")) as found:
        workflow = Only(found.services)
        workflow.prompt = prompt
        with pytest.raises(RunFailed, match=r"The prompt of self\.llm") as failed:
            await workflow.execute_typed(asked())
    assert isinstance(failed.value.__cause__, InvalidRequest)


async def test_a_prompt_that_holds_no_messages_is_refused_by_its_type(engine):
    async with engine(says("Yes.")) as found:
        workflow = Only(found.services)
        workflow.prompt = 42
        with pytest.raises(RunFailed, match=r"content, and this is of the type int\."):
            await workflow.execute_typed(asked())


async def test_the_guides_workflow_runs_as_it_is_written(engine):
    guide = (Path(__file__).parents[3] / "docs" / "guide.md").read_text(encoding="utf-8")
    (code,) = (
        each for each in re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL) if "self.llm" in each
    )
    names: dict[str, Any] = {"__name__": __name__}
    exec(code, names)
    replies = (
        says('{"party": "Ann & Co", "years": 3}'),
        calls("calculator", expression="3 * 365"),
        says("They are |1095 days."),
    )
    async with engine(*replies) as found:
        output = await names["Extract"](found.services).execute_typed(asked())
    assert output.response == "They are 1095 days."
    assert output.values["contract"] == {"party": "Ann & Co", "years": 3}
    assert [call.node for call in output.model_calls] == ["contract", "answer", "answer"]


async def test_an_equal_request_is_answered_from_the_cache_without_a_call(engine):
    async with engine(says("It is so."), cache_entries=100) as found:
        outputs = [await Only(found.services).execute_typed(asked()) for _ in range(2)]
    assert [output.cache_status for output in outputs] == ["miss", "hit"]
    assert len(found.bodies) == 1


async def test_a_slow_model_is_hedged_by_the_next(engine):
    never = asyncio.Event()

    def reply(request):
        quick = says("Yes.")
        return quick if request.body["model"] == "n" else type(quick)([never], headers=quick.headers)

    async with engine(reply) as found:
        agents = found.services.agents
        agent = await agents.get("generalist", tenant_id="acme")
        hedged = {"id": "hedged", "fallbacks": ("mine:n",), "hedge_after_seconds": 0.05}
        await agents.save(agent.model_copy(update=hedged), tenant_id=None)
        output = await Only(found.services).execute_typed(asked(agent_id="hedged"))
    assert output.response == "Yes."
    assert {(call.model, call.status) for call in output.model_calls} == {
        ("mine:m", "cancelled"),
        ("mine:n", "success"),
    }
