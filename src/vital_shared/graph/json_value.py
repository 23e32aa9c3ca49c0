"""Values that nodes show while they run, as JSON."""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import from_json, to_json

from vital_shared.graph.error_text import one_line
from vital_shared.graph.errors import NodeError

__all__ = ["MAX_SHOWN_BYTES", "json_value"]

MAX_SHOWN_BYTES: Final = 250_000
"""Bytes, as JSON, of one value that a node yields or pauses with."""

MAX_REASON_CHARACTERS: Final = 200


def json_value(node: str, does: str, value: Any) -> Any:
    """Return a value as JSON has it, so that every reader gets the same, in this process or over HTTP.

    NaN and infinities become null.

    :param node: the node's name, and ``does`` what it does with the value, for the message.
    :raises NodeError: when JSON cannot hold the value, or it is longer than `MAX_SHOWN_BYTES`.
    """
    kind = type(value).__name__
    try:
        data = to_json(value, inf_nan_mode="null")
        read = from_json(data)
    except (ValueError, TypeError, RecursionError) as error:
        reason = one_line(error)[:MAX_REASON_CHARACTERS]
        broken = f"a value of type {kind}, which JSON cannot hold: {reason}"
        raise NodeError(f"node '{node}' {does} {broken}", node=node) from error
    if len(data) > MAX_SHOWN_BYTES:
        broken = (
            f"a value of type {kind} with {len(data):,} bytes as JSON, and {MAX_SHOWN_BYTES:,} is the limit"
        )
        raise NodeError(f"node '{node}' {does} {broken}", node=node)
    return read
