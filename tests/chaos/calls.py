"""The provider's own log of its calls."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

__all__ = ["Call", "CallLog"]


@dataclass
class Call:
    """One call, as the provider knows it."""

    id: int
    question: int
    prompt_characters: int
    begun_at: float
    """Seconds of `time.monotonic`."""
    prompt_tokens: int
    completion_tokens: int
    pieces: int = 0
    """Pieces of the answer that were sent."""
    is_answered: bool = False
    """Whether the whole answer and its usage were sent."""
    ended_at: float | None = None

    @property
    def usage(self) -> dict[str, int]:
        """The count that the caller is sent; the ledger keeps it as it came, with the call's id."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "call": self.id,
        }


@dataclass
class CallLog:
    """All calls, in their order."""

    calls: list[Call] = field(default_factory=list)

    def begin(self, question: int, prompt: str) -> Call:
        """Log a call; no two are counted alike."""
        number = len(self.calls) + 1
        call = Call(
            id=number,
            question=question,
            prompt_characters=len(prompt),
            begun_at=time.monotonic(),
            prompt_tokens=100 + number % 97,
            completion_tokens=20 + number % 89,
        )
        self.calls.append(call)
        return call

    def of(self, question: int) -> list[Call]:
        """Return the calls for one question."""
        return [call for call in self.calls if call.question == question]
