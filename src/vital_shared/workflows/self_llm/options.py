"""The options of a call of `self.llm`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from vital_shared.errors import InvalidRequest
from vital_shared.tools.base import Tool

__all__ = ["MAX_TEMPERATURE", "LlmOptions"]

MAX_TEMPERATURE: Final = 2.0
"""The highest temperature that any provider takes."""


class LlmOptions(NamedTuple):
    """The options of one call."""

    model: str | None = None
    tools: Sequence[Tool] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    stream: bool = False

    def check(self) -> None:
        """See that each is what a model can be asked for: what is sent is not looked at again.

        :raises InvalidRequest: when one is not, naming it.
        """
        if self.model is not None and not (isinstance(self.model, str) and self.model):
            raise _wrong("model", self.model, 'a name, as in "provider:model"')
        if not isinstance(self.tools, Sequence) or isinstance(self.tools, str):
            raise _wrong("tools", self.tools, "a list, as in tools=[calculator],")
        for tool in self.tools:
            if isinstance(tool, str):
                raise InvalidRequest(f'self.llm takes the tools themselves, and "{tool}" is a name.')
            if not isinstance(tool, Tool):
                name = getattr(tool, "__name__", type(tool).__name__)
                raise InvalidRequest(f'self.llm takes tools, and "{name}" is not one: put @tool() above it.')
        if not (self.temperature is None or _is_temperature(self.temperature)):
            raise _wrong("temperature", self.temperature, f"a number from 0 to {MAX_TEMPERATURE:g}")
        if self.max_tokens is not None and not (type(self.max_tokens) is int and self.max_tokens > 0):
            raise _wrong("max_tokens", self.max_tokens, "a whole number from 1 on")


def _is_temperature(value: object) -> bool:
    """Return whether a model may be asked with a temperature; NaN is between no two numbers."""
    return isinstance(value, int | float) and type(value) is not bool and 0 <= value <= MAX_TEMPERATURE


def _wrong(name: str, value: object, taken: str) -> InvalidRequest:
    shown = repr(value) if isinstance(value, str | int | float | None) else type(value).__name__
    return InvalidRequest(f"self.llm takes {taken} as {name}, and not {shown[:100]}.")
