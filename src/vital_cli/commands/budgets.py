"""``vital budgets``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from vital_cli.options import Json, examples

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from vital_shared.models.limits import Allowance, TenantStanding
    from vital_shared.store.limits import LimitStore

__all__ = ["app"]

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    help="Limits on tenants' spending and requests, and their share of the engine.",
)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]
Money = "Dollars of {}, in UTC, such as 10 or 0.5; none lifts the limit."


@app.command(
    "set",
    epilog=examples(
        "vital budgets set acme --daily 10 --monthly 200 --per-minute 60",
        "vital budgets set acme --daily none",
        "vital budgets set acme --weight 3 --models claude-sonnet-4-5,gpt-5-mini",
    ),
)
def set_limits(
    tenant: Tenant,
    daily: Annotated[str | None, typer.Option(metavar="DOLLARS", help=Money.format("a day"))] = None,
    monthly: Annotated[str | None, typer.Option(metavar="DOLLARS", help=Money.format("a month"))] = None,
    per_minute: Annotated[
        str | None,
        typer.Option(metavar="REQUESTS", help="Requests a minute, and as many at once; none lifts it."),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHT",
            help="Its share of runs and uploads, 1 to 100, compared with tenants of weight 1; none means 1.",
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="MODELS",
            help="Models its requests may name in addition to the agent's, by commas; none allows no others.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set limits of a tenant; limits that you do not give stay unchanged."""
    from vital_cli.limits import changed
    from vital_cli.terminal import say, write_json

    given = {
        "daily_dollars": daily,
        "monthly_dollars": monthly,
        "requests_per_minute": per_minute,
        "weight": weight,
        "models": models,
    }
    if all(each is None for each in given.values()):
        raise typer.BadParameter(
            "no limit is given", param_hint="--daily, --monthly, --per-minute, --weight, --models"
        )

    async def work(limits: LimitStore, now: datetime) -> TenantStanding:
        await limits.set(tenant, await changed(limits, tenant, given, now=now), now=now)
        return await limits.get(tenant, now=now)

    standing = _with_limits(work)
    if as_json:
        write_json(standing)
    else:
        say(f"Set the limits of {tenant}; they hold from its next request on.", "green")


@app.command("list", epilog=examples("vital budgets list", "vital budgets list --json"))
def list_limits(as_json: Json = False) -> None:
    """List the tenants that have limits, with what they have used of them."""
    from vital_cli.terminal import say, show_table, write_json

    standings = _with_limits(lambda limits, now: limits.list(now=now))
    if as_json:
        write_json(standings)
    elif standings:
        show_table([_row(standing) for standing in standings])
    else:
        say("No tenant has limits: set some with `vital budgets set`.", "yellow")


@app.command(epilog=examples("vital budgets show acme", "vital budgets show acme --json"))
def show(tenant: Tenant, as_json: Json = False) -> None:
    """Show the limits of a tenant, what it has spent and what is left."""
    from vital_cli.terminal import show_fields, write_json

    standing = _with_limits(lambda limits, now: limits.get(tenant, now=now))
    if as_json:
        write_json(standing)
    else:
        show_fields(_row(standing) | {"set": f"{standing.updated_at:%Y-%m-%d %H:%M} UTC"})


@app.command(epilog=examples("vital budgets delete acme"))
def delete(tenant: Tenant) -> None:
    """Remove a tenant's limits on requests and spending."""
    from vital_cli.terminal import say

    _with_limits(lambda limits, _: limits.delete(tenant))
    say(f"Deleted the limits of {tenant}.", "green")


def _with_limits(work: Callable[[LimitStore, datetime], Awaitable[T]]) -> T:
    """Do one piece of work with the store's limits, at the store's time."""
    from vital_cli.store_access import with_store
    from vital_shared.store.limits import LimitStore

    return with_store(lambda store: work(LimitStore(store.database), store.now()))


def _row(standing: TenantStanding) -> dict[str, object]:
    return {
        "tenant": standing.tenant_id,
        "today": _spent(standing.daily),
        "left today": _left(standing.daily),
        "this month": _spent(standing.monthly),
        "left this month": _left(standing.monthly),
        "reserved": f"${standing.reserved_dollars:f}",
        "requests a minute": standing.requests_per_minute,
        "weight": standing.weight,
        "models": None if standing.models is None else ", ".join(standing.models),
    }


def _spent(allowance: Allowance | None) -> str | None:
    return None if allowance is None else f"${allowance.spent_dollars:f} of ${allowance.limit_dollars:f}"


def _left(allowance: Allowance | None) -> str | None:
    return None if allowance is None else f"${allowance.left_dollars:f}"
