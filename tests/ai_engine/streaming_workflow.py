"""A workflow that pays for a search; its answer streams some text, and goes on once a file is there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

from vital_shared import Done, Workflow, node
from vital_shared.models.citation import Passage
from vital_shared.retrieval.base import ask

FOLDER = Path(os.environ.get("TAKEOVER_FOLDER", "."))


class PaidSearches:
    """A source whose searches cost the same, and are written down."""

    name = "paid"
    cost_dollars = Decimal("0.02")

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        with (FOLDER / "searches.txt").open("a", encoding="utf-8") as file:
            file.write(f"{query}\n")
        return ()


class Streaming(Workflow):
    """Research slowly enough to be stored, then stream an answer that names its process."""

    durable = "nodes"

    @node
    async def research(self, query: str) -> AsyncIterator[str | Done[str]]:
        yield f"searched by {os.getpid()}"
        await ask(PaidSearches(), query, tenant_id="acme", limit=1)
        await asyncio.sleep(0.05)
        yield Done(query)

    @node
    async def answer(self, research: str) -> AsyncIterator[str | Done[str]]:
        text = ""
        for number in range(5):
            text += f"{os.getpid()}:{number} "
            yield f"{os.getpid()}:{number} "
            await asyncio.sleep(0.02)
        while not (FOLDER / research).exists():  # noqa: ASYNC110 - the test makes the file
            await asyncio.sleep(0.02)
        yield "the end."
        yield Done(text + "the end.")
