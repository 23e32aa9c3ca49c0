"""``vital graph``."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["graph"]


def graph(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="The class: a name in the configuration, module:Class, or file.py:Class."
        ),
    ] = "vital_shared:BaseWorkflow",
    text: Annotated[
        bool, typer.Option("--text/--mermaid", help="As lines of text, or as a Mermaid flowchart.")
    ] = False,
) -> None:
    """Print the graph of a workflow class: which node needs what."""
    from vital_cli.graph_display import describe
    from vital_cli.terminal import write
    from vital_cli.workflow_names import find_named_graph
    from vital_shared.graph import mermaid

    plan = find_named_graph(target).plan
    write(describe(plan) if text else mermaid(plan))
