"""The guardrail for the models and the tools that each key may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from vital_shared.guardrails.base import GuardedCall, GuardName, GuardRefused
from vital_shared.guardrails.configuration import KeyTable
from vital_shared.store.actor import current_actor

__all__ = ["KeyAccess"]

ANY_OTHER = "*"
"""The table of keys without one of their own, and of people who are signed in."""


class KeyAccess:
    """A guardrail against models and tools that the caller's key may not use.

    A run whose key is not known (in the background, or taken over by another worker) may do what all of the
    tables allow.

    :param keys: the tables, by the id of a key.
    """

    name: GuardName = "access"
    held_characters: int | None = 0

    def __init__(self, keys: Mapping[str, KeyTable]) -> None:
        self._keys = keys

    async def before(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:
        """Check the name of a model or a tool."""
        if call.stage != "retrieval" and not all(_allows(each, call) for each in self._tables()):
            message = f'The key may not use the {call.stage} "{call.name}".'
            raise GuardRefused(message, guard=self.name)
        return texts

    async def after(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:  # noqa: ARG002 - a guard's
        """Pass on what returns."""
        return texts

    def _tables(self) -> Sequence[KeyTable]:
        actor = current_actor()
        if actor.kind in ("cli", "local"):
            return ()
        if actor.kind == "program":
            return tuple(self._keys.values())
        table = self._keys.get(actor.id if actor.kind == "key" else ANY_OTHER, self._keys.get(ANY_OTHER))
        return () if table is None else (table,)


def _allows(table: KeyTable, call: GuardedCall) -> bool:
    allowed = table.models if call.stage == "model" else table.tools
    return allowed is None or any(fnmatchcase(call.name, pattern) for pattern in allowed)
