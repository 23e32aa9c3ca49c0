"""The compiled form of a class: an immutable graph, shared by all its runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vital_shared.graph.errors import NodeTimeout
from vital_shared.graph.node import Declaration
from vital_shared.graph.subworkflow import OUTCOMES, Subworkflow
from vital_shared.graph.value_fit import UNKNOWN, fits, made_type
from vital_shared.graph.values import ValueTypes

__all__ = ["MISSING", "Node", "Plan"]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""The mark in the slot of a value that nobody has made (yet)."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node, compiled."""

    index: int
    name: str
    """The method's name, unique in the plan."""
    makes: str
    """The name of its value."""
    slot: int
    """The slot of its value."""
    slots: tuple[int, ...]
    """The slots of its parameters' values."""
    take: Callable[[list[Any]], tuple[Any, ...]]
    """The function that takes its arguments out of all values."""
    defaults: tuple[tuple[int, Any], ...]
    """Position and default of the parameters that may be missing."""
    successors: tuple[int, ...]
    """The nodes that wait for this one."""
    needs: int
    """Number of its predecessors, the nodes that it waits for."""
    declaration: Declaration
    function: Callable[..., Any]
    """The method, unbound, with positional parameters only."""
    kind: str
    """``async``, ``stream``, ``sync`` or ``loop``."""
    plain: bool
    """Whether it is only to be awaited: nothing declared that changes how it is run."""
    only: int
    """The slot of a plain node's only argument, if that is always there; else -1."""
    fallback: Callable[..., Any] | None
    """Unbound too, with the same parameters as `function`."""
    reason: str
    reason_on_timeout: str
    place: str
    """File and line."""
    item_position: int
    """Position of the parameter that gets the item, in a fanned out node; else -1."""
    path: tuple[str, ...] = ()
    """The names of the parts of the graph that lead to the object whose method it is."""
    loop_over: Any = None
    """The class whose graph it repeats; None: it is no loop."""
    joins_text: bool = False
    """Whether its value is the text that its chunks make, unless it ends with another."""

    @property
    def method(self) -> str:
        """The node's name in the class that it was written for."""
        return self.name.rpartition(".")[2]

    def covers(self, name: str) -> bool:
        """Return whether the name is its own or, where it is a loop, that of a node in its rounds."""
        return name == self.name or (self.loop_over is not None and name.startswith(f"{self.name}."))

    def round_names(self) -> Iterator[str]:
        """Return the names of the nodes in its rounds, ``loop.node``, where it is a loop."""
        if self.loop_over is None:
            return
        for inner in self.loop_over.plan.nodes:
            yield f"{self.name}.{inner.name}"
            for name in inner.round_names():
                yield f"{self.name}.{name}"

    def timed_out(self, error: BaseException) -> bool:
        """Return whether this is the node's own timeout; a `TimeoutError` of what it calls is a failure."""
        return isinstance(error, NodeTimeout) and error.node == self.name

    def reason_of(self, error: BaseException) -> str:
        """Name the degradation that an error brings about."""
        return self.reason_on_timeout if self.timed_out(error) else self.reason


@dataclass(frozen=True, slots=True, eq=False)
class Switch:
    """The compiled condition of a node that may be switched off."""

    index: int
    """The node's."""
    slot: int
    """The slot of the node's value."""
    when: Callable[..., Any]
    reads: tuple[tuple[int, int, Any], ...]
    """For each parameter of the condition: the slot of its value, the index of the node that makes it (-1: it
    is an input), and what stands for it where that node makes nothing."""
    otherwise: Any
    """The value of the node where it is off; MISSING: it has none."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The compiled graph of a class: immutable, and shared by all runs."""

    name: str
    inputs: tuple[str, ...]
    """The inputs that some node needs, in the order of their slots, which come first."""
    nodes: tuple[Node, ...]
    """The nodes in an order in which every one comes after its predecessors."""
    roots: tuple[int, ...]
    """The nodes that wait for no other."""
    needs: tuple[int, ...]
    """The number of each node's predecessors."""
    branches: bool
    """Whether two nodes can ever be ready at the same time."""
    slots: Mapping[str, int]
    """Name of a value to its slot."""
    types: ValueTypes = field(repr=False)
    """The way in which values are written into checkpoints."""
    fingerprint: str
    """The same for two plans that can go on with each other's checkpoints."""
    earlier_fingerprint: str
    """The fingerprint, with names of modules, in checkpoints of earlier versions."""
    parts: tuple[Subworkflow, ...] = ()
    """Its sub-workflows and loops."""
    switches: tuple[Switch, ...] = ()
    """The nodes that may be off, each after those whose values its condition reads."""
    pruned: dict[int, Plan] = field(default_factory=dict, repr=False)
    """The plans without what is off, by the bits of the indices of these nodes."""

    @property
    def outcome(self) -> str:
        """The name of the value that is its own where it is a part of another graph; empty: none."""
        return next((name for name in OUTCOMES if self.types.maker(name) is not None), "")

    def may_make(self, name: str, kind: Any) -> bool:
        """Return whether a node makes a value of that name, of that type as far as is declared."""
        return self.types.maker(name) is not None and fits(self.made_type(name), kind)

    def made_type(self, name: str) -> Any:
        """Return the type of a value, as its node declares it; `UNKNOWN` where it does not."""
        maker = self.types.maker(name)
        return UNKNOWN if maker is None else made_type(*maker)

    def node(self, name: str) -> Node:
        """Return the node of that name.

        :raises KeyError: when there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
