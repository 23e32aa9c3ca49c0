"""A workflow whose nodes and tools do something in the world, and write it down as they do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from tests.takeover.crash import CrashingLoop
from tests.takeover.line_file import LineFile
from tests.takeover.model import LoggedModel

from vital_shared import Outcome, Pause, Workflow, fan_out, node, repeat
from vital_shared.llm.base import ModelEvent, ModelRequest, ModelToolCall, ModelTurn, Stop, Usage
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.tools.base import tool

__all__ = ["CALLING_MODEL", "PAYEES", "ROUNDS", "Acting", "CallingModel"]

CALLING_MODEL: Final = "calling:m"

PAYEES: Final = ("ann", "bob", "cyd")

ROUNDS: Final = 3


class CallingModel(LoggedModel):
    """A model that asks for two letters at the same time, then for a third one, and then answers."""

    name = CALLING_MODEL
    calls_tools = True

    def _events(self, call: int, request: ModelRequest) -> list[ModelEvent]:
        letters = {0: ("first", "second"), 1: ("third",)}.get(len(request.exchanges), ())
        if not letters:
            return super()._events(call, request)
        calls = tuple(
            ModelToolCall(id=f"{call}-{text}", name="send", arguments={"text": text}) for text in letters
        )
        usage = Usage(input_tokens=50, output_tokens=10 + call, raw={"call": call})
        return [*calls, ModelTurn(calls=calls), usage, Stop(reason="tool_calls")]


class RoundInput(WorkflowInput):
    """The input of a round."""

    tally: str


class Round(Workflow[RoundInput]):
    """One round of a loop: it does something, and counts."""

    @node(effects=True)
    async def answer(self, tally: str) -> str:
        _act(self, f"round {len(tally)}")
        await asyncio.sleep(0)
        return f"{tally}I"


class Acting(Workflow):
    """An effect in a thread, one of a loop's rounds, one of each item, three of tools, and a pause."""

    durable = "nodes"

    @node(effects=True)
    def mailed(self, query: str) -> str:
        _act(self, "mail")
        return query

    @node
    async def written(self, query: str) -> str:
        return await self.llm(query, model=CALLING_MODEL, tools=[_letters(self)])

    @node
    async def tally(self) -> str:
        return ""

    rounds = repeat(Round, carry="tally", until=lambda tally: len(tally) >= ROUNDS, limit=ROUNDS)

    @node
    async def payees(self, query: str) -> tuple[str, ...]:
        return PAYEES if query else ()

    @fan_out("payee", over="payees", effects=True)
    async def paid(self, payee: str) -> str:
        _act(self, f"pay {payee}")
        await asyncio.sleep(0)
        return payee

    @node(pauses=True)
    async def approved(self, written: str) -> bool:
        raise Pause(written)

    @node
    async def answer(
        self, mailed: str, written: str, rounds: str, paid: Sequence[Outcome[str]], approved: bool
    ) -> str:
        return await self.llm(f"{mailed} {written} {rounds} {len(paid)} {approved}", stream=True)


def _letters(workflow: Workflow[Any, Any]) -> Any:
    @tool(requires_approval=False)
    async def send(text: str) -> str:
        """Send a letter."""
        _act(workflow, f"letter {text}")
        await asyncio.sleep(0)
        return f"{text} is sent"

    return send


def _act(workflow: Workflow[Any, Any], what: str) -> None:
    CrashingLoop.crasher.come_to("call")
    LineFile(workflow.services.settings.data_dir / "acts").add(what=what)
    CrashingLoop.crasher.come_to("call")
