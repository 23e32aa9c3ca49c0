"""Agents: the profiles by which questions are answered."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from vital_shared.models.base import Frozen

__all__ = ["AgentId", "AgentProfile"]

AgentId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""Lower-case letters, digits, ``-`` and ``_``; 1 to 64 characters."""


class AgentProfile(Frozen):
    """An agent that answers: a name, instructions, a model, and the tools and documents that it may use."""

    id: AgentId
    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2_000)
    system_prompt: str = Field(min_length=1, max_length=20_000)
    model: str = Field(default="extractive", min_length=1, max_length=200)
    fallbacks: tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...] = Field(
        default=(), max_length=8, strict=False
    )
    """Models that answer, in this order, where `model` does not; the extractive composer is always last."""

    hedge_after_seconds: float | None = Field(default=None, gt=0, le=60, strict=False)
    """Seconds without text after which the next model of the chain starts too, and the first to write
    answers (a hedged call); None: it waits for a failure."""

    similar_questions: bool = False
    """Whether a question may get the cached answer to one that asks the same in other words."""

    tools: tuple[str, ...] | None = Field(default=None, strict=False)
    """Names of the tools that it may use; None: all."""

    sources: tuple[str, ...] | None = Field(default=None, strict=False)
    """Names of the RAG sources that it may use; None: all."""
