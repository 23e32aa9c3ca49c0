"""``vital new``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["new"]


def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make; its name is the project's.")],
) -> None:
    """Write a small project: a workflow, its tests, configuration, documents and a Dockerfile."""
    from vital_cli.new_project import write_project
    from vital_cli.terminal import say

    for path in write_project(folder):
        say(f"written: {path}")
    say(f"{folder / 'README.md'} says how it is tested and served.", "green")
