"""A workflow whose nodes write down when they run, and wait for a file before they go on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from vital_shared import Done, Workflow, node

FOLDER = Path(os.environ.get("TAKEOVER_FOLDER", "."))


def note(line: str) -> None:
    with (FOLDER / "ran.txt").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


async def until(name: str) -> None:
    while not (FOLDER / name).exists():  # noqa: ASYNC110 - another process makes the file
        await asyncio.sleep(0.02)


class Steps(Workflow):
    """Take three steps, the second of which waits for a file named after the question."""

    durable = "nodes"

    @node
    async def first(self, query: str) -> str:
        note(f"first {query}")
        await asyncio.sleep(0.05)
        return f"first of {query}"

    @node
    async def quick(self, first: str) -> str:
        note("quick")
        return first.upper()

    @node
    async def second(self, quick: str, query: str) -> str:
        note(f"second {query}")
        (FOLDER / "worker.pid").write_text(str(os.getpid()), encoding="utf-8")
        await until(query)
        return f"second of {quick}"

    @node
    async def answer(self, second: str, first: str) -> AsyncIterator[str | Done[str]]:
        note("answer")
        yield f"{first}; "
        yield second
        yield Done(f"{first}; {second}")
