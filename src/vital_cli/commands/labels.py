"""``vital ops labels``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import Json, examples

__all__ = ["app"]

app = typer.Typer(
    help="The names that tenants, agents, models, tools, sources and nodes have in the metrics.",
)


@app.callback(
    invoke_without_command=True,
    epilog=examples("vital ops labels", "vital ops labels --label model --json"),
)
def list_labels(
    context: typer.Context,
    label: Annotated[str | None, typer.Option("--label", help="Only this label, such as model.")] = None,
    as_json: Json = False,
) -> None:
    """List the names of each label: since when, last used, and whether they are reserved."""
    if context.invoked_subcommand is not None:
        return
    from vital_cli.session import with_services
    from vital_cli.terminal import write_json
    from vital_cli.views.labels import show_labels

    names = with_services(lambda services: services.labels.all())
    chosen = tuple(each for each in names if label in (None, each.label))
    if as_json:
        write_json(chosen)
    else:
        show_labels(chosen)


@app.command(epilog=examples("vital ops labels free tenant_id acme"))
def free(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="The label, such as tenant_id.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The name to free.")],
) -> None:
    """Free a name, so that another value can have its place; running engines follow within seconds."""
    from vital_cli.session import with_services
    from vital_cli.terminal import say

    with_services(lambda services: services.labels.free(label, value))
    say(f'"{value}" has no name any more: from now on it counts under "other".')
