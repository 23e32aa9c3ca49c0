"""The finished items of fan-outs, and the finished rounds of loops, as records for the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

from vital_shared.billing.run_context import RunContext
from vital_shared.graph import CheckpointError, FinishedNode, Node, Run, part_key
from vital_shared.workflows.stored_node import StoredNode

__all__ = ["FinishedPart", "PartRecords"]

MAX_PART_CHARACTERS: Final = 8_000_000
"""Characters of all items and rounds that a worker stores of a run; the others run again with their node."""


class FinishedPart(NamedTuple):
    """An item of a fan-out, or a round of a loop, that has finished."""

    node: Node
    number: int
    """The index of the item, or the number of the round."""
    made_from: Any
    """The item, or the value that the round started from."""
    value: Any
    """The value, as that of a node with this part alone."""


class _Taken(NamedTuple):
    """The part of a run's calls and characters that the store has in records of parts."""

    ids: set[int]
    """Identities of the calls of models, and of the results of their tools."""
    characters: int


class PartRecords:
    """The records of a run's parts, each call of a model in one of them.

    :param context: the context with the calls.
    :param trusted: the names of the nodes whose values are known to come back from JSON as they are.
    """

    def __init__(self, context: RunContext, trusted: Collection[str]) -> None:
        self.owners: set[str] = set()
        """The names of the nodes with parts that are stored, or may be."""
        self._context = context
        self._trusted = trusted
        self._taken = _Taken({id(each) for each in (*context.calls, *context.tool_results)}, 0)
        self._written = self._taken

    def as_json(self, run: Run, parts: Iterable[FinishedPart]) -> dict[str, str]:
        """Return the records of parts as JSON, by their names, as far as these may be stored."""
        found = dict[str, str]()
        ids, characters = set(self._taken.ids), self._taken.characters
        for part in parts:
            if characters > MAX_PART_CHARACTERS or (finished := self._finished(run, part)) is None:
                continue
            text = self._record(part.node, finished, ids).model_dump_json()
            found[finished.name] = text
            characters += len(text)
            self.owners.add(part.node.name)
        self._written = _Taken(ids, characters)
        return found

    def confirm(self) -> None:
        """Note that the store has taken the last records."""
        self._taken = self._written

    def _finished(self, run: Run, part: FinishedPart) -> FinishedNode | None:
        node, key = part.node, part_key(part.made_from)
        if key is None:
            return None
        try:
            return run.finished_part(
                node, part.number, key, part.value, is_trusted=node.name in self._trusted
            )
        except CheckpointError:  # its node warns of it, once it has finished
            return None

    def _record(self, node: Node, finished: FinishedNode, ids: set[int]) -> StoredNode:
        """Return a record, with what no other has, though it may have been made for another part."""
        context = self._context
        calls = tuple(each for each in context.calls if id(each) not in ids and node.covers(each.node))
        results = tuple(each for each in context.tool_results_of(node.name) if id(each) not in ids)
        ids.update(map(id, (*calls, *results)))
        return StoredNode.model_construct(node=finished, calls=calls, tool_results=results)
