"""Read the nodes of a class and its bases, and check each of them on its own."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from vital_shared.graph.errors import PlanError
from vital_shared.graph.node import ATTRIBUTE, DECLARED, REQUIRED, Declaration, Pause, Retry, Skip, place
from vital_shared.graph.subworkflow import Subworkflow

__all__ = ["NodeSpec", "collect", "own_parameters"]

TAKEN: Final = frozenset({"input_defaults", "input_types", "inputs", "plan", "run", "whole_input"})
"""Attributes of `Graph`, which a node would hide."""

PACKAGE: Final = __name__.partition(".")[0]


@dataclass(slots=True, eq=False)
class NodeSpec:
    """A node before the graph is known."""

    name: str
    owner: str
    function: Callable[..., Any]
    declaration: Declaration
    parameters: tuple[inspect.Parameter, ...] = ()
    """Without ``self``."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Names of the values that parameters are made from, where they are not the parameters' own."""
    cls: type | None = None
    """The class that it was written for, where that is a part of the graph."""
    path: tuple[str, ...] = ()
    """The names of the parts that lead to the object whose method it is."""
    loop_over: Any = None
    """The class whose graph it repeats."""
    within: str = ""
    """The part that it belongs to, as messages name it."""
    origin: Callable[..., Any] | None = None
    """The user's own code that messages name in the place of the function, where that is ours."""

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return place(self.origin or self.function)

    @property
    def title(self) -> str:
        """The node as messages name it."""
        return f"node '{self.owner}.{self.name}' ({self.place})"

    @property
    def kind(self) -> str:
        """``async``, ``stream`` or ``sync``."""
        if inspect.isasyncgenfunction(self.function):
            return "stream"
        return "async" if inspect.iscoroutinefunction(self.function) else "sync"

    def source(self, parameter: inspect.Parameter) -> str:
        """Name the value that a parameter is made from."""
        each = self.declaration.each
        if each is not None and parameter.name == each.parameter:
            return each.over
        return self.values.get(parameter.name, parameter.name)

    def wanted(self) -> Iterator[tuple[str, bool]]:
        """Name the values that the node needs, and whether it can do without each."""
        for parameter in self.parameters:
            yield self.source(parameter), parameter.default is not parameter.empty


def collect(cls: type) -> tuple[dict[str, NodeSpec], set[str], dict[str, Subworkflow]]:
    """Find the nodes: a base's, replaced or dropped (``name = None``) by the classes below it.

    Return them by name, the values that nobody makes any more, and the sub-workflows and loops by name.

    :raises PlanError: when a node by itself is wrong.
    """
    specs: dict[str, NodeSpec] = {}
    dropped: set[str] = set()
    parts: dict[str, Subworkflow] = {}
    for owner in reversed(cls.__mro__):
        _check_lost(owner)
        for name, member in vars(owner).items():
            declaration = getattr(member, ATTRIBUTE, None)
            if name in parts and (member is None or declaration is not None):
                del parts[name]
                dropped |= {name} if member is None else set()
            if isinstance(member, Subworkflow):
                specs.pop(name, None)
                parts[name] = member
            elif name in specs and member is None:
                dropped.add(specs.pop(name).declaration.makes)
            elif declaration is not None:
                specs[name] = NodeSpec(name, owner.__name__, member, declaration)
            elif name in specs:
                if not inspect.isfunction(member):
                    raise PlanError(
                        f"{specs[name].title} is replaced in {owner.__name__} by {member!r}: use a method, "
                        "or None to drop the node"
                    )
                # What a subclass puts in a node's place decides by itself whether there is something to do.
                declared = replace(specs[name].declaration, when=None, otherwise=REQUIRED)
                specs[name] = NodeSpec(name, owner.__name__, member, declared)
    for spec in specs.values():
        _check_name(spec, cls)
        _check(spec)
    return specs, dropped, parts


def _check_name(spec: NodeSpec, cls: type) -> None:
    """Check that a node does not hide a method that its class needs to run."""
    for base in cls.__mro__:
        hidden = vars(base).get(spec.name)
        is_method = inspect.isroutine(hidden) or isinstance(hidden, property)
        is_ours = base.__module__.partition(".")[0] == PACKAGE
        if is_ours and is_method and not hasattr(hidden, ATTRIBUTE) and base.__name__ != spec.owner:
            raise PlanError(f"{spec.title} has a name that {_nearest(cls)} itself uses: rename it")


def _nearest(cls: type) -> str:
    """Return the name of the class of ours that a class derives from, which its author has written."""
    return next(base.__name__ for base in cls.__mro__[1:] if base.__module__.partition(".")[0] == PACKAGE)


def _check_lost(owner: type) -> None:
    for name, method in vars(owner).get(DECLARED, {}).items():
        if getattr(vars(owner).get(name), ATTRIBUTE, None) is None:
            raise PlanError(
                f"node '{owner.__name__}.{name}' ({place(method)}) is lost: its class uses the name again, "
                "or a decorator above hides it, so put @node on top"
            )


