"""A report with nodes of its own: an outline, its sections at the same time, and a text that is streamed.

Run it: ``python examples/report.py``. With ``VITAL_MODEL`` set, that model writes; otherwise a canned one.
"""

import asyncio
import os
from collections.abc import AsyncIterator

from pydantic import BaseModel

from vital_shared import Outcome, Services, Workflow, WorkflowInput, fan_out, node
from vital_shared.models.event import NodeYielded, Token
from vital_shared.testing import ScriptedModel, says


class Outline(BaseModel):
    headings: tuple[str, ...]


class Report(Workflow):
    """A report on a subject, section by section."""

    @node
    async def outline(self, query: str) -> Outline:
        return await self.llm(f"Name three headings for a report on {query}.", output=Outline)

    @node
    async def headings(self, outline: Outline) -> tuple[str, ...]:
        return outline.headings

    @fan_out("heading", over="headings", limit=4, item_timeout=60)
    async def sections(self, heading: str, query: str) -> str:
        return await self.llm(f"Write two sentences on {heading} for a report on {query}.")

    @node
    async def answer(
        self, headings: tuple[str, ...], sections: tuple[Outcome[str], ...]
    ) -> AsyncIterator[str]:
        for heading, section in zip(headings, sections, strict=True):
            yield f"# {heading}\n\n{section.value or 'This section could not be written.'}\n\n"


def canned() -> ScriptedModel:
    outline = says('{"headings": ["Scope", "Findings", "Next steps"]}')
    return ScriptedModel(outline, *[says("All is well. Nothing is missing.")] * 3)


async def main() -> None:
    model = os.environ.get("VITAL_MODEL", "scripted")
    services = await Services.open(models=[canned()])
    try:
        asked = WorkflowInput(query="recalls", mode="2", tenant_id="acme", user_id="ann", model=model)
        async for event in Report(services).execute_stream(asked):
            if isinstance(event, Token):
                print(event.text, end="")
            elif isinstance(event, NodeYielded):
                print(f"({event.node}: {event.value})")
    finally:
        await services.aclose()


if __name__ == "__main__":
    asyncio.run(main())
