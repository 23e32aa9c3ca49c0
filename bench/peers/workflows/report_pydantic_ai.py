"""The report of ``examples/report.py`` in pydantic-ai."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from canned_agent import canned_agent_model
from pydantic import BaseModel
from pydantic_ai import Agent


class Outline(BaseModel):
    headings: tuple[str, ...]


class Report:
    def __init__(self, model: Any) -> None:
        self.outliner = Agent(model, output_type=Outline)
        self.writer = Agent(model)
        self.slots = asyncio.Semaphore(4)

    async def section(self, heading: str, query: str) -> str:
        prompt = f"Write two sentences on {heading} for a report on {query}."
        try:
            async with self.slots, asyncio.timeout(60):
                return (await self.writer.run(prompt)).output
        except Exception:  # noqa: BLE001 - whatever failed, the report does without this section
            return "This section could not be written."

    async def stream(self, query: str) -> AsyncIterator[str]:
        prompt = f"Name three headings for a report on {query}."
        headings = (await self.outliner.run(prompt)).output.headings
        sections = await asyncio.gather(*(self.section(heading, query) for heading in headings))
        for heading, section in zip(headings, sections, strict=True):
            yield f"# {heading}\n\n{section}\n\n"


async def main() -> None:
    fields = {"headings": ["Scope", "Findings", "Next steps"]}
    model = canned_agent_model("All is well. Nothing is missing.", fields=fields)
    async for piece in Report(model).stream("recalls"):
        print(piece, end="")


if __name__ == "__main__":
    asyncio.run(main())
