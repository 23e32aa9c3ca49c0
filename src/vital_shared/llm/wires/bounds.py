"""Bounds of the data that a provider may send for one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

__all__ = ["AnswerBounds", "AnswerTooLarge"]

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
MAX_ANSWER_EVENTS: Final = 200_000

BYTES_PER_TOKEN: Final = 1024
"""An event with one token and a usage object of its own takes about half of it."""

EVENTS_PER_TOKEN: Final = 4
FREE_BYTES: Final = 1024 * 1024
"""Bytes beyond those of the tokens: a server may repeat the request, or send pings."""

FREE_EVENTS: Final = 10_000


class AnswerTooLarge(Exception):
    """A provider sent more than belongs to one answer.

    :param bound: the bound, in words.
    """

    def __init__(self, bound: str) -> None:
        super().__init__(bound)
        self.bound = bound


@dataclass(frozen=True, slots=True)
class AnswerBounds:
    """The most that one answer may take."""

    max_bytes: int = MAX_ANSWER_BYTES
    max_events: int = MAX_ANSWER_EVENTS

    @classmethod
    def of(cls, max_output_tokens: int | None) -> Self:
        """Return a multiple of what was asked for, and never more than the caps."""
        if max_output_tokens is None:
            return cls()
        return cls(
            max_bytes=min(MAX_ANSWER_BYTES, FREE_BYTES + BYTES_PER_TOKEN * max_output_tokens),
            max_events=min(MAX_ANSWER_EVENTS, FREE_EVENTS + EVENTS_PER_TOKEN * max_output_tokens),
        )

    def check(self, size: int, events: int) -> None:
        """Compare what has come with the bounds.

        :raises AnswerTooLarge: when it is more.
        """
        if size > self.max_bytes:
            raise AnswerTooLarge(f"{self.max_bytes / 1_000_000:.1f} MB")
        if events > self.max_events:
            raise AnswerTooLarge(f"{self.max_events:,} events")
