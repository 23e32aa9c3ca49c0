"""Texts of a person, taken out of values in which they stand beside what others have written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

__all__ = ["ERASED", "blank", "texts_of"]

ERASED: Final = "(erased)"

MIN_CONTAINED_CHARACTERS: Final = 12
"""Shorter texts, such as "no", are taken out only where they are all of a text: else they are others'."""

DENIED: Final = "the user did not approve it: "
"""The words before a reason, as a denied call's result has it."""


def texts_of(decision: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that a person has written into a decision, as JSON has it."""
    if reason := decision["reason"]:
        yield reason
        yield DENIED + reason
    yield from _strings(decision["answer"])
    if decision["kind"] == "edited":
        yield from _strings(decision["arguments"])


def blank(value: Any, texts: Sequence[str]) -> Any:
    """Return a value of JSON without the texts."""
    if isinstance(value, str):
        return _blanked(value, texts)
    if isinstance(value, dict):
        return {name: blank(each, texts) for name, each in value.items()}
    if isinstance(value, list):
        return [blank(each, texts) for each in value]
    return value


def _blanked(text: str, texts: Sequence[str]) -> str:
    if text in texts:
        return ERASED
    for each in sorted(texts, key=len, reverse=True):
        if len(each) >= MIN_CONTAINED_CHARACTERS:
            text = text.replace(each, ERASED)
    return text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)
