"""Compile a class into its plan: which node needs what, once, when the class is defined."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from vital_shared.graph.errors import PlanError
from vital_shared.graph.node import ATTRIBUTE, Declaration, place
from vital_shared.graph.values import ValueTypes

__all__ = ["MISSING", "Node", "Plan", "compile_plan"]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""Stands in the slot of a value that nobody has made (yet)."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node, compiled."""

    index: int
    name: str
    """The method's name, unique in the plan."""
    slot: int
    """Where its value goes."""
    slots: tuple[int, ...]
    """Where its parameters' values are."""
    take: Callable[[list[Any]], tuple[Any, ...]]
    """Takes its arguments out of all values."""
    defaults: tuple[tuple[int, Any], ...]
    """Position and default of the parameters that may be missing."""
    successors: tuple[int, ...]
    """The nodes that wait for this one."""
    needs: int
    """How many nodes it waits for."""
    declaration: Declaration
    function: Callable[..., Any]
    """The method, unbound, with positional parameters only."""
    kind: str
    """``async``, ``stream`` or ``sync``."""
    plain: bool
    """Whether it is only to be awaited: nothing declared that changes how it is run."""
    fallback: Callable[..., Any] | None
    fallback_slots: tuple[int, ...]
    reason: str
    reason_on_timeout: str
    place: str
    """File and line."""
    item_position: int
    """Of a fanned out node: which parameter gets the item; else -1."""

    @property
    def makes(self) -> str:
        """The name of its value."""
        return self.declaration.makes


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A class as a graph: immutable, and shared by all runs."""

    name: str
    inputs: tuple[str, ...]
    """The inputs that some node needs, in the order of their slots, which come first."""
    nodes: tuple[Node, ...]
    """In an order in which every node comes after what it needs."""
    roots: tuple[int, ...]
    """The nodes that wait for no other."""
    needs: tuple[int, ...]
    """For each node, how many others it waits for."""
    branches: bool
    """Whether two nodes can ever be ready at the same time."""
    slots: Mapping[str, int]
    """Name of a value to its slot."""
    types: ValueTypes = field(repr=False)
    """How values are written into checkpoints."""
    fingerprint: str
    """The same for two plans that can go on with each other's checkpoints."""

    def node(self, name: str) -> Node:
        """Return the node of that name.

        :raises KeyError: when there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)


@dataclass(slots=True)
class _Draft:
    """A node before the graph is known."""

    name: str
    owner: str
    function: Callable[..., Any]
    declaration: Declaration
    parameters: tuple[inspect.Parameter, ...]

    @property
    def title(self) -> str:
        return f"node '{self.owner}.{self.name}' ({place(self.function)})"


def compile_plan(cls: type) -> Plan:
    """Read the nodes of a class and of its bases, and check that they form a graph.

    :raises PlanError: when they do not, in one sentence with the node and its file line.
    """
    drafts, dropped = _collect(cls)
    makers = _makers(drafts, tuple(getattr(cls, "inputs", ())))
    for draft in drafts.values():
        _check_declaration(draft)
        _check_parameters(draft, makers, set(getattr(cls, "inputs", ())), dropped)
    ordered = _ordered(cls.__name__, drafts, makers)
    return _build(cls, ordered, makers)


def _collect(cls: type) -> tuple[dict[str, _Draft], set[str]]:
    """Find the nodes: a base's, replaced or dropped (``name = None``) by the classes below it."""
    drafts: dict[str, _Draft] = {}
    dropped: set[str] = set()
    for owner in reversed(cls.__mro__):
        for name, member in vars(owner).items():
            declaration = getattr(member, ATTRIBUTE, None)
            if name in drafts and member is None:
                dropped.add(drafts.pop(name).declaration.makes)
            elif declaration is not None:
                drafts[name] = _draft(name, owner.__name__, member, declaration)
            elif name in drafts:
                if not inspect.isfunction(member):
                    raise PlanError(
                        f"{drafts[name].title} is replaced in {owner.__name__} by {member!r}: use a method, "
                        "or None to drop the node"
                    )
                drafts[name] = _draft(name, owner.__name__, member, drafts[name].declaration)
    return drafts, dropped


def _draft(name: str, owner: str, function: Any, declaration: Declaration) -> _Draft:
    draft = _Draft(name, owner, function, declaration, ())
    if not inspect.isfunction(function):
        raise PlanError(f"{draft.title} has to be a plain method, not a {type(function).__name__}")
    parameters = tuple(inspect.signature(function).parameters.values())[1:]
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise PlanError(f"{draft.title} takes '{parameter}': name each value that it needs")
    draft.parameters = parameters
    return draft


