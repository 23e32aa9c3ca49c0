"""The texts within a value as JSON has it, which guardrails read and replace."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["ALL_FIELDS", "TextFields", "replace_texts", "texts_within"]


@dataclass(frozen=True)
class TextFields:
    """The fields of a value that hold texts."""

    left_out: Collection[str] = frozenset()
    """Names of fields whose values are no texts to read."""
    free: Collection[str] = frozenset()
    """Names of fields whose objects have names of their authors' own, which say nothing of their contents."""
    texts: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Names of fields that hold texts in objects of a type, by the type, and are left out elsewhere."""

    def within(self, holder: Mapping[str, Any], name: str) -> TextFields | None:
        """Return the fields with texts within a field; None: the field is left out."""
        if name in self.free and isinstance(holder[name], Mapping):
            return ALL_FIELDS
        if name not in self.left_out:
            return self
        kind = holder.get("type")
        return self if isinstance(kind, str) and name in self.texts.get(kind, ()) else None


ALL_FIELDS: Final = TextFields()


def texts_within(value: Any, fields: TextFields) -> Iterator[str]:
    """Give the texts of a value, in its order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if (inner := fields.within(value, name)) is not None:
                yield from texts_within(each, inner)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_within(each, fields)


def replace_texts(value: Any, texts: Iterator[str], fields: TextFields) -> Any:
    """Return a value with other texts, in the order of `texts_within`."""
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, Mapping):
        return {
            name: each if (inner := fields.within(value, name)) is None else replace_texts(each, texts, inner)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(replace_texts(each, texts, fields) for each in value)
    return value
