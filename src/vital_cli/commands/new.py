"""``vital new``."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["new"]


def new(
    folder: Annotated[str, typer.Argument(help="The folder to create; its name is the project's.")],
) -> None:
    """Write a small project: a workflow, its tests, configuration, documents and a Dockerfile."""
    from pathlib import Path

    from vital_cli.new_project import write_project
    from vital_cli.terminal import say
    from vital_shared.errors import InvalidRequest

    if not folder:  # a Path of it would be the current folder
        raise InvalidRequest("Name the folder to make, such as my-app.")
    for path in write_project(Path(folder)):
        say(f"written: {path}")
    say(f"{Path(folder) / 'README.md'} says how it is tested and served.", "green")
