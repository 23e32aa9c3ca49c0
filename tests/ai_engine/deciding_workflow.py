"""A workflow that waits for a verdict between two costly nodes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from vital_shared import Done, Pause, Workflow, node

GATE = Path(os.environ.get("GATE", "go"))


class Deciding(Workflow):
    """Draft, wait for a verdict, and answer."""

    durable = "nodes"

    @node
    async def draft(self, query: str) -> str:
        await asyncio.sleep(0.03)
        return f"draft of {query}"

    @node(pauses=True)
    async def verdict(self, draft: str) -> bool:
        raise Pause(draft)

    @node
    async def answer(self, verdict: bool, draft: str) -> AsyncIterator[str | Done[str]]:
        yield draft
        yield f": {verdict}"
        yield Done(f"{draft}: {verdict}")


class Gated(Deciding):
    """The same, and its answer waits for a file."""

    @node
    async def answer(self, verdict: bool, draft: str) -> str:
        while not await asyncio.to_thread(GATE.exists):  # noqa: ASYNC110 - the test makes the file
            await asyncio.sleep(0.02)
        return f"{draft}: {verdict}"
