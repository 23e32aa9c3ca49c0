"""``vital import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vital_cli.options import examples

if TYPE_CHECKING:
    from vital_cli.litellm_import.imported import ImportedConfiguration

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Import the configuration of another gateway.")


@app.callback()
def imports() -> None:
    """Import the configuration of another gateway."""


@app.command(
    epilog=examples(
        "vital import litellm config.yaml",
        "vital import litellm config.yaml --output vital.toml",
    )
)
def litellm(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The config.yaml of LiteLLM's proxy.")],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write this file, which must not exist yet. Default: stdout."),
    ] = None,
) -> None:
    """Convert LiteLLM's model list, aliases, fallbacks and routing; the rest is listed on stderr.

    No key is written: the result names the variables that hold them.
    """
    import os

    from vital_cli.litellm_import.conversion import convert, read_litellm
    from vital_cli.terminal import say, write

    result = convert(read_litellm(file), os.environ)
    text = _document(result)
    if output is None:
        write(text)
    else:
        _write_new(output, text)
        say(f"Wrote {output}: {len(result.routes):,} routes.", "green")
    for note in result.notes:
        say(note, "yellow")


def _document(result: ImportedConfiguration) -> str:
    """Return the file's text, which `load_configuration` can read."""
    import tomli_w

    head = "".join(f"# {name}={value}\n" for name, value in result.environment.items())
    if head:
        head = "# Set in the environment of the engine:\n" + head + "\n"
    return head + tomli_w.dumps(result.tables)


def _write_new(path: Path, text: str) -> None:
    from vital_shared.errors import InvalidRequest

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InvalidRequest(f"{path} already exists: name another file, or move it away.") from error
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written: {error}.") from error
