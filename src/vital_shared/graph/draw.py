"""Draw a class as Mermaid, and a finished run as a waterfall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vital_shared.graph.outcome import Span
from vital_shared.graph.plan import Node, Plan

__all__ = ["mermaid", "waterfall"]

BAR_CHARACTERS: Final = 48

RESERVED: Final = frozenset({"call", "click", "default", "end", "flowchart", "graph", "style", "subgraph"})
"""Words that Mermaid does not take as the name of a node."""


def mermaid(plan: Plan) -> str:
    """Return the plan as a Mermaid flowchart.

    Inputs are rounded; a streaming node is a parallelogram, a pausing one a hexagon, a fanned out one a
    double box; what a node can do without is dotted.
    """
    ids = {plan.slots[name]: f"in_{name}" for name in plan.inputs}
    ids |= {node.slot: f"{node.name}_" if node.name in RESERVED else node.name for node in plan.nodes}
    lines = ["flowchart TD"]
    lines += [f"    in_{name}([{name}])" for name in plan.inputs]
    lines += [f"    {ids[node.slot]}{_shape(node)}" for node in plan.nodes]
    for node in plan.nodes:
        optional = {node.slots[position] for position, _ in node.defaults}
        for slot in dict.fromkeys(node.slots):
            arrow = "-.->" if slot in optional else "-->"
            lines.append(f"    {ids[slot]} {arrow} {ids[node.slot]}")
    return "\n".join(lines) + "\n"


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
