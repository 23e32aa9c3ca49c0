"""The pieces of a node's call reach the reader as they come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.workflows.self_llm.harness import asked, says

from vital_shared import BaseWorkflow, node
from vital_shared.graph import fan_out
from vital_shared.models.answer import Answer
from vital_shared.models.event import NodeYielded, Token
from vital_shared.workflows.workflow import Workflow


async def test_the_pieces_of_the_answering_nodes_call_reach_the_reader_as_they_come(engine):
    gate = asyncio.Event()

    class Streaming(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            return Answer(text=await self.llm(query, stream=True))

    reply = says("It |is |so.")
    first, *rest = reply.parts
    async with engine(type(reply)([first, gate, *rest], headers=reply.headers)) as found:
        pieces = []
        async for event in Streaming(found.services).execute_stream(asked()):
            if isinstance(event, Token):
                pieces.append(event.text)
                gate.set()
    assert pieces[0] == "It "
    assert "".join(pieces) == "It is so."


@pytest.mark.parametrize("streams", [True, False])
async def test_the_pieces_of_another_nodes_call_reach_the_reader_with_the_nodes_name(engine, streams):
    class Drafting(Workflow):
        @node
        async def drafts(self, query: str) -> tuple[str, ...]:
            return ("a",)

        @fan_out("part", over="drafts")
        async def draft(self, part: str) -> str:
            return await self.llm(part, stream=streams)

        @node
        async def answer(self, draft: tuple[Any, ...]) -> str:
            return "done"

    async with engine(says("It |is |so.")) as found:
        events = [event async for event in Drafting(found.services).execute_stream(asked())]
    pieces = [event for event in events if isinstance(event, NodeYielded)]
    assert "".join(event.value for event in pieces) == ("It is so." if streams else "")
    assert {(event.node, event.item) for event in pieces} <= {("draft", 0)}
    assert [event.text for event in events if isinstance(event, Token)] == ["done"]
