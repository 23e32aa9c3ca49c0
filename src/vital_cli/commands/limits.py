"""``vital limits``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from vital_cli.options import Json, examples

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from vital_shared.models.usage_limits import Organisation, UsageStanding
    from vital_shared.store.usage_limits import UsageLimitStore

__all__ = ["app"]

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True, help="Limits of organisations, tenants, keys and users, in dollars and tokens."
)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]
OrganisationName = Annotated[str, typer.Argument(metavar="ORGANISATION", help="The organisation's id.")]


@app.command(
    "set",
    epilog=examples(
        "vital limits set organisation umbrella 5000 dollars month",
        "vital limits set key key_5e0c 100000 tokens minute --model openai:gpt-5-mini",
        "vital limits set user ann 2 dollars day --tenant acme",
    ),
)
def set_limit(
    level: Annotated[str, typer.Argument(metavar="LEVEL", help="organisation, tenant, key or user.")],
    holder: Annotated[
        str, typer.Argument(metavar="ID", help="The id of the organisation, tenant, key or user.")
    ],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Dollars, or tokens read and written.")],
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="dollars or tokens.")],
    period: Annotated[str, typer.Argument(metavar="PERIOD", help="minute, day or month, in UTC.")],
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Only this model, as provider:model.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(metavar="TENANT", help="The tenant of a user.")] = None,
    as_json: Json = False,
) -> None:
    """Set a limit, replacing the one for the same; it applies from the next request on."""
    from pydantic import ValidationError

    from vital_cli.problems import invalid
    from vital_cli.terminal import say, write_json
    from vital_shared.models.usage_limits import UsageLimit

    given = {
        "level": level,
        "id": holder,
        "tenant_id": tenant,
        "model": model,
        "unit": unit,
        "period": period,
        "amount": amount,
    }

    async def work(limits: UsageLimitStore, now: datetime) -> UsageStanding:
        try:
            limit = UsageLimit.model_validate(given)
        except ValidationError as error:
            raise invalid(error) from error
        return await limits.set(limit, now=now)

    standing = _with_limits(work)
    if as_json:
        write_json(standing)
    else:
        say(f"Set {standing.limit_id}; it holds from the next request on.", "green")


@app.command("list", epilog=examples("vital limits list", "vital limits list --json"))
def list_limits(as_json: Json = False) -> None:
    """List the limits from the top of the tree down, and what is left of each."""
    from vital_cli.terminal import say, show_table, write_json

    standings = _with_limits(lambda limits, now: limits.list(now=now))
    if as_json:
        write_json(standings)
    elif standings:
        show_table([_row(standing) for standing in standings])
    else:
        say("There are no limits: set some with `vital limits set`.", "yellow")


@app.command(epilog=examples("vital limits remove limit_1f00"))
def remove(limit_id: Annotated[str, typer.Argument(metavar="LIMIT", help="The limit's id.")]) -> None:
    """Remove a limit; the others that apply to a request remain."""
    from vital_cli.terminal import say

    _with_limits(lambda limits, _: limits.remove(limit_id))
    say(f"Removed {limit_id}.", "green")


@app.command(epilog=examples("vital limits join acme umbrella"))
def join(tenant: Tenant, organisation: OrganisationName) -> None:
    """Put a tenant under an organisation, whose limits apply from its next request on."""
    from vital_cli.terminal import say

    _with_limits(lambda limits, now: limits.join(tenant, organisation, now=now))
    say(f"The limits of {organisation} hold for {tenant}.", "green")


@app.command(epilog=examples("vital limits leave acme umbrella"))
def leave(tenant: Tenant, organisation: OrganisationName) -> None:
    """Take a tenant out of an organisation."""
    from vital_cli.terminal import say

    _with_limits(lambda limits, _: limits.leave(tenant, organisation))
    say(f"The limits of {organisation} no longer hold for {tenant}.", "green")


@app.command(epilog=examples("vital limits organisations"))
def organisations(as_json: Json = False) -> None:
    """List the organisations and their tenants."""
    from vital_cli.terminal import say, show_table, write_json

    found = _with_limits(lambda limits, _: limits.organisations())
    if as_json:
        write_json(found)
    elif found:
        show_table([_organisation_row(each) for each in found])
    else:
        say("No tenant belongs to an organisation: see `vital limits join`.", "yellow")


def _with_limits(work: Callable[[UsageLimitStore, datetime], Awaitable[T]]) -> T:
    """Do one piece of work with the store's limits, at the store's time."""
    from vital_cli.store_access import with_store
    from vital_shared.store.usage_limits import UsageLimitStore

    return with_store(lambda store: work(UsageLimitStore(store.database), store.now()))


def _row(standing: UsageStanding) -> dict[str, object]:
    return {
        "limit": standing.limit_id,
        "level": standing.level,
        "id": standing.id if standing.tenant_id is None else f"{standing.tenant_id}/{standing.id}",
        "model": standing.model,
        "amount": f"{standing.amount:f} {standing.unit} per {standing.period}",
        "spent": f"{standing.spent:f}",
        "reserved": f"{standing.reserved:f}",
        "left": f"{standing.left:f}",
    }


def _organisation_row(organisation: Organisation) -> dict[str, object]:
    return {"organisation": organisation.organisation_id, "tenants": ", ".join(organisation.tenants)}
