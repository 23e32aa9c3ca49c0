"""The page of all commands on the documentation site, from what ``--help`` shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from vital_cli.main import app

__all__ = ["commands_page"]

Command: TypeAlias = TyperCommand | TyperGroup
Parameter: TypeAlias = TyperArgument | TyperOption


def commands_page() -> str:
    """Return the page, in Markdown."""
    parts = [
        "# Commands",
        "`vital COMMAND --help` shows the same in a terminal. All settings are [variables](settings.md).",
    ]
    for name, command in _commands("vital", typer.main.get_group(app)):
        parts += _section(name, command)
    return "\n\n".join(parts) + "\n"


def _commands(name: str, group: TyperGroup) -> Iterator[tuple[str, Command]]:
    for each, below in group.commands.items():
        if isinstance(below, Command) and not below.hidden:
            yield f"{name} {each}", below
            if isinstance(below, TyperGroup):
                yield from _commands(f"{name} {each}", below)


def _section(name: str, command: Command) -> Iterator[str]:
    yield f"{'#' * (name.count(' ') + 1)} {name}"
    yield " ".join((command.help or "").split())
    shown = (each for each in command.params if isinstance(each, Parameter) and not each.hidden)
    rows = [f"| {_names(each)} | {_description(each)} |" for each in shown]
    if rows:
        yield "\n".join(("| | |", "| --- | --- |", *rows))
    if command.epilog:
        lines = (line.strip() for line in command.epilog.splitlines())
        yield "\n".join(("```sh", *(line for line in lines if line.startswith("vital ")), "```"))


def _names(parameter: Parameter) -> str:
    """Write an option with all its names, or an argument as the usage line does."""
    if isinstance(parameter, TyperArgument):
        return f"`{parameter.metavar or (parameter.name or '').upper()}`"
    return ", ".join(f"`{each}`" for each in (*parameter.opts, *parameter.secondary_opts))


def _description(parameter: Parameter) -> str:
    text = " ".join((parameter.help or "").split()).replace("|", "\\|").replace("<", "&lt;")
    default = parameter.default
    if parameter.required:
        return f"{text} Required."
    if isinstance(default, str | int | float) and not isinstance(default, bool) and default != "":
        return f"{text} Default: `{getattr(default, 'value', default)}`."
    return text
