"""``vital store``."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from vital_cli.options import Json, examples

__all__ = ["app"]

_IS_POSTGRES: Final = (
    "The store is in Postgres already, and only a SQLite file is copied: unset VITAL_DATABASE_URL, or use "
    "pg_dump and pg_restore."
)

app = typer.Typer(no_args_is_help=True, help="Move the store to another database.")


@app.command(
    epilog=examples("vital store copy --to 'postgresql://vital@db/vital?passfile=/etc/vital/pgpass'")
)
def copy(
    to: Annotated[str, typer.Option(help="The address of a new, empty Postgres database.", metavar="URL")],
    as_json: Json = False,
) -> None:
    """Copy the SQLite store into an empty Postgres database, all or nothing. Stop the engine first."""
    from vital_cli.command_loop import command_loop
    from vital_cli.commands.backup import store_file
    from vital_cli.terminal import say, show_fields, write_json
    from vital_shared.models.money import to_dollars
    from vital_shared.store.store_copy import copy_store

    with command_loop() as runner:
        facts = runner.run(copy_store(store_file(_IS_POSTGRES), to))
    ledger = str(to_dollars(facts.ledger_nanos))
    values = {name: value for name, value in facts._asdict().items() if name != "ledger_nanos"}
    if as_json:
        write_json(values | {"ledger_dollars": ledger})
        return
    show_fields({name: f"{value:,}" for name, value in values.items()} | {"ledger_dollars": ledger})
    say(
        "Set VITAL_DATABASE_URL to that address now, and keep VITAL_DATA_DIR: documents' files are there.",
        "dim",
    )
