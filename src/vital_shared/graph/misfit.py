"""A value that a failed node has read, and that does not have the type that its maker declares."""

from __future__ import annotations

from typing import Any

from vital_shared.graph.plan import MISSING, Node, Plan
from vital_shared.graph.value_fit import fits, shown_type

__all__ = ["find_misfit"]


def find_misfit(plan: Plan, values: list[Any], node: Node) -> str:
    """Return the value that is not of its type, in words that do not repeat it; empty: there is none.

    :param values: the values of the run, by their slots.
    """
    for maker in plan.nodes:
        if maker.slot not in node.slots or values[maker.slot] is MISSING:
            continue
        value = values[maker.slot]
        if maker.declaration.each is not None:
            failed = sum(outcome.status != "success" for outcome in value)
            if failed:
                return (
                    f"{failed} of the {len(value)} outcomes in '{maker.makes}' have failed, and hold no "
                    "value: look at the status first"
                )
        elif not fits(type(value), plan.made_type(maker.makes)):
            found = "None" if value is None else type(value).__name__
            declared = shown_type(plan.made_type(maker.makes))
            return f"'{maker.makes}' is {found}, and node '{maker.name}' ({maker.place}) declares {declared}"
    return ""
