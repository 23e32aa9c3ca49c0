"""A streamed text on its way through the guardrails: nothing is passed on that could still be refused."""

from __future__ import annotations

from vital_shared.guardrails.base import GuardedCall, GuardRefused
from vital_shared.guardrails.masking import Mask
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.guardrails.text_rules import MAX_MATCH_CHARACTERS

__all__ = ["AnswerStream"]


class AnswerStream:
    """One streamed text.

    :param mask: the mask of what was sent; None: nothing was masked.
    """

    def __init__(self, guardrails: Guardrails, call: GuardedCall, mask: Mask | None) -> None:
        self._guardrails = guardrails
        self._call = call
        self._mask = mask
        self._pending = ""
        self._passed = ""
        """The end of what was passed on when the text seemed to have ended, which may go on all the same."""
        self._length = 0

    async def feed(self, text: str) -> str:
        """Take a piece, and return what may be passed on by now.

        :raises GuardRefused: when it may not be passed on.
        """
        self._pending += text
        self._length += len(text)
        self._guardrails.check_length(self._call, self._length)
        held = self._guardrails.held_characters
        if held is None or (held and len(self._pending) < 2 * held):
            return ""
        if held:
            await self._judge()
        cut = len(self._pending) - held
        if self._mask is not None:
            cut = min(cut, self._mask.open_end(self._pending[:cut]))
        return self._released(cut)

    async def end(self) -> str:
        """Return the rest.

        :raises GuardRefused: when it may not be passed on.
        """
        if self._pending and self._guardrails.held_characters != 0:
            await self._judge()
            self._passed = (self._passed + self._pending)[-MAX_MATCH_CHARACTERS:]
        return self._released(len(self._pending))

    def withdraw(self) -> None:
        """Forget what has not been passed on: it was no part of the answer."""
        self._pending = ""

    async def _judge(self) -> None:
        """Judge what is pending, together with what was passed on before it.

        :raises GuardRefused: when it may not be passed on, or what was passed on would have been changed.
        """
        (judged,) = await self._guardrails.after(self._call, (self._passed + self._pending,))
        if not judged.startswith(self._passed):
            message = (
                f'A text of the {self._call.stage} "{self._call.name}" goes on in a way that is not allowed.'
            )
            raise GuardRefused(message, guard="pattern")
        self._pending = judged[len(self._passed) :]

    def _released(self, cut: int) -> str:
        text, self._pending = self._pending[:cut], self._pending[cut:]
        return text if self._mask is None else self._mask.restore(text)
