"""Language models with a fault each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from vital_shared.llm.base import (
    MAX_CALL_TOKENS,
    Model,
    ModelEvent,
    ModelRejected,
    ModelRequest,
    Stop,
    TextDelta,
    Usage,
)

__all__ = ["BREAKS_OFF", "DEAR", "DEAR_DOLLARS", "GOOD", "MISCOUNTS", "MODELS", "PRICES", "SLOW"]

GOOD: Final = "drill-good"
SLOW: Final = "drill-slow"
BREAKS_OFF: Final = "drill-breaks-off"
DEAR: Final = "drill-dear"
MISCOUNTS: Final = "drill-miscounts"

DEAR_DOLLARS: Final = 10.0
"""The price of an answer of the dear one."""

SLOW_SECONDS: Final = 31.0
"""Seconds, more than either of the alerts on latency allows."""

TEXT: Final = "It is so."
FAILURE: Final = "The model was made to fail."
Fail = Callable[[], Exception]
"""A maker of the error to be raised."""

USAGE: Final = Usage(input_tokens=5, output_tokens=5)
IMPOSSIBLE_USAGE: Final = Usage(input_tokens=5, output_tokens=MAX_CALL_TOKENS)
"""Usage above the tokens of any model."""

PRICES: Final = f"""
[models.{GOOD}.price]
input = "0.1"
output = "0.1"
[models.{SLOW}.price]
input = "0.1"
output = "0.1"
[models.{DEAR}.price]
input = "1000000"
output = "1000000"
"""
"""Dollars per million tokens: an answer of the dear one costs $10."""


class DrillModel:
    """A model that answers in a few words, or fails.

    :param seconds: the duration of an answer.
    :param error: the failure after its few words.
    :param usage: its counts of tokens.
    """

    calls_tools = False

    def __init__(
        self,
        name: str,
        *,
        seconds: float = 0.0,
        error: Fail | None = None,
        usage: Usage = USAGE,
    ) -> None:
        self.name = name
        self._seconds = seconds
        self._error = error
        self._usage = usage

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:  # noqa: ARG002 - the interface
        """Answer.

        :raises Exception: when that is its fault.
        """
        await asyncio.sleep(self._seconds)
        yield TextDelta(text=TEXT)
        if self._error is not None:
            raise self._error()
        yield self._usage
        yield Stop(reason="end")


MODELS: Final[tuple[Model, ...]] = (
    DrillModel(GOOD),
    DrillModel(SLOW, seconds=SLOW_SECONDS),
    # As where a provider's filter stops it: a model that is out of order again and again is not asked.
    DrillModel(BREAKS_OFF, error=lambda: ModelRejected(FAILURE, model=BREAKS_OFF)),
    DrillModel(DEAR),
    DrillModel(MISCOUNTS, usage=IMPOSSIBLE_USAGE),
)
