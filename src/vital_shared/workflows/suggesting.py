"""Let a model suggest tool calls."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final

from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelError, ModelRequest, ModelToolCall
from vital_shared.llm.chain import Chain
from vital_shared.models.answer import Suggestion
from vital_shared.models.tool import ToolCall
from vital_shared.tools.registry import ToolRegistry

__all__ = ["suggest_by_model"]

SUGGESTION_TIMEOUT_SECONDS: Final = 15.0
"""A suggestion that comes later is not waited for: the keywords' stands in."""

MAX_SUGGESTED_CALLS: Final = 8
"""Calls that are suggested at once."""


async def suggest_by_model(request: ModelRequest, chain: Chain, tools: ToolRegistry) -> Suggestion:
    """Ask for the tool calls that would help; never raises for what a model does wrong.

    Calls of tools that were not offered, or with arguments that do not fit, are left out.
    """
    asked: list[ModelToolCall] = []
    error: str | None = None
    try:
        async with asyncio.timeout(SUGGESTION_TIMEOUT_SECONDS), aclosing(chain.stream(request)) as events:
            asked = [event async for event in events if isinstance(event, ModelToolCall)]
    except TimeoutError:
        error = f"No tools were suggested within {SUGGESTION_TIMEOUT_SECONDS:.0f} seconds."
    except ModelError as failure:
        error = failure.message
    offered = {tool.name for tool in request.tools}
    calls: dict[str, ToolCall] = {}
    for call in asked if error is None else ():
        suggested = _checked(call, len(calls) + 1, tools) if call.name in offered else None
        if suggested is not None:
            calls.setdefault(f"{suggested.name} {suggested.arguments}", suggested)
    return Suggestion(calls=tuple(calls.values())[:MAX_SUGGESTED_CALLS], model_calls=chain.calls, error=error)


def _checked(call: ModelToolCall, number: int, tools: ToolRegistry) -> ToolCall | None:
    if call.problem is not None:
        return None
    tool = tools.get(call.name)
    try:
        tool.validate(call.arguments)
    except InvalidRequest:  # the model may ask again, with better ones, while it answers
        return None
    return ToolCall(
        id=f"call-{number}",
        name=call.name,
        arguments=call.arguments,
        reason="The model asks for it.",
        cost_dollars=tool.cost_dollars,
        requires_approval=tool.requires_approval,
    )