def _check(spec: NodeSpec) -> None:
    """Check a node by itself, and note its parameters."""
    if spec.name in TAKEN:
        raise PlanError(f"{spec.title} has a name that Graph itself uses: rename it")
    if not inspect.isfunction(spec.function):
        raise PlanError(f"{spec.title} has to be a plain method, not a {type(spec.function).__name__}")
    if not _is_value_name(spec.declaration.makes):
        raise PlanError(
            f"{spec.title} makes {spec.declaration.makes!r}: write a name that a parameter can have"
        )
    if inspect.isgeneratorfunction(spec.function):
        raise PlanError(f"{spec.title} is a sync generator: make it async, with Done(value) as its last")
    spec.parameters = own_parameters(spec.title, spec.function)
    _check_bounds(spec)
    _check_effects(spec)
    _check_fan_out(spec)
    _check_condition(spec)
    if spec.declaration.retry is not None:
        _check_retry(spec, spec.declaration.retry)
    if spec.declaration.fallback is not None:
        _check_fallback(spec, spec.declaration.fallback)


def own_parameters(title: str, function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """Return the parameters after ``self``.

    :raises PlanError: when there is no ``self``, or one that takes any number of arguments.
    """
    parameters = tuple(inspect.signature(function).parameters.values())
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise PlanError(f"{title} takes '{parameter}': name each value that it needs")
    if not parameters or parameters[0].kind is parameters[0].KEYWORD_ONLY:
        raise PlanError(f"{title} takes no self: it has to be a method")
    if (first := parameters[0].name) != "self" and not first.startswith("_"):
        raise PlanError(f"{title} takes no self, and '{first}' would be it: write self before '{first}'")
    return parameters[1:]


def _check_bounds(spec: NodeSpec) -> None:
    for reason in (spec.declaration.degradation, spec.declaration.on_timeout):
        if reason is not None and not isinstance(reason, str):
            raise PlanError(f"{spec.title} declares the degradation {reason!r}: write a word for the reason")
    each = spec.declaration.each
    seconds = [spec.declaration.timeout, *((each.item_timeout, each.deadline) if each else ())]
    bounds = [bound for bound in (*seconds, each.limit if each else None) if bound is not None]
    if not all(isinstance(bound, int | float) and 0 < bound < math.inf for bound in bounds):
        raise PlanError(
            f"{spec.title} declares a timeout, deadline or limit that is not a finite number above 0"
        )
    if spec.kind == "sync" and any(bound is not None for bound in seconds):
        raise PlanError(
            f"{spec.title} is sync and has a timeout: a thread cannot be stopped, make the method async"
        )


def _check_effects(spec: NodeSpec) -> None:
    declared = spec.declaration
    if declared.if_interrupted not in ("ask", "fail"):
        raise PlanError(
            f"{spec.title} declares if_interrupted={declared.if_interrupted!r}: write 'ask' or 'fail'"
        )
    if declared.if_interrupted == "fail" and not declared.effects:
        raise PlanError(
            f"{spec.title} declares if_interrupted, and no effects: without them it is run again, "
            "so write effects=True too"
        )


def _check_fan_out(spec: NodeSpec) -> None:
    each = spec.declaration.each
    if each is None:
        return
    item = next((parameter for parameter in spec.parameters if parameter.name == each.parameter), None)
    if item is None:
        raise PlanError(f"{spec.title} has no parameter '{each.parameter}' for its items")
    if item.default is not item.empty and not isinstance(item.default, list | tuple | None):
        raise PlanError(
            f"{spec.title} has the default {item.default!r} for the list '{each.over}': "
            "use an empty tuple, or None"
        )


def _check_condition(spec: NodeSpec) -> None:
    declared = spec.declaration
    if declared.when is None:
        if declared.otherwise is not REQUIRED:
            raise PlanError(f"{spec.title} declares otherwise, and not when: it is never off")
        return
    if declared.optional == (declared.otherwise is not REQUIRED):
        raise PlanError(
            f"{spec.title} may be off: declare its value then with otherwise, or make it optional, not both"
        )
    names = {parameter.name for parameter in spec.parameters}
    for name in inspect.signature(declared.when).parameters:
        if name not in names or (declared.each is not None and name == declared.each.parameter):
            raise PlanError(f"{spec.title} has a when that reads '{name}': it gets only what the node gets")


def _is_value_name(name: Any) -> bool:
    return isinstance(name, str) and name.isidentifier()


def _check_retry(spec: NodeSpec, retry: Retry) -> None:
    if not isinstance(retry, Retry):
        raise PlanError(f"{spec.title} declares retry={retry!r}: write Retry(on=(…))")
    if retry.attempts < 1:
        raise PlanError(f"{spec.title} retries with {retry.attempts} attempts: at least 1 is needed")
    named = retry.on if isinstance(retry.on, tuple) else (retry.on,)
    if not named or not all(_is_failure(error) for error in named):
        raise PlanError(
            f"{spec.title} retries on {retry.on!r}: name subclasses of Exception that mean failure"
        )


def _is_failure(error: Any) -> bool:
    return isinstance(error, type) and issubclass(error, Exception) and not issubclass(error, Pause | Skip)


def _check_fallback(spec: NodeSpec, fallback: Callable[..., Any]) -> None:
    if not inspect.iscoroutinefunction(fallback):
        raise PlanError(f"{spec.title} has a fallback that is not an async method")
    names = {parameter.name for parameter in spec.parameters}
    for parameter in own_parameters(f"{spec.title} has a fallback that", fallback):
        if parameter.name not in names:
            raise PlanError(
                f"{spec.title} has a fallback that needs '{parameter.name}': it gets only what the node gets"
            )
