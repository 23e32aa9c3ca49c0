"""The tools that a question needs, found without a language model: precision first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from vital_shared.errors import InvalidRequest
from vital_shared.logs import get_logger
from vital_shared.models.text_embedder import TextEmbedder
from vital_shared.models.tool import ToolCall
from vital_shared.tools.base import Tool
from vital_shared.tools.meaning import Meanings

__all__ = ["Suggester", "suggest"]

_QUESTIONS = frozenset({"query", "question", "text", "topic"})
"""Names of an argument that takes the question as it stands."""

logger = get_logger(__name__)


class Suggester:
    """Suggestions of tools by keywords, and by meaning of those that have `Tool.examples`.

    Examples are what a tool declares to be suggested by meaning: a description says what a tool is about, and
    not that a question wants it. A search of medical literature is near to every medical question, so that it
    would be called, and the question sent out, for each that the documents answer.

    :param tools: in the order in which they are suggested.
    :param embedder: None: by keywords alone.
    """

    def __init__(self, tools: Iterable[Tool], embedder: TextEmbedder | None) -> None:
        self._tools = tuple(tools)
        able = tuple(tool for tool in self._tools if tool.examples)
        self._meanings = Meanings(able, embedder) if able and embedder is not None else None

    async def suggest(self, query: str) -> tuple[ToolCall, ...]:
        """Suggest the calls whose arguments the question itself holds.

        A tool is suggested as `suggest` does, or when the question is near one of its examples and either its
        `from_query` takes valid arguments or its one required argument is a text called ``query``,
        ``question``, ``text`` or ``topic``: then the question as it stands. Where the embeddings fail,
        keywords alone count.
        """
        near = await self._near(query)
        return _calls(
            self._tools,
            lambda tool: _near_arguments(tool, query) if tool.name in near else _arguments(tool, query),
        )

    async def _near(self, query: str) -> frozenset[str]:
        if self._meanings is None or not query.strip():
            return frozenset()
        try:
            return await self._meanings.near(query)
        except Exception:  # a model that does not load must not take the keywords' suggestions along
            logger.exception("tool_suggestion_by_meaning_failed")
            return frozenset()


def suggest(query: str, tools: Iterable[Tool]) -> tuple[ToolCall, ...]:
    """Suggest, by keywords, the calls whose arguments the question itself holds.

    A tool is suggested when the question has one of its keywords (where it declares any) and its
    `from_query` takes valid arguments from the question. The ids are ``call-1``, ``call-2`` … in
    the order of the tools.
    """
    return _calls(tools, lambda tool: _arguments(tool, query))


def _calls(tools: Iterable[Tool], take: Callable[[Tool], dict[str, Any] | None]) -> tuple[ToolCall, ...]:
    found = ((tool, arguments) for tool in tools if (arguments := take(tool)) is not None)
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
    return _valid(tool, query, tool.from_query)


def _near_arguments(tool: Tool, query: str) -> dict[str, Any] | None:
    """Take the arguments of a tool that the question is near to."""
    return _valid(tool, query, tool.from_query) or _valid(tool, query, _question_itself(tool))


def _question_itself(tool: Tool) -> Callable[[str], dict[str, Any] | None]:
    """Give a tool that needs nothing but a text the whole question."""
    schema = tool.definition.parameters
    required = schema.get("required", [])
    takes = len(required) == 1 and required[0] in _QUESTIONS
    text = takes and schema["properties"][required[0]].get("type") == "string"
    return lambda query: {required[0]: query} if text else None


def _valid(
    tool: Tool, query: str, from_query: Callable[[str], dict[str, Any] | None]
) -> dict[str, Any] | None:
    try:
        arguments = from_query(query)
        if arguments is not None:
            tool.validate(arguments)
    except InvalidRequest:  # the question holds something of the kind, but nothing that the tool takes
        return None
    except Exception:  # one broken from_query must not take the others' suggestions along
        logger.exception("tool_suggestion_failed", tool=tool.name)
        return None
    return arguments


def _mentions(query: str, keyword: str) -> bool:
    """Return whether the question has the keyword as whole words, in any case."""
    return re.search(rf"(?<!\w){re.escape(keyword)}(?!\w)", query, re.IGNORECASE) is not None


def _reason(tool: Tool, arguments: dict[str, Any]) -> str:
    given = ", ".join(f"{name} “{value}”" for name, value in arguments.items())
    return f"The question gives {tool.name} what it needs" + (f": {given}." if given else ".")
