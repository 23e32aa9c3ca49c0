"""One call of a language model, as it is kept with the run that made it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Literal

from pydantic import ConfigDict, Field, computed_field

from vital_shared.models.base import Frozen
from vital_shared.models.price_details import PriceDetails

__all__ = ["CallPurpose", "CallStatus", "FailureKind", "ModelCall", "Tokens", "total_tokens"]

CallPurpose = Literal["answer", "tools", "own"]
"""``own``: a conversation of a workflow's own node."""

CallStatus = Literal["success", "failed", "timeout", "cancelled"]
FailureKind = Literal["timeout", "rate_limit", "overload", "server", "refused", "auth", "bad_answer", "cut"]
"""Closed, since it is a metric's label. ``bad_answer``: an answer that is none, or cannot be
read; ``cut``: only a part of it came."""


class Tokens(Frozen):
    """Input and output tokens of language models."""

    input: int = 0
    cached_input: int = 0
    """Part of `input` that was read from the provider's cache."""
    cache_write: int = 0
    """Part of `input` that was written to the provider's cache."""
    output: int = 0
    reasoning: int = 0
    """Part of `output`."""
    estimated: bool = False
    """True where some were counted by us, because the provider did not say."""
    details: PriceDetails | None = Field(default=None, exclude_if=lambda details: details is None)
    """None: all tokens are of the usual kinds, at the usual terms."""

    @computed_field  # type: ignore[prop-decorator]  # mypy does not know decorated properties
    @property
    def total(self) -> int:
        """Input and output."""
        return self.input + self.output

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            input=self.input + other.input,
            cached_input=self.cached_input + other.cached_input,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            estimated=self.estimated or other.estimated,
            details=self.details + other.details
            if self.details and other.details
            else self.details or other.details,
        )

    model_config = ConfigDict(extra="ignore")


class ModelCall(Frozen):
    """A call that was sent, whatever its outcome."""

    model: str
    """``provider:model``."""

    node: str = ""
    """The node that made it."""

    purpose: CallPurpose
    prompt: str
    """Name and version of the prompt, such as ``answer@1``."""

    status: CallStatus
    error: str | None = None
    """One sentence, where it did not succeed."""

    request_id: str | None = None
    """The provider's own id of the call."""

    tokens: Tokens = Tokens()
    cost_dollars: Decimal | None = None
    """Exact; None where the model has no known price."""

    seconds: float
    first_token_seconds: float | None = None
    """None: no text came."""


def total_tokens(calls: Sequence[ModelCall]) -> Tokens:
    """Return the tokens of all calls together."""
    return reduce(add, (call.tokens for call in calls)) if calls else Tokens()
