"""The part of a settlement that a log may hold where the store and the disk both fail.

It names the run, its tenant, each call with its model, its tokens and its nano-dollars, so that the money
can be entered by hand. What a person asked, what was answered, an error's text and a provider's raw count
stay out.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Final

from pydantic_core import from_json

from vital_shared.store.settlement import Settlement

__all__ = ["loss_of", "loss_of_line"]

LOGGED: Final[dict[str, Any]] = {
    "run_id": True,
    "payer": {"tenant_id": True, "mode": True},
    "at": True,
    "charges": {
        "__all__": {
            "item": True,
            "cost_type": True,
            "name": True,
            "status": True,
            "tokens": {
                "input": True,
                "cached_input": True,
                "cache_write": True,
                "output": True,
                "reasoning": True,
                "estimated": True,
            },
            "cost_nanos": True,
            "clamped": True,
        }
    },
    "end": {"status": True, "finished_at": True, "cost_nanos": True},
}
"""The fields that are logged, as pydantic's ``include`` has them."""


def loss_of(settlement: Settlement) -> str:
    """Write down what a settlement owes, without a person's words; also where a value is no valid one."""
    return settlement.model_dump_json(include=LOGGED, warnings=False, fallback=repr)


def loss_of_line(line: str) -> str:
    """Write down what the readable beginning of a spooled line owes, likewise."""
    # A number at the very end may be the beginning of a longer one: only what a comma follows is whole.
    begun = line[: max(line.rfind(","), 0)]
    found: Any = None
    with suppress(ValueError):
        found = from_json(begun, allow_partial=True)
    return json.dumps(_select(found, LOGGED) if isinstance(found, dict) else {})


def _select(value: Any, fields: Any) -> Any:
    if fields is True:
        return value if isinstance(value, str | int) else None
    if isinstance(value, list):
        return [_select(each, fields["__all__"]) for each in value if "__all__" in fields]
    if isinstance(value, dict):
        return {name: _select(value[name], below) for name, below in fields.items() if name in value}
    return None
