"""``vital baseline``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import Json, examples

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Save the figures of a period, and compare later periods with them.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name: see `vital baseline list`.")]
Last = Annotated[str, typer.Option("--last", help="How far to look back, such as 24h or 7d.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Only this tenant; default: all tenants.")]


@app.command(epilog=examples("vital baseline save before-upgrade --last 48h"))
def save(name: Name, last: Last = "48h", tenant: Tenant = None, as_json: Json = False) -> None:
    """Save latency, cost, cache, quality and errors of the last hours under a name."""
    from vital_cli.baselines import save_baseline
    from vital_cli.views.baselines import show_baseline

    show_baseline(save_baseline(name, last, tenant), as_json=as_json)


@app.command("list", epilog=examples("vital baseline list"))
def list_baselines(as_json: Json = False) -> None:
    """List the baselines, the oldest first."""
    from vital_cli.baselines import all_baselines
    from vital_cli.views.baselines import show_baselines

    show_baselines(all_baselines(), as_json=as_json)


@app.command(epilog=examples("vital baseline show before-upgrade"))
def show(name: Name, as_json: Json = False) -> None:
    """Show the figures of a baseline."""
    from vital_cli.baselines import get_baseline
    from vital_cli.views.baselines import show_baseline

    show_baseline(get_baseline(name), as_json=as_json)


@app.command(epilog=examples("vital baseline delete before-upgrade"))
def delete(name: Name) -> None:
    """Delete a baseline."""
    from vital_cli.baselines import delete_baseline
    from vital_cli.terminal import say

    delete_baseline(name)
    say(f"{name} is deleted.")


@app.command(epilog=examples("vital baseline compare before", "vital baseline compare before --last 7d"))
def compare(name: Name, last: Last = "48h", as_json: Json = False) -> None:
    """Compare the last hours with a baseline, for the baseline's tenant."""
    from vital_cli.baselines import compare_with_baseline
    from vital_cli.views.baselines import show_comparison

    show_comparison(compare_with_baseline(name, last), as_json=as_json)
