"""Compile a class into its plan, once, when the class is defined: the nodes and the values they need."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from vital_shared.graph.errors import PlanError
from vital_shared.graph.expand import all_specs
from vital_shared.graph.node import REQUIRED
from vital_shared.graph.node_spec import NodeSpec, own_parameters
from vital_shared.graph.order import ordered, predecessors_of, successors_of
from vital_shared.graph.own_copies import copying_taker, may_change
from vital_shared.graph.part_objects import of_part
from vital_shared.graph.plan import MISSING, Node, Plan, Switch
from vital_shared.graph.subworkflow import Subworkflow
from vital_shared.graph.value_fit import UNKNOWN, fits, item_type, made_type, shown_type
from vital_shared.graph.values import ValueTypes, declared_type, streams_text

__all__ = ["compile_plan"]


def compile_plan(cls: type) -> Plan:
    """Read the nodes of a class and of its bases, and check that they form a graph.

    :raises PlanError: when they do not, in one sentence with the node and its file line.
    """
    specs, dropped, parts = all_specs(cls)
    inputs = getattr(cls, "inputs", ())
    if not isinstance(inputs, tuple):
        raise PlanError(f"graph '{cls.__name__}' has the inputs {inputs!r}: write a tuple of names")
    makers = _makers(specs, inputs)
    for spec in specs.values():
        _check_values(cls, spec, makers, inputs, dropped)
    _check_types(cls, specs.values(), makers)
    return _build(cls, inputs, ordered(cls.__name__, list(specs.values())), makers, parts)


def _makers(specs: dict[str, NodeSpec], inputs: tuple[str, ...]) -> dict[str, NodeSpec]:
    makers: dict[str, NodeSpec] = {}
    for spec in specs.values():
        made = spec.declaration.makes
        if made in inputs:
            raise PlanError(f"{spec.title} makes '{made}', which is an input of the graph: rename it")
        if made in makers:
            raise PlanError(
                f"{spec.title} and {makers[made].title} both make '{made}': a value has one maker, "
                "rename one of them"
            )
        makers[made] = spec
    return makers


def _check_values(
    cls: type, spec: NodeSpec, makers: dict[str, NodeSpec], inputs: tuple[str, ...], dropped: set[str]
) -> None:
    each = spec.declaration.each
    for name, has_default in spec.wanted():
        if name in inputs:
            continue
        fans_out = each is not None and each.over == name
        maker = makers.get(name)
        if maker is None:
            if has_default and (name in dropped or spec.within) and not fans_out:
                continue
            _check_part(cls, spec, name)
            raise PlanError(
                f"{spec.title} needs '{name}', which {_nobody(name, makers, inputs, dropped, fans_out)}"
                f"{_part_hint(spec)}"
            )
        if maker.declaration.optional and not has_default:
            raise PlanError(
                f"{spec.title} {'fans out over' if fans_out else 'reads'} '{name}', which optional "
                f"{maker.title} may not make: give the parameter a default"
            )


def _check_types(cls: type, specs: Collection[NodeSpec], makers: dict[str, NodeSpec]) -> None:
    """Compare the type of each value as its maker declares it with that of each of its readers."""
    made = {name: (kind, "the input", "has") for name, kind in getattr(cls, "input_types", {}).items()}
    for name, maker in makers.items():
        kind = made_type(maker.function, maker.cls or cls, maker.declaration.each is not None)
        made[name] = kind, maker.title, "makes"
    for spec in specs:
        _check_fallback_type(cls, spec)
        each = spec.declaration.each
        for parameter in spec.parameters:
            source = spec.source(parameter)
            if source not in made:
                continue
            value, origin, makes = made[source]
            if each is not None and parameter.name == each.parameter:
                value = item_type(value)
                if value is None:
                    raise PlanError(
                        f"{spec.title} fans out over '{source}', which {origin} {makes} as "
                        f"{shown_type(made[source][0])}: make it a tuple or a list"
                    )
            try:
                read = declared_type(spec.function, spec.cls or cls, parameter.name)
            except TypeError:
                continue  # not declared, or known to type checkers alone
            if not fits(value, read):
                raise PlanError(
                    f"{spec.title} reads '{parameter.name}' as {shown_type(read)}, and {origin} {makes} "
                    f"{shown_type(value)}: declare one type for both"
                )


def _check_fallback_type(cls: type, spec: NodeSpec) -> None:
    """Refuse a fallback whose value can never be of the type that the readers of the node's value expect."""
    fallback = spec.declaration.fallback
    if fallback is None:
        return
    owner = spec.cls or cls
    value, instead = made_type(spec.function, owner, False), made_type(fallback, owner, False)
    if not fits(instead, value):
        raise PlanError(
            f"{spec.title} makes {shown_type(value)}, and its fallback {shown_type(instead)}: "
            "declare one type for both"
        )


