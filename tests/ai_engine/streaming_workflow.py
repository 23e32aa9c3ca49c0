"""A workflow whose answer streams some text, and goes on once a file is there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from vital_shared import Done, Workflow, node

FOLDER = Path(os.environ.get("TAKEOVER_FOLDER", "."))


class Streaming(Workflow):
    """Research slowly enough to be stored, then stream an answer that names its process."""

    durable = "nodes"

    @node
    async def research(self, query: str) -> AsyncIterator[str | Done[str]]:
        yield f"searched by {os.getpid()}"
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
