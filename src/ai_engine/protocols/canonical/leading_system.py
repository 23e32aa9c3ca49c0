"""Instructions before a conversation, which some protocols hold apart from it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from ai_engine.protocols.canonical.messages import CanonicalMessage, MessagePart

__all__ = ["split_leading_system"]


def split_leading_system(
    messages: Sequence[CanonicalMessage],
) -> tuple[list[MessagePart], Sequence[CanonicalMessage]]:
    """Return the parts of the first messages of the system, and the messages after them."""
    leading = list(takewhile(lambda message: message.role == "system", messages))
    return [part for message in leading for part in message.parts], messages[len(leading) :]