def _check_part(cls: type, spec: NodeSpec, name: str) -> None:
    """Refuse a workflow class that stands where a part has to.

    :raises PlanError: when the value is one.
    """
    part = getattr(cls, name, None)
    if isinstance(part, type) and isinstance(getattr(part, "plan", None), Plan):
        raise PlanError(
            f"{spec.title} needs '{name}', which is the class {part.__name__} and not a part of this one: "
            f"write {name} = subworkflow({part.__name__})"
        )


def _part_hint(spec: NodeSpec) -> str:
    return f", or name another value for it in {spec.within}" if spec.within else ""


def _nobody(
    name: str, makers: dict[str, NodeSpec], inputs: tuple[str, ...], dropped: set[str], fans_out: bool
) -> str:
    if name in dropped:
        way_out = "" if fans_out else ", or give the parameter a default"
        return f"the class has dropped: drop this node too{way_out}"
    close = difflib.get_close_matches(name, [*makers, *inputs], n=1)
    hint = f": did you mean '{close[0]}'?" if close else ": add a node of that name, or an input"
    return f"no node or input makes{hint}"


def _build(
    cls: type,
    inputs: tuple[str, ...],
    specs: list[NodeSpec],
    makers: dict[str, NodeSpec],
    parts: tuple[Subworkflow, ...],
) -> Plan:
    wanted = {name for spec in specs for name, _ in spec.wanted()}
    used = tuple(name for name in dict.fromkeys(inputs) if name in wanted)
    values = [spec.declaration.makes for spec in specs]
    slots = {name: slot for slot, name in enumerate((*used, *values))}
    predecessors = predecessors_of(specs, {name: number for number, name in enumerate(values)})
    successors = successors_of(predecessors)
    changeable = _changeable(cls, used, makers)
    nodes = tuple(
        _compile(spec, i, slots, makers, tuple(successors[i]), len(predecessors[i]), changeable)
        for i, spec in enumerate(specs)
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
        types=_value_types(cls, specs, predecessors),
        fingerprint=_fingerprint(specs, _made_type, attrgetter("fingerprint")),
        earlier_fingerprint=_fingerprint(specs, _made_type_with_module, attrgetter("earlier_fingerprint")),
        parts=parts,
        switches=tuple(_switches(specs, slots, {name: i for i, name in enumerate(values)})),
    )


def _changeable(cls: type, inputs: Collection[str], makers: dict[str, NodeSpec]) -> frozenset[str]:
    """Return the values that their readers may be able to change, by their declared types."""
    given = getattr(cls, "input_types", {})
    made = {
        name: made_type(maker.function, maker.cls or cls, maker.declaration.each is not None)
        for name, maker in makers.items()
    }
    types = {name: given.get(name, UNKNOWN) for name in inputs} | made
    return frozenset(name for name, kind in types.items() if may_change(kind))


def _switches(specs: list[NodeSpec], slots: dict[str, int], makers: dict[str, int]) -> Iterator[Switch]:
    for index, spec in enumerate(specs):
        declared = spec.declaration
        parameters = {parameter.name: parameter for parameter in spec.parameters}
        when, otherwise, names = declared.when, declared.otherwise, list[str]()
        if when is not None:
            names = list(inspect.signature(when).parameters)
        elif declared.each is not None:
            when, otherwise, names = bool, (), [declared.each.parameter]
        sources = [spec.source(parameters[name]) for name in names]
        if when is None or not all(source in slots for source in sources):
            continue
        reads = tuple(
            (slots[source], makers.get(source, -1), parameters[name].default)
            for name, source in zip(names, sources, strict=True)
        )
        value = MISSING if otherwise is REQUIRED else otherwise
        yield Switch(index, slots[declared.makes], when, reads, value)


