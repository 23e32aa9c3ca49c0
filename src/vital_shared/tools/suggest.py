"""Which tools a question asks for, told from the question alone: without a model, precision first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from vital_shared.errors import InvalidRequest
from vital_shared.logs import get_logger
from vital_shared.models.tool import ToolCall
from vital_shared.tools.base import Tool

__all__ = ["suggest"]

_log = get_logger(__name__)


def suggest(query: str, tools: Iterable[Tool]) -> tuple[ToolCall, ...]:
    """Suggest the calls whose arguments the question itself holds.

    A tool is suggested when the question has one of its keywords (where it declares any) and its
    `from_query` takes valid arguments from the question. The ids are ``call-1``, ``call-2`` … in
    the order of the tools.
    """
    found = ((tool, arguments) for tool in tools if (arguments := _arguments(tool, query)) is not None)
    return tuple(
        ToolCall(
            id=f"call-{number}",
            name=tool.name,
            arguments=arguments,
            reason=_reason(tool, arguments),
            cost_dollars=tool.cost_dollars,
            requires_approval=tool.requires_approval,
        )
        for number, (tool, arguments) in enumerate(found, start=1)
    )


def _arguments(tool: Tool, query: str) -> dict[str, Any] | None:
    """Take the tool's arguments from the question; None where it is not to be suggested."""
    if tool.keywords and not any(_mentions(query, keyword) for keyword in tool.keywords):
        return None
    try:
        arguments = tool.from_query(query)
        if arguments is not None:
            tool.validate(arguments)
    except InvalidRequest:  # the question holds something of the kind, but nothing that the tool takes
        return None
    except Exception:  # noqa: BLE001  # one broken from_query must not take the others' suggestions along
        _log.exception("tool_suggestion_failed", tool=tool.name)
        return None
    return arguments


def _mentions(query: str, keyword: str) -> bool:
    """Whether the question has the keyword as whole words, in any case."""
    return re.search(rf"(?<!\w){re.escape(keyword)}(?!\w)", query, re.IGNORECASE) is not None


def _reason(tool: Tool, arguments: dict[str, Any]) -> str:
    given = ", ".join(f"{name} “{value}”" for name, value in arguments.items())
    return f"The question gives {tool.name} what it needs" + (f": {given}." if given else ".")
