"""Signatures of thoughts in the Gemini API (its guide "Thought Signatures")."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

__all__ = ["UNSIGNED", "is_signed"]

UNSIGNED: Final = "skip_thought_signature_validator"
"""The signature to send with a call that another model made (section "FAQs")."""

_DUMMIES: Final = (UNSIGNED, "context_engineering_is_the_way_to_go")
"""The texts that the guide names for it; clients whose signatures are bytes send them in Base64."""

_NONE: Final = frozenset(("", *_DUMMIES, *(b64encode(each.encode()).decode() for each in _DUMMIES)))


def is_signed(signature: str) -> bool:
    """Return whether a part's signature is of a thought."""
    return signature not in _NONE
