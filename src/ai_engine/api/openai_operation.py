"""The documentation of a route that follows OpenAI's API, whose own reference says more."""

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
        success="As OpenAI's API has it.",
        answers={"application/json": {}},
        others={"default": {"description": "An error, as OpenAI's API has it."}},
        problems=None,
    )
