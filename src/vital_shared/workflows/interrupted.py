"""Nodes with effects that a worker had started when it died, and the decisions on them.

The engine cannot know whether the effect happened, so a person or a program decides how the run continues::

    {"decision": "done", "value": …}    it happened: the run continues with this as the node's value
    {"decision": "repeat"}              it did not happen: the node runs again
    {"decision": "give_up"}             the run fails
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from vital_shared.graph import (
    AnswerError,
    Checkpoint,
    EffectInterrupted,
    InterruptedEffect,
    Node,
    Plan,
    owner_of,
    part_name,
    part_number,
)
from vital_shared.store.call_log import StoredCallLog

__all__ = [
    "GIVEN_UP",
    "INTERRUPTED",
    "NO_EFFECTS",
    "EarlierEffects",
    "EffectDecisions",
    "StoredEffects",
    "decision_schema",
]

INTERRUPTED: Final = "interrupted"
"""The key of the values whose nodes were cut off, beside the checkpoint of a paused run."""

GIVEN_UP: Final = "given_up"
"""The key of the values whose nodes were given up, beside the checkpoint of a resumed run."""


class _EffectDecision(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["done", "repeat", "give_up"]
    value: Any = None


def decision_schema(plan: Plan, name: str) -> dict[str, Any]:
    """Return the JSON schema of a decision.

    :param name: the name of the value that the node was to make.
    """
    value = dict(plan.types.answer_schema(name))
    definitions = value.pop("$defs", None)
    choices = [_choice("done", value), _choice("repeat"), _choice("give_up")]
    return {"oneOf": choices} | ({"$defs": definitions} if definitions else {})


def _choice(decision: str, value: dict[str, Any] | None = None) -> dict[str, Any]:
    properties: dict[str, Any] = {"decision": {"const": decision}}
    if value is not None:
        properties["value"] = value
    return {
        "type": "object",
        "properties": properties,
        "required": ["decision"],
        "additionalProperties": False,
    }


class EffectDecisions(NamedTuple):
    """The decisions on all nodes that were cut off in a run."""

    values: dict[str, Any]
    """The values to go on with, by name."""
    decided: dict[str, dict[str, Any]]
    """All decisions as JSON has them, by the name of the value."""
    given_up: frozenset[str]
    """The names of the values whose nodes are given up."""

    @classmethod
    def read(cls, interrupted: Collection[str], answers: Mapping[str, Any]) -> EffectDecisions:
        """Read the decisions among the answers to a paused run; one that is missing is not among them.

        :param interrupted: the names of the values whose nodes were cut off.
        :raises AnswerError: when one is no decision.
        """
        read = {name: _read(name, answers[name]) for name in interrupted if name in answers}
        return cls(
            values={name: each.value for name, each in read.items() if each.decision == "done"},
            decided={name: each.model_dump(exclude_defaults=True) for name, each in read.items()},
            given_up=frozenset(name for name, each in read.items() if each.decision == "give_up"),
        )

    def settled(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the checkpoint without the questions whose nodes run again, or fail."""
        rerun = self.decided.keys() - self.values.keys()
        return checkpoint.model_copy(
            update={"paused": tuple(name for name in checkpoint.paused if name not in rerun)}
        )


def _read(name: str, answer: Any) -> _EffectDecision:
    try:
        read = _EffectDecision.model_validate(answer)
    except ValidationError:
        read = None
    if read is None or (read.decision != "done" and "value" in read.model_fields_set):
        raise AnswerError(
            f"the node of '{name}' was cut off, so its answer is a decision: "
            '{"decision": "done", "value": …}, {"decision": "repeat"} or {"decision": "give_up"}',
            path=(name,),
        )
    return read


class EarlierEffects(NamedTuple):
    """The effects of a run in the hands of earlier workers."""

    begun: frozenset[str] = frozenset()
    """The nodes that have begun, and their items and rounds; not finished unless their values are there."""
    given_up: frozenset[str] = frozenset()
    """The values whose nodes a decision has given up."""


NO_EFFECTS: Final = EarlierEffects()


class StoredEffects:
    """The guard of a durable run's nodes with effects: they are stored as they begin.

    :param log: stores them.
    :param earlier: the nodes that a worker had begun when it died, and the decisions on them.
    """

    def __init__(self, log: StoredCallLog, earlier: EarlierEffects) -> None:
        self._log = log
        self._earlier = earlier
        self._own: set[str] = set()

    def check(self, node: Node, kept: Collection[int] = ()) -> None:
        """See that a node was not begun by a worker that has died, and not given up.

        Where it is known which of its items or rounds had begun, and all of these have ended, the others run.

        :param kept: the items or rounds whose ends are known.
        :raises InterruptedEffect: when somebody has to decide on it.
        :raises EffectInterrupted: when the run fails.
        """
        if node.makes in self._earlier.given_up:
            raise EffectInterrupted(f"'{node.name}' was cut off, and was given up", node=node.name)
        if node.name not in self._earlier.begun:
            return
        begun = {part_number(name) for name in self._earlier.begun if owner_of(name) == node.name}
        if begun and begun <= set(kept):
            return
        if node.declaration.if_interrupted == "fail":
            raise EffectInterrupted(
                f"the worker that ran '{node.name}' died after it had begun: it may have happened, "
                "and is not repeated",
                node=node.name,
            )
        raise InterruptedEffect(node, begun - set(kept))

    async def begin(self, node: Node, part: int | None = None) -> None:
        """Store that a node begins; once for a loop, and once for each of its rounds, whatever these do.

        An item, or a round, is stored beside its node: engines of the version before know nodes alone.

        :raises RunTakenOver: when the run is another worker's by now.
        :raises StoreError: when the store does not take it in time.
        """
        for name in (node.name, *(() if part is None else (part_name(node.name, part),))):
            if name not in self._own:
                await self._log.begin_effect(name)
                self._own.add(name)
