"""The page about durable runs: its examples are executed."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from vital_shared import Workflow, node
from vital_shared.testing import question, workflow_services

PAGE = (Path(__file__).parents[1] / "docs" / "durability.md").read_text(encoding="utf-8")


class Bank:
    """A bank whose first transfer never ends."""

    def __init__(self) -> None:
        self.transfers: list[int] = []
        self.begun = asyncio.Event()

    async def transfer(self, cents: int) -> str:
        self.transfers.append(cents)
        self.begun.set()
        await asyncio.Event().wait()
        return "never"


def block(language: str, containing: str) -> str:
    (found,) = (
        text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if containing in text
    )
    return str(found)


async def test_an_interrupted_effect_is_decided_as_shown(tmp_path: Path) -> None:
    bank = Bank()
    names: dict[str, Any] = {"Workflow": Workflow, "node": node, "bank": bank}
    exec(block("python", "class Refund"), names)
    refund = names["Refund"]
    async with workflow_services(tmp_path) as dead:
        handle = await refund(dead).begin(question("1200"))
        running = asyncio.create_task(handle.run())
        await bank.begun.wait()
        handle.hand_over()  # as in a shutdown; a death leaves the same
        await asyncio.wait([running])
    async with workflow_services(tmp_path) as alive:
        await alive.lease.hold()
        (orphan,) = await alive.runs.orphans.find()
        taken = await alive.runs.take_over(orphan, deadline_at=alive.now() + timedelta(minutes=5))
        assert taken is not None
        await (await refund(alive).begin_taken_over(taken)).run()
        answers = json.loads(block("json", "transfer"))["answers"]
        output = await refund(alive).resume(handle.run_id, answers=answers)
    assert output.response == "You will get your money: TX-17."
    assert bank.transfers == [1200]
