"""The destinations of output: data goes to stdout, all remarks to stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from pydantic_core import to_json
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = [
    "ERR",
    "OUT",
    "can_ask",
    "clean",
    "is_live",
    "say",
    "say_drawing",
    "show_fields",
    "show_table",
    "write",
    "write_json",
]


class _Console(Console):
    """Raises like a plain stream where nobody reads any more; Rich would end the process here."""

    def on_broken_pipe(self) -> None:
        """Let the command end itself."""
        raise BrokenPipeError


def _console(stream: TextIO, *, stderr: bool = False) -> Console:
    # Documents, models and tools may write anything: nothing of it is markup or an emoji's name.
    # Files and pipes have no width: nothing is folded there.
    width = None if stream.isatty() else 10_000
    return _Console(markup=False, highlight=False, emoji=False, width=width, stderr=stderr)


OUT: Final = _console(sys.stdout)
ERR: Final = _console(sys.stderr, stderr=True)

_CONTROLS: Final = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*range(0x20), *range(0x7F, 0xA0))
    if chr(code) not in "\n\t"
}


def clean(text: str) -> str:
    """Replace control characters: an answer may quote a document that would otherwise steer the terminal."""
    return text.translate(_CONTROLS)


def write(text: str) -> None:
    """Write to stdout as it is, at once and without wrapping: for pipes and files."""
    sys.stdout.write(text)
    sys.stdout.flush()


def say(text: str, style: str = "dim") -> None:
    """Print a remark beside the data, on stderr."""
    ERR.print(Text(clean(text), style=style))


def say_drawing(text: str) -> None:
    """Print text that would fall apart if it were folded, on stderr."""
    ERR.print(Text(clean(text)), no_wrap=True, overflow="crop")


def is_live() -> bool:
    """Return whether stdout is a terminal that can be redrawn."""
    return sys.stdout.isatty() and not OUT.is_dumb_terminal


def can_ask() -> bool:
    """Return whether there is somebody who can answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def write_json(value: object) -> None:
    """Write a value, models included, to stdout as JSON."""
    write(to_json(value, indent=2).decode() + "\n")


def show_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows with the same keys as a table, no cell cut short: what is long is folded on a terminal."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(rows[0]):
        table.add_column(name, overflow="fold", no_wrap=number == 0)  # ids come first, and are copied
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    OUT.print(table)


def show_fields(fields: Mapping[str, object]) -> None:
    """Write the fields of one thing, a line each."""
    widest = max(map(len, fields))
    for name, value in fields.items():
        OUT.print(f"{name:<{widest}}  {_cell(value)}")


def _cell(value: object) -> str:
    words = {None: "-", True: "yes", False: "no"}
    plain = words[value] if value is None or isinstance(value, bool) else str(value)
    return clean(plain)
