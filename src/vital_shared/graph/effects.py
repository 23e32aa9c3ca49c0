"""Nodes with effects, and the guard that keeps a process that continues a run from repeating an effect."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from vital_shared.graph.errors import NodeError
from vital_shared.graph.node import Pause
from vital_shared.graph.plan import Node

__all__ = ["EffectGuard", "EffectInterrupted", "InterruptedEffect", "PartGuard"]


class EffectGuard(Protocol):
    """The record of a run's effects, which survives the process that works on the run."""

    def check(self, node: Node, kept: Collection[int] = ()) -> None:
        """See that a node was not begun before, by a process that has died since.

        :param kept: the items of a fan-out, or rounds of a loop, whose ends are known, and that do not run.
        :raises InterruptedEffect: when it was, and somebody has to decide.
        :raises EffectInterrupted: when it was, and the run is to fail.
        """
        ...

    async def begin(self, node: Node, part: int | None = None) -> None:
        """Write down that a node begins; its code runs once this returns. What this raises, it raises.

        :param part: the index of the item of a fan-out, or the number of the round of a loop, that begins.
        """
        ...


class InterruptedEffect(Pause):
    """The pause of a node with effects that a process started and did not finish before it died.

    :param unfinished: the items of a fan-out, or rounds of a loop, that had begun, and may not have ended.
    """

    def __init__(self, node: Node, unfinished: Collection[int] = ()) -> None:
        request: dict[str, object] = {
            "interrupted": node.name,
            "question": f"The process that ran '{node.name}' died after it had begun: did it happen?",
        }
        if unfinished:
            request["unfinished"] = sorted(unfinished)
        super().__init__(request)


class EffectInterrupted(NodeError):
    """A process died while it ran a node with effects, which is not repeated."""


class PartGuard:
    """The guard for the nodes of a loop's round, which are one node to the run: the loop.

    :param guard: the guard of the surrounding run.
    :param loop: the loop.
    :param number: the number of the round.
    """

    def __init__(self, guard: EffectGuard, loop: Node, number: int) -> None:
        self._guard = guard
        self._loop = loop
        self._number = number

    def check(self, node: Node, kept: Collection[int] = ()) -> None:
        """Do nothing: the loop itself was checked before its first round."""

    async def begin(self, node: Node, part: int | None = None) -> None:  # noqa: ARG002 - the interface
        """Write down that the round has begun to have effects."""
        await self._guard.begin(self._loop, self._number)
