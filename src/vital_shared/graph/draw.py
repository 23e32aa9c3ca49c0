"""Draw a class as Mermaid, and a finished run as a waterfall."""

from __future__ import annotations

from collections.abc import Sequence

from vital_shared.graph.outcome import Span
from vital_shared.graph.plan import Node, Plan

__all__ = ["mermaid", "waterfall"]

WIDTH = 48


def mermaid(plan: Plan) -> str:
    """Return the plan as a Mermaid flowchart.

    Inputs are rounded; a streaming node is a parallelogram, a pausing one a hexagon, a fanned out one a
    double box; what a node can do without is dotted.
    """
    names = {plan.slots[name]: name for name in plan.inputs}
    lines = ["flowchart TD"]
    lines += [f"    {name}([{name}])" for name in plan.inputs]
    lines += [f"    {node.name}{_shape(node)}" for node in plan.nodes]
    makers = {node.slot: node.name for node in plan.nodes} | names
    for node in plan.nodes:
        optional = {node.slots[position] for position, _ in node.defaults}
        for slot in dict.fromkeys(node.slots):
            arrow = "-.->" if slot in optional else "-->"
            lines.append(f"    {makers[slot]} {arrow} {node.name}")
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
        left = round(span.start / total * WIDTH)
        width = max(1, round(span.end / total * WIDTH) - left)
        bar = (" " * left + "█" * width)[: WIDTH + 1]
        milliseconds = (span.end - span.start) * 1000
        times = f"{span.start * 1000:8.1f}  {milliseconds:8.1f} ms"
        lines.append(f"{span.node:<{longest}}  {span.status:<9}  {times}  {bar}")
    return "\n".join(line.rstrip() for line in lines)
