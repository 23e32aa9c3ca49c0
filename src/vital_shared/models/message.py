"""Messages: what a conversation is made of."""

from __future__ import annotations

from typing import Literal

from vital_shared.models.base import Frozen
from vital_shared.models.lone_surrogate import Whole

__all__ = ["Message"]


class Message(Frozen):
    """One side's words in a conversation."""

    role: Literal["user", "assistant"]
    content: Whole[str]