def _makers(drafts: dict[str, _Draft], inputs: tuple[str, ...]) -> dict[str, _Draft]:
    makers: dict[str, _Draft] = {}
    for draft in drafts.values():
        made = draft.declaration.makes
        if made in inputs:
            raise PlanError(f"{draft.title} makes '{made}', which is an input of the graph: rename it")
        if made in makers:
            raise PlanError(
                f"{draft.title} and {makers[made].title} both make '{made}': a value has one maker, "
                "rename one of them"
            )
        makers[made] = draft
    return makers


def _check_declaration(draft: _Draft) -> None:
    declared, kind = draft.declaration, _kind(draft.function)
    bounds = [declared.timeout]
    if declared.each is not None:
        bounds += [declared.each.item_timeout, declared.each.deadline, declared.each.limit]
        if kind == "stream":
            raise PlanError(f"{draft.title} is fanned out and cannot stream: return the item's value")
        if declared.each.parameter not in {parameter.name for parameter in draft.parameters}:
            raise PlanError(f"{draft.title} has no parameter '{declared.each.parameter}' for its items")
    if any(bound is not None and bound <= 0 for bound in bounds):
        raise PlanError(f"{draft.title} declares a timeout, deadline or limit that is not above 0")
    if kind == "sync" and any(bound is not None for bound in bounds[:1] + bounds[1:3]):
        raise PlanError(
            f"{draft.title} is sync and has a timeout: a thread cannot be stopped, make the method async"
        )
    if declared.retry is not None and declared.retry.attempts < 1:
        raise PlanError(
            f"{draft.title} retries with {declared.retry.attempts} attempts: at least 1 is needed"
        )
    if declared.fallback is not None:
        _check_fallback(draft)


def _check_fallback(draft: _Draft) -> None:
    fallback = draft.declaration.fallback
    if not inspect.iscoroutinefunction(fallback):
        raise PlanError(f"{draft.title} has a fallback that is not an async method")
    names = {parameter.name for parameter in draft.parameters}
    for name in tuple(inspect.signature(fallback).parameters)[1:]:
        if name not in names:
            raise PlanError(
                f"{draft.title} has a fallback that needs '{name}': it gets only what the node gets"
            )


def _check_parameters(draft: _Draft, makers: dict[str, _Draft], inputs: set[str], dropped: set[str]) -> None:
    each = draft.declaration.each
    for name, has_default in _wanted(draft):
        if name in inputs:
            continue
        maker = makers.get(name)
        if maker is None:
            if has_default and name in dropped:
                continue
            raise PlanError(f"{draft.title} needs '{name}', which {_nobody(name, makers, inputs, dropped)}")
        optional = maker.declaration.optional
        if optional and not has_default:
            what = f"fans out over '{name}'" if each and each.over == name else f"reads '{name}'"
            raise PlanError(
                f"{draft.title} {what}, which optional {maker.title} may not make: "
                "give the parameter a default"
            )


def _nobody(name: str, makers: dict[str, _Draft], inputs: set[str], dropped: set[str]) -> str:
    if name in dropped:
        return "the class has dropped: drop this node too, or give the parameter a default"
    close = difflib.get_close_matches(name, [*makers, *inputs], n=1)
    hint = f": did you mean '{close[0]}'?" if close else ": add a node of that name, or an input"
    return f"no node or input makes{hint}"


def _wanted(draft: _Draft) -> Iterator[tuple[str, bool]]:
    """Name the values that a node needs, and whether it can do without each."""
    each = draft.declaration.each
    for parameter in draft.parameters:
        has_default = parameter.default is not parameter.empty
        if each is not None and parameter.name == each.parameter:
            yield each.over, has_default
        else:
            yield parameter.name, has_default


def _ordered(graph: str, drafts: dict[str, _Draft], makers: dict[str, _Draft]) -> list[_Draft]:
    """Sort the nodes so that each comes after what it needs, else as they were defined."""
    ordered: dict[str, _Draft] = {}
    path: list[_Draft] = []

    def visit(draft: _Draft) -> None:
        if draft.name in ordered:
            return
        if draft in path:
            circle = [*path[path.index(draft) :], draft]
            names = " → ".join(step.name for step in circle)
            raise PlanError(
                f"graph '{graph}' goes round in a circle: {names}; {draft.title} waits for itself"
            )
        path.append(draft)
        for name, _ in _wanted(draft):
            if name in makers:
                visit(makers[name])
        path.pop()
        ordered[draft.name] = draft

    for draft in drafts.values():
        visit(draft)
    return list(ordered.values())


def _build(cls: type, ordered: list[_Draft], makers: dict[str, _Draft]) -> Plan:
    wanted = {name for draft in ordered for name, _ in _wanted(draft)}
    inputs = tuple(name for name in getattr(cls, "inputs", ()) if name in wanted)
    slots = {name: slot for slot, name in enumerate((*inputs, *(d.declaration.makes for d in ordered)))}
    index = {draft.name: position for position, draft in enumerate(ordered)}
    before = [
        sorted({index[makers[name].name] for name, _ in _wanted(draft) if name in makers})
        for draft in ordered
    ]
    nodes = tuple(
        _compile(draft, i, slots, tuple(j for j, b in enumerate(before) if i in b), len(before[i]))
        for i, draft in enumerate(ordered)
    )
    roots = tuple(node.index for node in nodes if node.needs == 0)
    return Plan(
        name=cls.__name__,
        inputs=inputs,
        nodes=nodes,
        roots=roots,
        needs=tuple(node.needs for node in nodes),
        branches=len(roots) > 1 or any(len(node.successors) > 1 for node in nodes),
        slots=slots,
        types=_value_types(cls, ordered, before),
        fingerprint=_fingerprint(ordered),
    )


