"""The texts within a value as JSON has it, which guardrails read and replace."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

__all__ = ["replace_texts", "texts_within"]


def texts_within(value: Any, left_out: Collection[str]) -> Iterator[str]:
    """Give the texts of a value, in its order.

    :param left_out: names of fields whose values are no texts to read.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if name not in left_out:
                yield from texts_within(each, left_out)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_within(each, left_out)


def replace_texts(value: Any, texts: Iterator[str], left_out: Collection[str]) -> Any:
    """Return a value with other texts, in the order of `texts_within`."""
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, Mapping):
        return {
            name: each if name in left_out else replace_texts(each, texts, left_out)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(replace_texts(each, texts, left_out) for each in value)
    return value
