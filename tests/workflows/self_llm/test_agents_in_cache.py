"""The agent whose model a bare workflow asks is part of what its cached answer depends on."""

from __future__ import annotations

import asyncio

from tests.workflows.self_llm.harness import asked, says

from vital_shared import Workflow, node


class Plain(Workflow):
    """A question, as it is, to the agent's model."""

    @node
    async def answer(self, query: str) -> str:
        return await self.llm(query)


class Silent(Workflow):
    """A workflow that asks no model."""

    @node
    async def answer(self, query: str) -> str:
        return f"You asked: {query}"


def named(request):
    return says(f"I am {request.body['model']}.")


async def save(services, agent_id: str, model: str) -> None:
    agent = await services.agents.get("generalist", tenant_id="acme")
    await services.agents.save(agent.model_copy(update={"id": agent_id, "model": model}), tenant_id="acme")


async def said(services, agent_id: str) -> tuple[str, str]:
    output = await Plain(services).execute_typed(asked(agent_id=agent_id))
    return output.response, output.cache_status


async def test_each_agent_has_its_own_answer(engine):
    async with engine(named, cache_entries=100) as found:
        await save(found.services, "a", "mine:m")
        await save(found.services, "b", "mine:n")
        assert [await said(found.services, each) for each in "abab"] == [
            ("I am m.", "miss"),
            ("I am n.", "miss"),
            ("I am m.", "hit"),
            ("I am n.", "hit"),
        ]


async def test_agents_that_are_asked_at_once_share_no_call(engine):
    async with engine(named, cache_entries=100) as found:
        await save(found.services, "a", "mine:m")
        await save(found.services, "b", "mine:n")
        answers = await asyncio.gather(*(said(found.services, each) for each in "ab"))
    assert [text for text, _ in answers] == ["I am m.", "I am n."]


async def test_a_changed_agent_answers_anew(engine):
    async with engine(named, cache_entries=100) as found:
        await save(found.services, "a", "mine:m")
        await said(found.services, "a")
        await save(found.services, "a", "mine:n")
        assert await said(found.services, "a") == ("I am n.", "miss")


async def test_an_agent_that_is_not_there_is_no_matter_to_a_workflow_that_asks_no_model(engine):
    async with engine(named, cache_entries=100) as found:
        output = await Silent(found.services).execute_typed(asked(agent_id="nobody"))
    assert output.response == "You asked: What is it?"
