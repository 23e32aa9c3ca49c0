"""``vital ops``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vital_cli.commands.setup import setup
from vital_cli.options import examples

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="What watches the engine: rules, alerts, where they go, dashboards."
)


@app.command(
    epilog=examples(
        "vital ops build",
        "vital ops build --check",
        "vital ops build --thresholds thresholds.toml --to /etc/vital",
    )
)
def build(
    to: Annotated[Path, typer.Option("--to", help="Folder that the files are written to.")] = Path(),
    thresholds: Annotated[
        Path | None, typer.Option("--thresholds", help="TOML file with the thresholds that differ.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where a file is not as it should be.")
    ] = False,
) -> None:
    """Write the rules, their tests, Alertmanager's routing and the dashboards."""
    from vital_cli.problems import FAILED
    from vital_cli.terminal import say
    from vital_ops import build as building
    from vital_ops.thresholds import DEFAULTS, load

    texts = building.files(load(thresholds) if thresholds else DEFAULTS)
    changed = building.outdated(to, texts) if check else building.build(to, texts)
    for path in changed:
        say(f"{'differs' if check else 'written'}: {to / path}")
    say(f"{len(texts) - len(changed)} of {len(texts)} files are as they should be.")
    if check and changed:
        raise typer.Exit(FAILED)


app.command(epilog=examples("vital ops setup /run/vital --engine http://ai-engine:8000"))(setup)
