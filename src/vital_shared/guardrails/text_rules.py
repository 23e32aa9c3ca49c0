"""The guardrails for the size of texts, and for texts that match a pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vital_shared.guardrails.base import GuardedCall, GuardName, GuardRefused

__all__ = ["MAX_MATCH_CHARACTERS", "DeniedPatterns", "MaxSize"]

MAX_MATCH_CHARACTERS: Final = 256
"""A match in an answer that is streamed is found up to this length: as much is held back."""


class MaxSize:
    """A guardrail against long texts.

    :param input_characters: the limit of all texts together that are sent; None: there is none.
    :param output_characters: the limit of those that return.
    """

    name: GuardName = "size"
    held_characters: int | None = 0

    def __init__(self, input_characters: int | None, output_characters: int | None) -> None:
        self._input = input_characters
        self._output = output_characters

    async def before(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:
        """Check what is sent."""
        return self._checked(call, texts, self._input, "sent to")

    async def after(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:
        """Check what returns."""
        return self._checked(call, texts, self._output, "returned by")

    def _checked(self, call: GuardedCall, texts: Sequence[str], limit: int | None, way: str) -> Sequence[str]:
        if limit is not None and sum(map(len, texts)) > limit:
            message = f'More than {limit} characters would be {way} the {call.stage} "{call.name}".'
            raise GuardRefused(message, guard=self.name)
        return texts


class DeniedPatterns:
    """A guardrail against texts that match a pattern.

    :param sent: the patterns that nothing sent may match.
    :param returned: the patterns that nothing returned may match.
    """

    name: GuardName = "pattern"

    def __init__(self, sent: Sequence[re.Pattern[str]], returned: Sequence[re.Pattern[str]]) -> None:
        self._sent = sent
        self._returned = returned
        self.held_characters: int | None = MAX_MATCH_CHARACTERS if returned else 0

    async def before(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:
        """Check what is sent."""
        return self._checked(call, texts, self._sent)

    async def after(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:
        """Check what returns."""
        return self._checked(call, texts, self._returned)

    def _checked(
        self, call: GuardedCall, texts: Sequence[str], patterns: Sequence[re.Pattern[str]]
    ) -> Sequence[str]:
        for number, pattern in enumerate(patterns, 1):
            if any(pattern.search(text) for text in texts):
                message = f'A text of the {call.stage} "{call.name}" matches the denied pattern {number}.'
                raise GuardRefused(message, guard=self.name)
        return texts