def _compile(
    draft: _Draft, index: int, slots: dict[str, int], successors: tuple[int, ...], needs: int
) -> Node:
    declared, kind = draft.declaration, _kind(draft.function)
    wanted = list(_wanted(draft))
    parameters = [parameter for parameter in draft.parameters if not _is_absent(parameter, draft, slots)]
    names = [name for name, _ in wanted if name in slots]
    reason = declared.degradation or f"{declared.makes}_failed"
    fallback_names = (
        tuple(inspect.signature(declared.fallback).parameters)[1:] if declared.fallback is not None else ()
    )
    return Node(
        index=index,
        name=draft.name,
        slot=slots[declared.makes],
        slots=tuple(slots[name] for name in names),
        take=_taker([slots[name] for name in names]),
        defaults=tuple(
            (position, parameter.default)
            for position, parameter in enumerate(parameters)
            if parameter.default is not parameter.empty
        ),
        successors=successors,
        needs=needs,
        declaration=declared,
        function=_positional(draft.function, [p for p in draft.parameters if p in parameters]),
        kind=kind,
        plain=kind == "async"
        and not (declared.timeout or declared.retry or declared.fallback or declared.each),
        fallback=declared.fallback,
        fallback_slots=tuple([p.name for p in parameters].index(name) for name in fallback_names),
        reason=reason,
        reason_on_timeout=declared.on_timeout or reason,
        place=place(draft.function),
        item_position=[p.name for p in parameters].index(declared.each.parameter) if declared.each else -1,
    )


def _taker(slots: list[int]) -> Callable[[list[Any]], tuple[Any, ...]]:
    if len(slots) > 1:
        return itemgetter(*slots)
    # With one index an itemgetter gives the bare item; with a slice a list, which unpacks as well.
    return itemgetter(slice(slots[0], slots[0] + 1) if slots else slice(0, 0))


def _is_absent(parameter: inspect.Parameter, draft: _Draft, slots: dict[str, int]) -> bool:
    """Whether the parameter's maker was dropped by a subclass, so that its default stands."""
    each = draft.declaration.each
    name = each.over if each is not None and parameter.name == each.parameter else parameter.name
    return name not in slots


def _positional(function: Callable[..., Any], parameters: list[inspect.Parameter]) -> Callable[..., Any]:
    """Let a function with keyword-only (or dropped) parameters be called by position."""
    wanted = list(inspect.signature(function).parameters.values())[1:]
    if wanted == parameters and all(p.kind is not p.KEYWORD_ONLY for p in wanted):
        return function
    positional_only = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
    names = [p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY]
    split = len(positional_only)

    def call(target: Any, *values: Any) -> Any:
        return function(target, *values[:split], **dict(zip(names, values[split:], strict=True)))

    return call


def _kind(function: Callable[..., Any]) -> str:
    if inspect.isasyncgenfunction(function):
        return "stream"
    return "async" if inspect.iscoroutinefunction(function) else "sync"


def _value_types(cls: type, ordered: list[_Draft], before: list[list[int]]) -> ValueTypes:
    """Check, where nodes pause, that all values that may be there by then can be written down."""
    types = ValueTypes(
        {
            draft.declaration.makes: (draft.function, cls, draft.declaration.each is not None)
            for draft in ordered
        }
    )
    pausing = [i for i, draft in enumerate(ordered) if draft.declaration.pauses]
    for i, draft in enumerate(ordered):
        after = _ancestors(i, before)
        if pausing and not all(p in after for p in pausing):
            try:
                types.adapter(draft.declaration.makes)
            except TypeError as error:
                raise PlanError(
                    f"{draft.title} may have run when '{ordered[pausing[0]].name}' pauses, and its value "
                    f"cannot be written into a checkpoint: {error}"
                ) from error
    return types


def _ancestors(index: int, before: list[list[int]]) -> set[int]:
    found: set[int] = set()
    stack = list(before[index])
    while stack:
        current = stack.pop()
        if current not in found:
            found.add(current)
            stack += before[current]
    return found


def _fingerprint(ordered: list[_Draft]) -> str:
    shape = sorted(
        [
            draft.name,
            draft.declaration.makes,
            sorted(name for name, _ in _wanted(draft)),
            str(draft.function.__annotations__.get("return", "")),
        ]
        for draft in ordered
    )
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]
