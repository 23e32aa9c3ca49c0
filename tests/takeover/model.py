"""A model that answers differently each time, and whose provider's log outlives the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from tests.takeover.crash import Crasher
from tests.takeover.line_file import LineFile

from vital_shared.llm.base import CallStarted, ModelEvent, ModelRequest, Stop, TextDelta, Usage

__all__ = ["MODEL", "PRICES", "LoggedModel"]

MODEL: Final = "logged:m"

PRICES: Final = f"""
[models."{MODEL}"]
price = {{ input = "10", output = "10" }}

[models."calling:m"]
price = {{ input = "10", output = "10" }}
"""

PIECES: Final = 3


class LoggedModel:
    """The model; each event of a call is a point at which the process may die.

    :param log: a line as a call's request arrives, and one as its answer was sent.
    """

    name = MODEL
    calls_tools = False

    def __init__(self, log: LineFile, crasher: Crasher) -> None:
        self._log = log
        self._crasher = crasher

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer with the number of the call."""
        yield CallStarted(prompt="logged@1", input_tokens=50, max_output_tokens=100)
        self._crasher.come_to("call")  # before the request goes out
        call = 1 + sum(line["event"] == "arrived" for line in self._log.read())
        self._log.add(event="arrived", call=call, prompt="".join(each.content for each in request.messages))
        for event in self._events(call, request):
            self._crasher.come_to("call")
            await asyncio.sleep(0)
            yield event
        self._crasher.come_to("call")

    def _events(self, call: int, request: ModelRequest) -> list[ModelEvent]:
        pieces = [TextDelta(text=f"{piece} of call {call}. ") for piece in range(PIECES)]
        usage = Usage(input_tokens=50, output_tokens=10 + call, raw={"call": call})
        return [*pieces, TextDelta(text=f"End of {call}."), usage, Stop(reason="end")]
