"""Draw a class as Mermaid, and a finished run as a waterfall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vital_shared.graph.outcome import Span
from vital_shared.graph.plan import Node, Plan
from vital_shared.graph.subworkflow import WHOLE_INPUT

__all__ = ["mermaid", "waterfall"]

BAR_CHARACTERS: Final = 48

RESERVED: Final = frozenset({"call", "click", "default", "end", "flowchart", "graph", "style", "subgraph"})
"""Words that Mermaid does not accept as the name of a node."""


def mermaid(plan: Plan) -> str:
    """Return the plan as a Mermaid flowchart.

    Inputs are rounded; a streaming node is a parallelogram, a pausing node a hexagon, a fanned-out node a
    double box; whatever a node can do without is dotted. A sub-workflow is a box around its nodes, and so is
    a loop, with an arrow from its value back to where the next round reads it.
    """
    inputs = [f"    in_{name}([{name}])" for name in plan.inputs]
    ids = {plan.slots[name]: f"in_{name}" for name in plan.inputs}
    ids |= {node.slot: _id(node.name) for node in plan.nodes}
    return "\n".join(("flowchart TD", *inputs, *_boxes(plan.nodes, 0), *_arrows(plan, ids))) + "\n"


def _boxes(nodes: Sequence[Node], depth: int, prefix: str = "") -> Iterator[str]:
    """Draw nodes, those of a part in a box of their own at the place of the first of them."""
    indent = "    " * (depth + 1)
    drawn: set[str] = set()
    for node in nodes:
        part = _parts_around(node)[depth : depth + 1]
        if not part:
            yield from _loop_box(node, depth, prefix) if node.loop_over else _node_line(node, indent, prefix)
        elif part[0] not in drawn:
            drawn.add(part[0])
            within = [each for each in nodes if _parts_around(each)[depth : depth + 1] == part]
            name = ".".join(_parts_around(node)[: depth + 1])
            yield f'{indent}subgraph {_id(prefix + name)}_part["{prefix}{name}"]'
            yield from _boxes(within, depth + 1, prefix)
            yield f"{indent}end"


def _parts_around(node: Node) -> tuple[str, ...]:
    """Return the names of the parts that a node stands in: a loop's path leads to its rounds."""
    return node.path[:-1] if node.loop_over else node.path


def _node_line(node: Node, indent: str, prefix: str) -> Iterator[str]:
    yield f"{indent}{_id(prefix + node.name)}{_shape(node)}"


def _loop_box(node: Node, depth: int, prefix: str) -> Iterator[str]:
    """Draw a loop: its graph in a box, and the way from a round to the next one."""
    loop, plan = node.declaration.loop, node.loop_over.plan
    indent, name = "    " * (depth + 1), prefix + node.name
    limit = loop.limit if loop else 0
    yield f'{indent}subgraph {_id(name)}["{name}: {plan.name}, at most {limit} rounds"]'
    yield from _boxes(plan.nodes, depth + 1, f"{name}.")
    ids = {each.slot: _id(f"{name}.{each.name}") for each in plan.nodes}
    yield from (f"{'    ' * depth}{line}" for line in _arrows(plan, ids))
    carried = {plan.slots[name] for name in (loop.carry if loop else "", WHOLE_INPUT) if name in plan.inputs}
    for each in plan.nodes:
        if not carried.isdisjoint(each.slots):
            yield f"{indent}    {ids[plan.slots[plan.outcome]]} -->|next round| {ids[each.slot]}"
    yield f"{indent}end"


def _arrows(plan: Plan, ids: Mapping[int, str]) -> Iterator[str]:
    for node in plan.nodes:
        optional = {node.slots[position] for position, _ in node.defaults}
        for slot in dict.fromkeys(node.slots):
            if slot in ids:
                yield f"    {ids[slot]} {'-.->' if slot in optional else '-->'} {ids[node.slot]}"


def _id(name: str) -> str:
    return f"{name}_" if name in RESERVED else name.replace(".", "__")


def _shape(node: Node) -> str:
    if node.declaration.pauses:
        return f"{{{{{node.name}}}}}"
    if node.kind == "stream":
        return f"[/{node.name}/]"
    return f"[[{node.name}]]" if node.declaration.each else f"[{node.name}]"


def waterfall(spans: Sequence[Span]) -> str:
    """Return the spans as lines of text: name, status, start and duration in milliseconds, and a bar."""
    total = max((span.end for span in spans), default=0.0) or 1.0
    longest = max((len(span.node) for span in spans), default=0)
    lines = []
    for span in spans:
        left = round(span.start / total * BAR_CHARACTERS)
        width = max(1, round(span.end / total * BAR_CHARACTERS) - left)
        bar = (" " * left + "█" * width)[: BAR_CHARACTERS + 1]
        milliseconds = (span.end - span.start) * 1000
        times = f"{span.start * 1000:8.1f}  {milliseconds:8.1f} ms"
        lines.append(f"{span.node:<{longest}}  {span.status:<9}  {times}  {bar}")
    return "\n".join(line.rstrip() for line in lines)
