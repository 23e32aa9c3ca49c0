"""A workflow whose parts take a given time, and do nothing else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Final

from vital_ops.compare.latencies import AGENT, HEDGING, MODEL, TOOLS, number_of, search_seconds, seconds
from vital_shared import BaseWorkflow, node
from vital_shared.llm.base import Cited, ModelEvent, ModelRequest, Stop, TextDelta, Usage
from vital_shared.models.agent import AgentProfile
from vital_shared.models.citation import Passage
from vital_shared.models.tool import ToolCall

__all__ = ["LONG", "PACED", "PRICES", "PacedModel", "PacedSource", "PacedWorkflow"]

PACED: Final = "paced"
LONG: Final = "paced-long"

FIRST_SECONDS: Final = 0.3
ANSWER_PIECES: Final = 100
PIECE_SECONDS: Final = 0.027
"""A long answer: the first piece after 300 ms, the last after 3 seconds."""

PRICES: Final = "".join(f'[models.{name}.price]\ninput = "1"\noutput = "2"\n' for name in (PACED, LONG))
"""Dollars per million tokens."""


def _fact(question: str) -> str:
    """Return an answer in the words of the question: so it is good enough to be kept."""
    return f"The review of widget {number_of(question)} takes 42 days."


class PacedSource:
    """A source that finds one passage, which answers everything.

    :param name: also of its latency.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._attempts: Counter[str] = Counter()

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:  # noqa: ARG002 - the interface
        """Find it."""
        if tenant_id.startswith(HEDGING):
            self._attempts[query] += 1
            await asyncio.sleep(search_seconds(self.name, query, self._attempts[query]))
        else:
            await asyncio.sleep(seconds(self.name, query))
        name = f"{self.name}-1"
        return (
            Passage(
                id=name,
                document_id=name,
                title="All",
                source=self.name,
                uri=name,
                text=_fact(query),
                score=1.0,
            ),
        )


class PacedModel:
    """A model that answers in one piece, or in many.

    :param is_long: whether it writes a long answer.
    """

    calls_tools = False

    def __init__(self, name: str, *, is_long: bool) -> None:
        self.name = name
        self._is_long = is_long

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer."""
        if self._is_long:
            await asyncio.sleep(FIRST_SECONDS)
            for _ in range(ANSWER_PIECES):
                yield TextDelta(text="word ")
                await asyncio.sleep(PIECE_SECONDS)
        else:
            await asyncio.sleep(seconds(MODEL, request.question))
            for found in request.passages[:1]:
                yield Cited(citation=found.cite(1, found.text))
            yield TextDelta(text=f"{_fact(request.question)} [1]")
        yield Usage(input_tokens=100, output_tokens=ANSWER_PIECES if self._is_long else 5)
        yield Stop(reason="end")


class PacedWorkflow(BaseWorkflow):
    """The workflow as it is, but for the time that its parts take."""

    @node
    async def load_agent(self, agent_id: str, tenant_id: str, query: str) -> AgentProfile:
        """Read who answers."""
        await asyncio.sleep(seconds(AGENT, query))
        return await self.services.agents.get(agent_id, tenant_id=tenant_id)

    @node
    async def tool_suggestion(self, query: str, enable_tools: bool) -> tuple[ToolCall, ...]:
        """Suggest nothing."""
        if enable_tools:
            await asyncio.sleep(seconds(TOOLS, query))
        return ()
