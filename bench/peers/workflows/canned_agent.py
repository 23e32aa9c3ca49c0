"""A canned model of pydantic-ai, so that the workflows run without a key."""

from __future__ import annotations

from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


def canned_agent_model(*texts: str, fields: dict[str, Any] | None = None) -> FunctionModel:
    """Make a model that writes these texts, and these fields where a class is wanted."""
    left = list(texts)

    def reply(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if info.output_tools:
            return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, fields or {})])
        return ModelResponse(parts=[TextPart(left.pop(0) if len(left) > 1 else left[0])])

    return FunctionModel(reply)
