"""Canned models, so that the peers' workflows run without a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import BaseModel
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


class CannedChat:
    """A chat model of LangChain that writes these texts, and these fields where a class is wanted."""

    def __init__(self, *texts: str, fields: dict[str, Any] | None = None) -> None:
        self._texts = list(texts)
        self._fields = fields or {}

    async def ainvoke(self, _: Any) -> AIMessage:
        return AIMessage(self._texts.pop(0) if len(self._texts) > 1 else self._texts[0])

    def with_structured_output(self, schema: type[BaseModel]) -> Runnable[Any, Any]:
        return RunnableLambda(lambda _: schema.model_validate(self._fields))


def canned_agent_model(*texts: str, fields: dict[str, Any] | None = None) -> FunctionModel:
    """Make a model of pydantic-ai that does the same."""
    left = list(texts)

    def reply(_: Any, info: AgentInfo) -> ModelResponse:
        if info.output_tools:
            return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, fields or {})])
        return ModelResponse(parts=[TextPart(left.pop(0) if len(left) > 1 else left[0])])

    function: Callable[..., Any] = reply
    return FunctionModel(function)
