"""A workflow that pays for calls of every kind, and writes each down as it is made."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from pydantic import BaseModel
from tests.takeover.line_file import LineFile

from vital_shared import Outcome, Workflow, fan_out, node
from vital_shared.llm.base import ModelOutputInvalid
from vital_shared.models.citation import Passage
from vital_shared.models.tool import ToolCall
from vital_shared.retrieval.base import ask
from vital_shared.tools.base import ToolContext, tool
from vital_shared.tools.registry import ToolRegistry

__all__ = ["PRICE_DOLLARS", "Bought"]

PRICE_DOLLARS = Decimal("0.02")


class Verdict(BaseModel):
    """A type that no answer of the model fits."""

    grade: int


class PricedSource:
    """A source whose every search costs the same."""

    name = "priced"
    cost_dollars = PRICE_DOLLARS

    def __init__(self, log: LineFile) -> None:
        self._log = log

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        self._log.add(kind="rag")
        await asyncio.sleep(0)
        return ()


class Bought(Workflow):
    """A tool and a search, two answers at the same time, three attempts at a value, and an answer."""

    durable = "nodes"

    @property
    def log(self) -> LineFile:
        return LineFile(self.services.settings.data_dir / "bought")

    @node
    async def looked(self, query: str, run_id: str) -> str:
        log = self.log

        @tool(cost_dollars=PRICE_DOLLARS)
        async def look(word: str) -> str:
            """Look a word up."""
            log.add(kind="tools")
            await asyncio.sleep(0)
            return word

        call = ToolCall(
            id="1", name="look", arguments={"word": query}, reason="?", cost_dollars=PRICE_DOLLARS
        )
        result = await ToolRegistry([look]).run(call, ToolContext(tenant_id="acme", run_id=run_id))
        return result.content

    @node
    async def found(self, query: str) -> int:
        return len(await ask(PricedSource(self.log), query, tenant_id="acme", limit=3))

    @node
    async def questions(self, looked: str, found: int) -> tuple[str, ...]:
        return (looked, f"{looked} {found}")

    @fan_out("each", over="questions")
    async def answers(self, each: str) -> str:
        return await self.llm(each)

    @node
    async def judged(self, answers: tuple[Outcome[str], ...]) -> int:
        try:
            verdict: Verdict = await self.llm(f"Judge {len(answers)}", output=Verdict)
        except ModelOutputInvalid:
            return 0
        return verdict.grade

    @node
    async def answer(self, judged: int) -> str:
        return await self.llm(f"Finish {judged}", stream=True)
