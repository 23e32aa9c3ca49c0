"""The words of one model call, noted where they leave and where they come in."""

from __future__ import annotations

from collections.abc import Callable

from vital_shared.guardrails.masking import Mask

__all__ = ["CallContent"]


class CallContent:
    """The content of a call, as far as it has got.

    The prompt is noted behind the guardrails, by the part that hands it to the provider: what they mask or
    refuse never gets here.
    """

    __slots__ = ("choices", "judged_answer", "mask", "prompt")

    def __init__(self) -> None:
        self.prompt: object = None
        """A `Chat`, a `ModelRequest`, or the body of a relayed request, as it was sent; None: none was."""
        self.mask: Mask | None = None
        """The mask of what was sent; the answer has the originals again, and is stored without them."""
        self.choices: Callable[[], str] | None = None
        """Return the texts of several choices, each apart; None: the answer has one."""
        self.judged_answer: Callable[[], str] | None = None
        """Return the text that guardrails have allowed; None: the call's events have no other text."""
