"""The instructions that open a chat, for providers that take them apart from the turns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from vital_shared.llm.wires.base import Chat, SystemTurn, Turn

__all__ = ["OpenedChat", "split_leading"]


class OpenedChat(NamedTuple):
    """A chat in two parts."""

    instructions: Sequence[str]
    turns: Sequence[Turn]
    """All turns behind; instructions among them stay at their place."""


def split_leading(chat: Chat) -> OpenedChat:
    """Split a chat behind its first instructions."""
    leading = [turn.text for turn in takewhile(_is_system, chat.turns) if isinstance(turn, SystemTurn)]
    instructions = [chat.system, *leading] if chat.system else leading
    return OpenedChat([text for text in instructions if text.strip()], chat.turns[len(leading) :])


def _is_system(turn: Turn) -> bool:
    return isinstance(turn, SystemTurn)
