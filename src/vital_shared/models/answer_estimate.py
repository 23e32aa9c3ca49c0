"""The probability that an answer is right."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from vital_shared.models.base import Frozen

__all__ = ["CALIBRATIONS", "AnswerEstimate"]

CALIBRATIONS: Final = ("quotes-en-4", "quotes-en-5-entailment", "quotes-de-3")
"""The versions of calibrations that come with this engine; all others count together."""


class AnswerEstimate(Frozen):
    """A calibrated probability, and the calibration that it is of."""

    probability: float = Field(ge=0, le=1)
    """The probability that the answer found is right, whether it was given or held back."""

    calibration: str
    """The calibration's version."""

    is_certain: bool
    """Whether the probability is high enough for an answer without a warning."""
