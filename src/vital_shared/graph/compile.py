"""Compile a class into its plan: which node needs what, once, when the class is defined."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from vital_shared.graph.draft import Draft, collect, own_parameters
from vital_shared.graph.errors import PlanError
from vital_shared.graph.node import REQUIRED, place
from vital_shared.graph.order import after, before, ordered
from vital_shared.graph.plan import MISSING, Node, Plan, Switch
from vital_shared.graph.values import ValueTypes

__all__ = ["compile_plan"]


def compile_plan(cls: type) -> Plan:
    """Read the nodes of a class and of its bases, and check that they form a graph.

    :raises PlanError: when they do not, in one sentence with the node and its file line.
    """
    drafts, dropped = collect(cls)
    inputs = getattr(cls, "inputs", ())
    if not isinstance(inputs, tuple):
        raise PlanError(f"graph '{cls.__name__}' has the inputs {inputs!r}: write a tuple of names")
    makers = _makers(drafts, inputs)
    for draft in drafts.values():
        _check_values(draft, makers, inputs, dropped)
    return _build(cls, inputs, ordered(cls.__name__, list(drafts.values())), makers)


def _makers(drafts: dict[str, Draft], inputs: tuple[str, ...]) -> dict[str, Draft]:
    makers: dict[str, Draft] = {}
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


def _check_values(draft: Draft, makers: dict[str, Draft], inputs: tuple[str, ...], dropped: set[str]) -> None:
    each = draft.declaration.each
    for name, has_default in draft.wanted():
        if name in inputs:
            continue
        fans_out = each is not None and each.over == name
        maker = makers.get(name)
        if maker is None:
            if has_default and name in dropped and not fans_out:
                continue
            raise PlanError(
                f"{draft.title} needs '{name}', which {_nobody(name, makers, inputs, dropped, fans_out)}"
            )
        if maker.declaration.optional and not has_default:
            raise PlanError(
                f"{draft.title} {'fans out over' if fans_out else 'reads'} '{name}', which optional "
                f"{maker.title} may not make: give the parameter a default"
            )


def _nobody(
    name: str, makers: dict[str, Draft], inputs: tuple[str, ...], dropped: set[str], fans_out: bool
) -> str:
    if name in dropped:
        way_out = "" if fans_out else ", or give the parameter a default"
        return f"the class has dropped: drop this node too{way_out}"
    close = difflib.get_close_matches(name, [*makers, *inputs], n=1)
    hint = f": did you mean '{close[0]}'?" if close else ": add a node of that name, or an input"
    return f"no node or input makes{hint}"


def _build(cls: type, inputs: tuple[str, ...], drafts: list[Draft], makers: dict[str, Draft]) -> Plan:
    wanted = {name for draft in drafts for name, _ in draft.wanted()}
    used = tuple(name for name in dict.fromkeys(inputs) if name in wanted)
    values = [draft.declaration.makes for draft in drafts]
    slots = {name: slot for slot, name in enumerate((*used, *values))}
    needed = before(drafts, {name: number for number, name in enumerate(values)})
    waiting = after(needed)
    nodes = tuple(
        _compile(draft, i, slots, makers, tuple(waiting[i]), len(needed[i])) for i, draft in enumerate(drafts)
    )
    roots = tuple(node.index for node in nodes if node.needs == 0)
    return Plan(
        name=cls.__name__,
        inputs=used,
        nodes=nodes,
        roots=roots,
        needs=tuple(node.needs for node in nodes),
        branches=len(roots) > 1 or any(len(node.successors) > 1 for node in nodes),
        slots=slots,
        types=_value_types(cls, drafts, needed),
        fingerprint=_fingerprint(drafts),
        switches=tuple(_switches(drafts, slots, {name: i for i, name in enumerate(values)})),
    )


def _switches(drafts: list[Draft], slots: dict[str, int], makers: dict[str, int]) -> Iterator[Switch]:
    for index, draft in enumerate(drafts):
        declared = draft.declaration
        parameters = {parameter.name: parameter for parameter in draft.parameters}
        when, otherwise, names = declared.when, declared.otherwise, list[str]()
        if when is not None:
            names = list(inspect.signature(when).parameters)
        elif declared.each is not None:
            when, otherwise, names = bool, (), [declared.each.parameter]
        sources = [draft.source(parameters[name]) for name in names]
        if when is None or not all(source in slots for source in sources):
            continue
        reads = tuple(
            (slots[source], makers.get(source, -1), parameters[name].default)
            for name, source in zip(names, sources, strict=True)
        )
        value = MISSING if otherwise is REQUIRED else otherwise
        yield Switch(index, slots[declared.makes], when, reads, value)


def _compile(
    draft: Draft,
    index: int,
    slots: dict[str, int],
    makers: dict[str, Draft],
    successors: tuple[int, ...],
    needs: int,
) -> Node:
    declared, kind = draft.declaration, draft.kind
    # What a subclass has dropped is not given: the parameter's own default stands.
    given = [parameter for parameter in draft.parameters if draft.source(parameter) in slots]
    names = [parameter.name for parameter in given]
    sources = [draft.source(parameter) for parameter in given]
    reason = declared.degradation or f"{declared.makes}_failed"
    defaults = tuple(
        (position, parameter.default)
        for position, parameter in enumerate(given)
        if (maker := makers.get(sources[position])) is not None and maker.declaration.optional
    )
    changed = declared.timeout or declared.retry or declared.fallback or declared.each
    plain = kind == "async" and not changed
    return Node(
        index=index,
        name=draft.name,
        slot=slots[declared.makes],
        slots=tuple(slots[source] for source in sources),
        take=_taker([slots[source] for source in sources]),
        defaults=defaults,
        successors=successors,
        needs=needs,
        declaration=declared,
        function=_positional(draft.function, draft.parameters, names),
        kind=kind,
        plain=plain,
        only=slots[sources[0]] if plain and len(sources) == 1 and not defaults else -1,
        fallback=declared.fallback and _fallback(draft, declared.fallback, names),
        reason=reason,
        reason_on_timeout=declared.on_timeout or reason,
        place=place(draft.function),
        item_position=names.index(declared.each.parameter) if declared.each else -1,
    )


def _taker(slots: list[int]) -> Callable[[list[Any]], tuple[Any, ...]]:
    if len(slots) > 1:
        return itemgetter(*slots)
    # With one index an itemgetter gives the bare item; with a slice a list, which unpacks as well.
    return itemgetter(slice(slots[0], slots[0] + 1) if slots else slice(0, 0))


def _fallback(draft: Draft, fallback: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """Let a fallback be called with all that the node gets, and with the node's own defaults."""
    defaults = {parameter.name: parameter.default for parameter in draft.parameters}
    parameters = own_parameters(draft.title, fallback)
    return _positional(fallback, [p.replace(default=defaults[p.name]) for p in parameters], names)


