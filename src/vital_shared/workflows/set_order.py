"""Write sets in one order, whatever the order in which a process holds their items."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

__all__ = ["with_ordered_sets"]


def with_ordered_sets(value: Any, as_json: Any) -> Any:
    """Return the JSON of a value with the items of its sets sorted: equal values then have equal JSON.

    A set holds its items in an order of its own, which hashes of texts and dates change in each process. What
    a serializer has given another shape stays as it is.

    :param as_json: the value as JSON, in Python's own types.
    """
    if isinstance(as_json, list) and _has_items(value, len(as_json)):
        items = [with_ordered_sets(*pair) for pair in zip(value, as_json, strict=True)]
        return sorted(items, key=_text) if isinstance(value, AbstractSet) else items
    if isinstance(as_json, dict):
        if isinstance(value, Mapping) and len(value) == len(as_json):
            values = list(value.values())
        else:
            values = [getattr(value, name, None) for name in as_json]
        pairs = zip(values, as_json.values(), strict=True)
        return dict(zip(as_json, (with_ordered_sets(*pair) for pair in pairs), strict=True))
    return as_json


def _has_items(value: Any, number: int) -> bool:
    return isinstance(value, AbstractSet | list | tuple) and len(value) == number


def _text(item: Any) -> str:
    return json.dumps(item, sort_keys=True)
