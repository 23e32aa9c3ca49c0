"""Messages: what a conversation is made of."""

from __future__ import annotations

from typing import Literal

from vital_shared.models.base import Frozen
from vital_shared.models.lone_surrogate import Whole

__all__ = ["LlmMessage", "Message"]


class Message(Frozen):
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    content: Whole[str]


class LlmMessage(Frozen):
    """A message of a conversation that a workflow's own node writes for a model."""

    role: Literal["system", "user", "assistant"]
    content: Whole[str]
