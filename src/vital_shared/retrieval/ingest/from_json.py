"""JSON and JSON Lines: objects in lists as rows, others under the names of what holds them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from vital_shared.retrieval.ingest.blocks import Outline, Parsed, Place, title_from
from vital_shared.retrieval.ingest.decode import decode

__all__ = ["parse_json"]

_NOT_BLANK: Final = re.compile(r"[^\s,]")
MAX_DEPTH: Final = 5
"""Objects within each other that get headings; deeper ones are written in a row."""


def parse_json(data: bytes, *, uri: str, charset: str | None = None) -> Parsed:
    """Read a value, or one in each line.

    :raises IngestError: when it is not text.
    :raises ValueError: when it is not JSON.
    """
    text = decode(data, uri=uri, declared=charset)
    outline = Outline()
    try:
        _add(_DECODER.decode(text), outline, 1)
    except json.JSONDecodeError:
        for number, value in [*_values(text)]:
            outline.at(Place("row", number))
            outline.add("row", _row(value))
    return outline.finish(title=title_from(uri), uri=uri)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the members of an object; values of a name that occurs again are kept together."""
    members: dict[str, object] = {}
    for name, value in pairs:
        members[name] = [members[name], value] if name in members else value
    return members


_DECODER: Final = json.JSONDecoder(parse_float=str, parse_int=str, object_pairs_hook=_members)
"""A decoder that leaves numbers as they are written: 1.10 is no 1.1 in a price."""


def _values(text: str) -> Iterator[tuple[int, object]]:
    """Yield values that follow each other, on a line each or on several, with the numbers of their lines."""
    start, number = 0, 1
    while match := _NOT_BLANK.search(text, start):
        number += text.count("\n", start, match.start())
        value, end = _DECODER.raw_decode(text, match.start())
        yield number, value
        number += text.count("\n", match.start(), end)
        start = end


def _add(value: Any, outline: Outline, depth: int) -> None:
    if isinstance(value, dict) and depth <= MAX_DEPTH:
        nested = {name: each for name, each in value.items() if isinstance(each, dict | list) and each}
        plain = {name: each for name, each in value.items() if name not in nested}
        outline.add("row", _row(plain))
        for name, each in nested.items():
            outline.heading(depth, str(name))
            _add(each, outline, depth + 1)
    elif isinstance(value, list):
        for each in value:
            outline.add("row" if isinstance(each, dict | list) else "item", _row(each))
    else:
        outline.add("paragraph", _row(value))


def _row(value: Any) -> str:
    return "; ".join(f"{name}: {text}" if name else text for name, text in _leaves("", value) if text)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(f"{name}.{key}" if name else str(key), each)
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for each in value:
            yield from _leaves(name, each)
    elif isinstance(value, list):
        yield name, ", ".join(map(_shown, value))
    else:
        yield name, _shown(value)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