def _compile(
    spec: NodeSpec,
    index: int,
    slots: dict[str, int],
    makers: dict[str, NodeSpec],
    successors: tuple[int, ...],
    needs: int,
    changeable: frozenset[str],
) -> Node:
    declared = spec.declaration
    kind = spec.kind if declared.loop is None else "loop"
    # What a subclass has dropped is not given: the parameter's own default stands.
    given = [parameter for parameter in spec.parameters if spec.source(parameter) in slots]
    names = [parameter.name for parameter in given]
    sources = [spec.source(parameter) for parameter in given]
    reason = declared.degradation or f"{declared.makes}_failed"
    defaults = tuple(
        (position, parameter.default)
        for position, parameter in enumerate(given)
        if (maker := makers.get(sources[position])) is not None and maker.declaration.optional
    )
    changed = declared.timeout or declared.retry or declared.fallback or declared.each or declared.effects
    plain = kind == "async" and not changed
    copies = not changeable.isdisjoint(sources)
    return Node(
        index=index,
        name=spec.name,
        makes=declared.makes,
        slot=slots[declared.makes],
        slots=tuple(slots[source] for source in sources),
        take=(copying_taker if copies else _taker)([slots[source] for source in sources]),
        defaults=defaults,
        successors=successors,
        needs=needs,
        declaration=declared,
        function=of_part(spec.path, _positional(spec.function, spec.parameters, names)),
        kind=kind,
        plain=plain,
        only=slots[sources[0]] if plain and len(sources) == 1 and not (defaults or copies) else -1,
        fallback=declared.fallback and of_part(spec.path, _fallback(spec, declared.fallback, names)),
        reason=reason,
        reason_on_timeout=declared.on_timeout or reason,
        place=spec.place,
        item_position=names.index(declared.each.parameter) if declared.each else -1,
        path=spec.path,
        loop_over=spec.loop_over,
        joins_text=kind == "stream" and streams_text(spec.function, spec.cls or object),
    )


def _taker(slots: list[int]) -> Callable[[list[Any]], tuple[Any, ...]]:
    if len(slots) > 1:
        return itemgetter(*slots)
    # With one index an itemgetter gives the bare item; with a slice a list, which unpacks as well.
    return itemgetter(slice(slots[0], slots[0] + 1) if slots else slice(0, 0))


def _fallback(spec: NodeSpec, fallback: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """Let a fallback be called with all that the node gets, and with the node's own defaults."""
    defaults = {parameter.name: parameter.default for parameter in spec.parameters}
    parameters = own_parameters(spec.title, fallback)
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


def _value_types(cls: type, specs: list[NodeSpec], predecessors: list[list[int]]) -> ValueTypes:
    """Check, where nodes pause, that all values that may be there by then can be written down."""
    types = ValueTypes(
        {
            spec.declaration.makes: (spec.function, spec.cls or cls, spec.declaration.each is not None)
            for spec in specs
        }
    )
    pausing = [i for i, spec in enumerate(specs) if spec.declaration.pauses]
    successors = successors_of(predecessors)
    later = {pause: _reachable(pause, successors) for pause in pausing}
    for i, spec in enumerate(specs):
        pause = next((pause for pause in pausing if i not in later[pause]), None)
        if pause is not None:
            try:
                types.adapter(spec.declaration.makes)
            except TypeError as error:
                raise PlanError(
                    f"{spec.title} may have run when '{specs[pause].name}' pauses, and its value "
                    f"cannot be written into a checkpoint: {error}"
                ) from error
    return types


def _reachable(start: int, successors: list[list[int]]) -> set[int]:
    found: set[int] = set()
    stack = list(successors[start])
    while stack:
        current = stack.pop()
        if current not in found:
            found.add(current)
            stack += successors[current]
    return found


def _fingerprint(
    specs: list[NodeSpec], made_type: Callable[[NodeSpec], str], fingerprint_of: Callable[[Plan], str]
) -> str:
    shape = sorted(
        [
            spec.name,
            spec.declaration.makes,
            sorted(name for name, _ in spec.wanted()),
            made_type(spec),
            *_repeated(spec, fingerprint_of),
        ]
        for spec in specs
    )
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]


def _repeated(spec: NodeSpec, fingerprint_of: Callable[[Plan], str]) -> tuple[str | int, ...]:
    """Return what a loop does in its rounds, as far as it is declared; nothing for other nodes."""
    loop = spec.declaration.loop
    return () if loop is None else (loop.limit, loop.carry, fingerprint_of(spec.loop_over.plan))


def _made_type(spec: NodeSpec) -> str:
    """Return the type in words, the same however the node's module was imported."""
    return _made_type_with_module(spec).replace(f"{spec.function.__module__}.", "")


def _made_type_with_module(spec: NodeSpec) -> str:
    return str(spec.function.__annotations__.get("return", ""))
