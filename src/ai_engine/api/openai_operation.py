"""The documentation of a route that follows OpenAI's API; its reference has the details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ai_engine.api.operation import Operation

__all__ = ["openai_operation"]


def openai_operation(
    *, summary: str, description: str, body: type[BaseModel], examples: Mapping[str, Any]
) -> Operation:
    """Document a route whose answers and errors are those of OpenAI's API."""
    return Operation(
        summary=summary,
        description=description,
        body=body,
        examples=examples,
        success="In the form of OpenAI's API.",
        answers={"application/json": {}},
        others={"default": {"description": "An error in the form of OpenAI's API."}},
        problems=None,
    )
