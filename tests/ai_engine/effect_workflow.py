"""A workflow whose node with effects writes down that it runs, and waits for a file before it goes on."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from vital_shared import Workflow, node

FOLDER = Path(os.environ.get("EFFECT_FOLDER", "."))


class Mailing(Workflow):
    durable = "nodes"

    @node(effects=True)
    async def receipt(self, query: str) -> int:
        with (FOLDER / "sent.txt").open("a", encoding="utf-8") as file:
            file.write(f"{query}\n")
        while not (FOLDER / "go").exists():  # noqa: ASYNC110 - another process makes the file
            await asyncio.sleep(0.02)
        return len((FOLDER / "sent.txt").read_text(encoding="utf-8").splitlines())

    @node
    async def answer(self, receipt: int) -> str:
        return f"Receipt {receipt}"
