"""One warning for each model whose provider counts tokens oddly."""

from __future__ import annotations

from typing import Final

from vital_shared.llm.base import Usage
from vital_shared.logs import get_logger

__all__ = ["warn_of_corrected_usage"]

logger = get_logger(__name__)

MAX_WARNED_MODELS: Final = 1000

_warned: Final[set[str]] = set()


def warn_of_corrected_usage(model: str, usage: Usage) -> None:
    """Log that counts of a model were ignored or clamped; once per model and process."""
    if model in _warned or len(_warned) >= MAX_WARNED_MODELS:
        return
    _warned.add(model)
    logger.warning("provider_usage_corrected", model=model, usage=usage.raw)
