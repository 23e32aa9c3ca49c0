"""Signatures of thoughts in the Gemini API (its guide "Thought Signatures")."""

from __future__ import annotations

from typing import Final

__all__ = ["UNSIGNED"]

UNSIGNED: Final = "skip_thought_signature_validator"
"""The signature to send with a call that another model made (section "FAQs")."""
