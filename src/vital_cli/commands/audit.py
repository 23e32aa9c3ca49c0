"""``vital audit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vital_cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from vital_shared.models.audit import AuditEntry, AuditPage, AuditQuery
    from vital_shared.store.store import Store

__all__ = ["audit"]


def audit(
    action: Annotated[
        str | None, typer.Option(help="Only this action, such as key_created, budget_set or tool_denied.")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Only of this key, user or name.")] = None,
    target: Annotated[
        str | None, typer.Option("--object", help="Only of this key, agent, document, tenant or run.")
    ] = None,
    person: Annotated[str | None, typer.Option(help="Only about this user, or decided by this user.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="From this day (UTC) or time on.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Before this day or time.")] = None,
    limit: Annotated[int, typer.Option(help="The number of entries, at most 500.")] = 50,
    every: Annotated[
        bool, typer.Option("--all", help="All entries, with --json as one line of JSON each.")
    ] = False,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """List who changed what, the newest first."""
    from vital_cli.store_access import with_store
    from vital_cli.terminal import write, write_json
    from vital_shared.models.audit_export import CSV_HEADER, to_csv_line, to_json_line
    from vital_shared.store.audit import AuditStore

    if as_json and as_csv:
        raise typer.BadParameter("choose one of them", param_hint="--json, --csv")
    query = _query(
        {"action": action, "actor": actor, "object": target, "person": person, "from": start, "to": end}
        | {"limit": limit}
    )
    if as_csv:
        write(CSV_HEADER)
    if every:
        _export(query, tenant, lambda entry: write(to_csv_line(entry) if as_csv else to_json_line(entry)))
        return
    page = with_store(lambda store: AuditStore(store.database).page(query, tenant_id=tenant))
    if as_csv:
        write("".join(map(to_csv_line, page.entries)))
    elif as_json:
        write_json(page)
    else:
        _show(page)


def _export(query: AuditQuery, tenant: str | None, write_entry: Callable[[AuditEntry], None]) -> None:
    from vital_cli.store_access import with_store
    from vital_shared.models.audit import MAX_AUDIT_PAGE
    from vital_shared.store.audit import AuditStore

    whole = query.model_copy(update={"limit": MAX_AUDIT_PAGE})

    async def export(store: Store) -> None:
        async for entry in AuditStore(store.database).entries(whole, tenant_id=tenant):
            write_entry(entry)

    with_store(export)


def _query(given: dict[str, Any]) -> AuditQuery:
    from pydantic import ValidationError

    from vital_cli.problems import invalid
    from vital_shared.models.audit import AuditQuery

    try:
        return AuditQuery.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise invalid(error) from error


def _show(page: AuditPage) -> None:
    from vital_cli.terminal import say, show_table

    if not page.entries:
        say("There are no such entries.", "yellow")
        return
    show_table([_row(entry) for entry in page.entries])
    if page.next_cursor is not None:
        say("There are more: add --limit, or --all.", "dim")
    if page.protection == "triggers":
        say(
            "The database refuses changes of the log; but with the engine's own address of the database its "
            "triggers can be taken away: see docs/audit.md.",
            "dim",
        )


def _row(entry: AuditEntry) -> dict[str, object]:
    return {
        "at": f"{entry.at:%Y-%m-%d %H:%M:%S} UTC",
        "actor": f"{entry.actor_kind} {entry.actor}".strip(),
        "action": entry.action,
        "object": entry.object or None,
        "person": entry.person,
        "tenant": entry.tenant_id,
        "outcome": entry.outcome,
        "details": ", ".join(f"{name} {value}" for name, value in entry.details.items() if value is not None),
    }
