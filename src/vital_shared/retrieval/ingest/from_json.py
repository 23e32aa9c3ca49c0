"""JSON and JSON Lines: objects in lists as rows, others under the names of what holds them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from vital_shared.retrieval.ingest.blocks import Outline, Parsed, Place, title_from
from vital_shared.retrieval.ingest.decode import decode

__all__ = ["parse_json"]

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
        _add(json.loads(text), outline, 1)
    except json.JSONDecodeError:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        for number, value in [(number, json.loads(line)) for number, line in lines]:
            outline.at(Place("row", number))
            outline.add("row", _row(value))
    return outline.finish(title=title_from(uri), uri=uri)


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
