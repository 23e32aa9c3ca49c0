"""``vital backup`` and ``vital restore``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from vital_cli.options import Json

if TYPE_CHECKING:
    from pathlib import Path

    from vital_shared.models.audit import AuditAction
    from vital_shared.store.backup import BackupFacts
    from vital_shared.store.store import Store

__all__ = ["backup", "restore", "store_file"]

_POSTGRES_TOOLS: Final = (
    "The store is in Postgres, which has its own tools for this: pg_dump and pg_restore, or the "
    "archiving of its log."
)


def backup(
    file: Annotated[str, typer.Argument(help="The file to create, such as backups/2026-11-27.db.")],
    as_json: Json = False,
) -> None:
    """Copy the SQLite store into a file, while the engine serves, and verify the copy."""
    from pathlib import Path

    from vital_cli.store_access import with_store
    from vital_shared.errors import VitalError
    from vital_shared.store.backup import back_up

    # Before the store is opened, which brings it up to this version: the one before can still read the copy.
    facts = back_up(store_file(), Path(file))
    try:
        with_store(lambda store: _note(store, "database_backed_up"))
    except VitalError:  # no copy without its entry
        facts.path.unlink()
        raise
    _show(facts, as_json=as_json)


def restore(
    file: Annotated[str, typer.Argument(help="A file made by `vital backup`.")],
    as_json: Json = False,
) -> None:
    """Replace the SQLite store with a backup; the old store is kept next to it. Stop the engine first."""
    from datetime import UTC, datetime
    from pathlib import Path

    from vital_cli.store_access import with_store
    from vital_cli.terminal import say
    from vital_shared.store.backup import restore as put_back

    facts, earlier = put_back(Path(file), store_file(), datetime.now(UTC))
    with_store(lambda store: _note(store, "database_restored"))
    _show(facts, as_json=as_json)
    if earlier is not None:
        say(f"The store that was there is {earlier} now: delete it once nobody needs it.", "dim")
    say("Persons that were erased since the backup was made are in it again: erase them again.", "yellow")
    say("Keys that were revoked or rotated since then are valid again: revoke them again.", "yellow")


def store_file(otherwise: str = _POSTGRES_TOOLS) -> Path:
    """Return the file of the store.

    :param otherwise: the message where there is none.
    :raises ConfigurationError: when the store is no SQLite file.
    """
    from pathlib import Path

    from vital_cli.settings import load_settings
    from vital_shared.errors import ConfigurationError
    from vital_shared.settings import Settings
    from vital_shared.store.engines import parse_url

    url = parse_url(load_settings(Settings).url)
    if url.get_backend_name() != "sqlite":
        raise ConfigurationError(otherwise)
    return Path(url.database or "")


async def _note(store: Store, action: AuditAction) -> None:
    from vital_shared.store.audit import AuditedChange, add_entry

    async with store.database.begin() as connection:
        await connection.run_sync(add_entry, AuditedChange(action, "", None, store.now()))


def _show(facts: BackupFacts, *, as_json: bool) -> None:
    from vital_cli.terminal import show_fields, write_json

    values = facts._asdict() | {"path": str(facts.path)}
    if as_json:
        write_json(values)
    else:
        show_fields(
            {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
        )
