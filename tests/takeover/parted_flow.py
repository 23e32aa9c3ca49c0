"""A workflow whose calls are made by the items of a fan-out and the rounds of a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from vital_shared import Outcome, Workflow, fan_out, node, repeat
from vital_shared.models.workflow_io import WorkflowInput

__all__ = ["PROMPTS", "Parted"]

NAMES: Final = ("ann", "bob", "cyd", "dan")

ROUNDS: Final = 3

PAUSE_SECONDS: Final = 0.06
"""Longer than what has finished waits to be stored."""

PROMPTS: Final = {f"letters[{index}]": f"Write to {name}." for index, name in enumerate(NAMES)} | {
    f"rounds[{number}]": f"Round {number}." for number in range(1, ROUNDS + 1)
}
"""The prompt of each part's call, by the part's name."""


class RoundInput(WorkflowInput):
    """The input of a round."""

    tally: str


class PaidRound(Workflow[RoundInput]):
    """One round of a loop: a call, and a count of the rounds."""

    @node
    async def answer(self, tally: str) -> str:
        await self.llm(PROMPTS[f"rounds[{len(tally) + 1}]"])
        await asyncio.sleep(PAUSE_SECONDS)
        return f"{tally}I"


class Parted(Workflow):
    """Four letters, two at a time, beside three rounds; and an answer that streams: eight calls."""

    durable = "nodes"

    @node
    async def names(self, query: str) -> tuple[str, ...]:
        return NAMES if query else ()

    @fan_out("name", over="names", limit=2)
    async def letters(self, name: str) -> str:
        text = await self.llm(PROMPTS[f"letters[{NAMES.index(name)}]"])
        await asyncio.sleep(PAUSE_SECONDS)
        return text

    @node
    async def tally(self) -> str:
        return ""

    rounds = repeat(PaidRound, carry="tally", until=lambda tally: len(tally) >= ROUNDS, limit=ROUNDS)

    @node
    async def answer(self, letters: Sequence[Outcome[str]], rounds: str) -> str:
        texts = " ".join(each.value or "" for each in letters)
        return await self.llm(f"Finish {texts} {rounds}", stream=True)
