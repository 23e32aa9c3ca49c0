"""``vital ops``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vital_cli.commands.dead_letters import app as dead_letters
from vital_cli.commands.labels import app as labels
from vital_cli.commands.setup import setup
from vital_cli.options import Json, examples

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="The monitoring of the engine: rules, alerts and their receivers, dashboards."
)


@app.command(
    epilog=examples(
        "vital ops build",
        "vital ops build --check",
        "vital ops build --config ops.toml --to /etc/vital",
    )
)
def build(
    to: Annotated[Path, typer.Option("--to", help="Folder that the files are written to.")] = Path(),
    config: Annotated[
        Path | None,
        typer.Option("--config", "--thresholds", help="TOML file: environment, addresses, thresholds."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file is not up to date.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Name each file, however many there are.")
    ] = False,
) -> None:
    """Write the rules, their tests, Alertmanager's routing and the dashboards.

    More than ten files are counted by folder.
    """
    from vital_cli.problems import EXIT_FAILED
    from vital_cli.terminal import say
    from vital_cli.views.written_files import named_files
    from vital_ops import build as building
    from vital_ops.config import DEFAULT_CONFIG, load_config

    texts = building.files(load_config(config) if config else DEFAULT_CONFIG)
    changed = building.outdated(to, texts) if check else building.build(to, texts)
    verb = "differs" if check else "written"
    for line in named_files(to, changed, all_of_them=verbose):
        say(f"{verb}: {line}")
    say(f"{len(changed)} {'differ' if check else 'written'}, {len(texts) - len(changed)} unchanged.")
    if check and changed:
        raise typer.Exit(EXIT_FAILED)


@app.command(epilog=examples("vital ops fetch"))
def fetch() -> None:
    """Fetch Prometheus, Alertmanager, Redis and PgBouncer from Debian into the data folder, for `vital up`.

    Nothing is installed and no service starts. Programs on the PATH come first.
    """
    from vital_cli.terminal import ERR, say
    from vital_ops.stack.programs import fetch_programs

    with ERR.status("Fetching Debian's packages …"):
        folder = fetch_programs()
    say(f"The programs are in {folder}.", "green")


app.add_typer(dead_letters, name="dead-letters")
app.add_typer(labels, name="labels")
app.command(epilog=examples("vital ops setup /run/vital --engine http://ai-engine:8000"))(setup)


@app.command(
    epilog=examples(
        "vital ops backtest",
        "vital ops backtest --last 30d --times 2 --write ops.toml",
        "vital ops build --config ops.toml",
    )
)
def backtest(
    prometheus: Annotated[str, typer.Option("--prometheus", help="Its address.")] = "http://127.0.0.1:9090",
    last: Annotated[str, typer.Option("--last", help="How far to look back, such as 24h or 30d.")] = "24h",
    step: Annotated[str, typer.Option("--step", help="Time between two evaluations, such as 1m.")] = "1m",
    times: Annotated[
        int | None, typer.Option("--times", min=0, help="Suggest thresholds that fire this often.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write the suggested thresholds here.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "--thresholds", help="TOML file: environment, addresses, thresholds."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show when the alerts would have fired, over the history that a Prometheus has."""
    from vital_cli.backtest_run import run_backtest, span
    from vital_cli.terminal import say, write_json
    from vital_cli.views.backtest import show_backtest
    from vital_ops.backtest.backtest import unmet, write_thresholds
    from vital_ops.config import DEFAULT_CONFIG, load_config

    tried = load_config(config) if config else DEFAULT_CONFIG
    tested = run_backtest(
        prometheus,
        back=span(last, "--last"),
        step=span(step, "--step"),
        config=tried,
        times=times,
    )
    if as_json:
        write_json(tested)
    else:
        show_backtest(tested)
    for remark in unmet(tested, times):
        say(remark, "yellow")
    if write is not None:
        write.write_text(write_thresholds(tested, times, tried), encoding="utf-8")
        say(f"The suggested thresholds are in {write}: vital ops build --config {write}")