def _positional(
    function: Callable[..., Any], parameters: Sequence[inspect.Parameter], names: list[str]
) -> Callable[..., Any]:
    """Let a function be called by position with the values of these names, whatever its parameters are."""
    if [p.name for p in parameters] == names and all(p.kind is not p.KEYWORD_ONLY for p in parameters):
        return function
    by_position = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    by_name = [p for p in parameters if p.kind is p.KEYWORD_ONLY]

    def call(target: Any, *values: Any) -> Any:
        given = dict(zip(names, values, strict=True))
        return function(
            target,
            *[given.get(p.name, p.default) for p in by_position],
            **{p.name: given.get(p.name, p.default) for p in by_name},
        )

    return call


def _value_types(cls: type, drafts: list[Draft], needed: list[list[int]]) -> ValueTypes:
    """Check, where nodes pause, that all values that may be there by then can be written down."""
    types = ValueTypes(
        {
            draft.declaration.makes: (draft.function, cls, draft.declaration.each is not None)
            for draft in drafts
        }
    )
    pausing = [i for i, draft in enumerate(drafts) if draft.declaration.pauses]
    waiting = after(needed)
    later = {pause: _reachable(pause, waiting) for pause in pausing}
    for i, draft in enumerate(drafts):
        pause = next((pause for pause in pausing if i not in later[pause]), None)
        if pause is not None:
            try:
                types.adapter(draft.declaration.makes)
            except TypeError as error:
                raise PlanError(
                    f"{draft.title} may have run when '{drafts[pause].name}' pauses, and its value "
                    f"cannot be written into a checkpoint: {error}"
                ) from error
    return types


def _reachable(start: int, waiting: list[list[int]]) -> set[int]:
    found: set[int] = set()
    stack = list(waiting[start])
    while stack:
        current = stack.pop()
        if current not in found:
            found.add(current)
            stack += waiting[current]
    return found


def _fingerprint(drafts: list[Draft]) -> str:
    shape = sorted(
        [
            draft.name,
            draft.declaration.makes,
            sorted(name for name, _ in draft.wanted()),
            str(draft.function.__annotations__.get("return", "")),
        ]
        for draft in drafts
    )
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]
