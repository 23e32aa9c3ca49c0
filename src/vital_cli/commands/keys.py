"""``vital keys``."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from vital_cli.durations import parse_duration
from vital_cli.options import Json, examples

if TYPE_CHECKING:
    from datetime import datetime

    from vital_shared.models.api_key import ApiKey
    from vital_shared.store.keys import NewKey
    from vital_shared.store.store import Store

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="API keys for HTTP; without any, the engine serves only this machine.",
)


class ScopeName(str, Enum):
    """The permissions of a key; see `vital_shared.models.api_key.Scope`."""

    ASK = "ask"
    COSTS = "costs"
    ADMIN = "admin"


@app.command(
    epilog=examples(
        "vital keys create --tenant acme --scope ask --name website",
        "vital keys create --tenant acme --scope ask --scope costs --name 'the team' --expires 90d",
        "vital keys create --all-tenants --scope admin --name operator > operator.key",
    )
)
def create(
    scope: Annotated[
        list[ScopeName],
        typer.Option(
            help="Its scopes: ask; costs (spending and metrics); admin (both, and changing agents "
            "and documents). Give it once for each."
        ),
    ],
    tenant: Annotated[str | None, typer.Option(help="The tenant of the key.")] = None,
    all_tenants: Annotated[bool, typer.Option("--all-tenants", help="A key for all tenants.")] = False,
    name: Annotated[str, typer.Option(help="A name to recognise it by.")] = "",
    expires: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration, metavar="DURATION", help="Time until it expires, such as 90d; else never."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a key and print it. It is shown only once: the store keeps only a hash of its secret."""
    from vital_cli.store_access import with_store
    from vital_shared.store.keys import KeyStore

    if (tenant is not None) == all_tenants:
        raise typer.BadParameter(
            "say whose key it is, with one of them", param_hint="--tenant, --all-tenants"
        )
    scopes = [each.value for each in scope]

    async def created(store: Store) -> NewKey:
        now = store.now()
        return await KeyStore(store.database).create(
            tenant_id=tenant,
            scopes=scopes,
            name=name,
            now=now,
            expires_at=None if expires is None else now + expires,
        )

    _show_once(with_store(created), as_json=as_json)


@app.command("list", epilog=examples("vital keys list", "vital keys list --tenant acme --json"))
def list_keys(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's own.")] = None,
    as_json: Json = False,
) -> None:
    """List the keys, without their secrets, which are not stored."""
    from vital_cli.store_access import with_store
    from vital_cli.terminal import say, show_table, write_json
    from vital_shared.store.keys import KeyStore

    keys = with_store(lambda store: KeyStore(store.database).list(tenant_id=tenant))
    if as_json:
        write_json(keys)
    elif keys:
        show_table([_row(key) for key in keys])
    else:
        say("There are no keys yet: make one with `vital keys create`.", "yellow")


@app.command(epilog=examples("vital keys rotate 3f0c9b1d5e7a2468 --overlap 24h"))
def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Its id: see `vital keys list`.")],
    overlap: Annotated[
        timedelta,
        typer.Option(
            parser=parse_duration, metavar="DURATION", help="Time for which the old key works, too."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Replace a key: create and print one with the same tenant, scopes, name and lifetime.

    The old one expires after the overlap; running engines notice within 5 seconds.
    """
    from vital_cli.store_access import with_store
    from vital_cli.terminal import say
    from vital_shared.store.keys import KeyStore

    new = with_store(lambda store: KeyStore(store.database).rotate(key_id, overlap=overlap, now=store.now()))
    _show_once(new, as_json=as_json)
    if not as_json:
        say(f"The old key {key_id} expires after the overlap: see `vital keys list`.", "yellow")


@app.command(epilog=examples("vital keys revoke 3f0c9b1d5e7a2468"))
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Its id: see `vital keys list`.")],
    as_json: Json = False,
) -> None:
    """Revoke a key for good: running engines refuse it within 5 seconds."""
    from vital_cli.store_access import with_store
    from vital_cli.terminal import say, write_json
    from vital_shared.store.keys import KeyStore

    async def revoked(store: Store) -> tuple[ApiKey, bool]:
        keys, now = KeyStore(store.database), store.now()
        return await keys.revoke(key_id, now=now), not await keys.any_active(now=now)

    key, was_last = with_store(revoked)
    if as_json:
        write_json(key)
        return
    say(f"Revoked the key {key.id}.", "green")
    if was_last:
        say(
            "It was the last: the engine lets nobody in until `vital keys create` makes another, or "
            "`vital keys open` opens it to this machine.",
            "yellow",
        )


@app.command("open", epilog=examples("vital keys open"))
def open_engine(*, as_json: Json = False) -> None:
    """Open the engine to this machine without keys, as before the first was created.

    All keys have to be revoked or expired; they are deleted. An engine that is running opens with its next
    start.
    """
    from vital_cli.store_access import with_store
    from vital_cli.terminal import say, write_json
    from vital_shared.store.keys import KeyStore

    deleted = with_store(lambda store: KeyStore(store.database).forget_useless(now=store.now()))
    if as_json:
        write_json({"deleted": deleted})
    else:
        say(
            f"Deleted {deleted} keys, revoked or expired. From its next start the engine asks this machine "
            "for none.",
            "green",
        )


def _show_once(new: NewKey, *, as_json: bool) -> None:
    from vital_cli.terminal import say, write, write_json

    if as_json:
        write_json(new.key.model_dump(mode="json") | {"token": new.token})
        return
    write(f"{new.token}\n")
    say("Keep it where secrets are kept: it cannot be shown again. Clients send it as", "green")
    say("Authorization: Bearer vital_…", "green")
    if new.key.expires_at is not None:
        say(f"It expires at {_minute(new.key.expires_at)}.", "green")


def _row(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "tenant": key.tenant_id or "(all)",
        "name": key.name,
        "scopes": ", ".join(key.scopes),
        "created": _minute(key.created_at),
        "expires": _minute(key.expires_at),
        "revoked": _minute(key.revoked_at),
    }


def _minute(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
