"""Workflows whose runs die and go on elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from tests.takeover.acting_flow import Acting
from tests.takeover.bought_flow import Bought
from tests.takeover.parted_flow import Parted

from vital_shared import BaseWorkflow, Outcome, Pause, Workflow, fan_out, node

__all__ = ["FLOWS"]

BLOCKED_SECONDS: Final = 7.0
"""Longer than a lease."""


class Answered(BaseWorkflow):
    """The built-in one: a call."""

    durable = "nodes"


class Composed(Workflow):
    """An outline, two parts at the same time, and an answer that streams: four calls."""

    durable = "nodes"

    @node
    async def outline(self, query: str) -> tuple[str, ...]:
        text = await self.llm(f"Outline {query}")
        return tuple(f"part {part} of {text}" for part in range(2))

    @fan_out("part", over="outline")
    async def parts(self, part: str) -> str:
        return await self.llm(f"Write {part}")

    @node
    async def answer(self, parts: Sequence[Outcome[str]], query: str) -> str:
        return await self.llm(f"Put {len(parts)} parts together for {query}", stream=True)


class Decided(Workflow):
    """A draft, a verdict, and an answer: two calls with a pause between them."""

    durable = "nodes"

    @node
    async def draft(self, query: str) -> str:
        return await self.llm(f"Draft {query}")

    @node(pauses=True)
    async def verdict(self, draft: str) -> bool:
        raise Pause(draft)

    @node
    async def answer(self, verdict: bool, draft: str) -> str:
        return await self.llm(f"Finish {draft}: {verdict}", stream=True)


class Busy(Workflow):
    """A node that blocks the event loop for longer than a lease lasts, and a call."""

    durable = "nodes"

    @node
    async def burned(self) -> int:
        turns, until = 0, time.monotonic() + BLOCKED_SECONDS
        while time.monotonic() < until:
            turns += 1
        return turns

    @node
    async def answer(self, burned: int) -> str:
        return await self.llm(f"Praise {burned} turns", stream=True)


FLOWS = {
    "answered": Answered,
    "composed": Composed,
    "decided": Decided,
    "busy": Busy,
    "bought": Bought,
    "acting": Acting,
    "parted": Parted,
}
