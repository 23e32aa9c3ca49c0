"""The variables of a dashboard that its queries use."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from vital_ops.dashboards.panel import MODE, TENANT, WORKFLOW, Board

__all__ = ["OF_ENGINES", "OF_REQUESTS", "Choice", "choices"]

Choice: TypeAlias = tuple[Literal["environment", "instance", "mode", "tenant", "workflow"], str, str]
"""A variable's name, its heading, and the label that it chooses by."""

OF_ENGINES: Final[tuple[Choice, ...]] = (
    ("environment", "Environment", "environment"),
    ("instance", "Instance", "instance"),
)
OF_REQUESTS: Final[tuple[Choice, ...]] = (
    ("mode", "Mode", "mode"),
    ("tenant", "Tenant", "tenant_id"),
    ("workflow", "Workflow", "workflow"),
)

_VARIABLES: Final = {"mode": MODE, "tenant": TENANT, "workflow": WORKFLOW}


def choices(board: Board) -> tuple[Choice, ...]:
    """Return those of requests that a dashboard uses."""
    return tuple(choice for choice in OF_REQUESTS if board.uses(_VARIABLES[choice[0]]))
