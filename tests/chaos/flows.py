"""Workflows of one's own that the replicas serve: several calls, and a pause between two of them."""

from __future__ import annotations

from collections.abc import Sequence

from vital_shared import BaseWorkflow, Outcome, Pause, Workflow, fan_out, node

__all__ = ["Answered", "Approved", "Report"]


class Answered(BaseWorkflow):
    """The built-in one."""

    durable = "nodes"


class Report(Workflow):
    """An outline, three parts at the same time, and an answer that streams: five calls."""

    durable = "nodes"

    @node
    async def outline(self, query: str) -> tuple[str, ...]:
        """Ask for an outline."""
        text = await self.llm(f"Outline an answer to {query}")
        return tuple(f"part {part} of {text[:20]}" for part in range(3))

    @fan_out("part", over="outline")
    async def parts(self, part: str, query: str) -> str:
        """Ask for each part."""
        return await self.llm(f"Write {part} for {query}")

    @node
    async def answer(self, parts: Sequence[Outcome[str]], query: str) -> str:
        """Put them together."""
        texts = [part.value for part in parts if part.value is not None]
        return await self.llm(f"Put {len(texts)} parts together for {query}", stream=True)


class Approved(Workflow):
    """A draft, a person's verdict, and an answer."""

    durable = "nodes"

    @node
    async def draft(self, query: str) -> str:
        """Ask for a draft."""
        return await self.llm(f"Draft an answer to {query}")

    @node(pauses=True)
    async def verdict(self, draft: str) -> bool:
        """Wait for somebody to approve it."""
        raise Pause(draft)

    @node
    async def answer(self, verdict: bool, draft: str, query: str) -> str:
        """Ask for the final text."""
        return await self.llm(f"The verdict is {verdict}: finish {query}", stream=True)
