"""Options that several commands share, and the examples in their help."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Events", "Json", "Owner", "Viewer", "Waterfall", "examples"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout, and nothing else there.")]

Events = Annotated[
    bool, typer.Option("--events", help="Print every event as a line of JSON, as soon as it happens.")
]

Waterfall = Annotated[
    bool, typer.Option("--waterfall", help="Print when each node of the run started and ended.")
]

Owner = Annotated[
    str | None, typer.Option("--tenant", help="The tenant that owns it; default: shared by all tenants.")
]

Viewer = Annotated[
    str | None,
    typer.Option("--tenant", help="Only what this tenant may see; default: everything."),
]


def examples(*commands: str) -> str:
    """Make the end of a help page."""
    return "\n".join(("Examples:", *(f"  {command}" for command in commands)))
