"""``vital approvals``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vital_cli.options import Json

if TYPE_CHECKING:
    from vital_shared.models.approval import WaitingRun

__all__ = ["approvals"]


def approvals(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    user: Annotated[str | None, typer.Option(help="Only requests of this user.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="The number of runs, at most 200.")] = 50,
    as_json: Json = False,
) -> None:
    """List the runs that wait for a person, the one that expires first at the top."""
    from vital_cli.store_access import with_store
    from vital_cli.terminal import say, show_table, write_json
    from vital_shared.models.approval import ApprovalQuery
    from vital_shared.store.approvals import ApprovalStore

    query = ApprovalQuery(user=user, limit=limit)
    page = with_store(
        lambda store: ApprovalStore(store.database).page(query, tenant_id=tenant, now=store.now())
    )
    if page.approvals:
        from vital_cli.workflow_names import served_names  # with the configuration's classes, which are large

        name = served_names()
        named = (each.model_copy(update={"workflow": name(each.workflow)}) for each in page.approvals)
        page = page.model_copy(update={"approvals": tuple(named)})
    if as_json:
        write_json(page)
    elif page.approvals:
        show_table([_row(each) for each in page.approvals])
        say("Decide with `vital approve RUN_ID` or `vital resume RUN_ID`.", "dim")
    else:
        say("Nothing waits.", "green")


def _row(run: WaitingRun) -> dict[str, object]:
    tools = ", ".join(f"{call.name} ({call.id})" for call in run.suggested_tools)
    inputs = ", ".join(each.name for each in run.required_input)
    return {
        "id": run.run_id,
        "expires": f"{run.expires_at:%Y-%m-%d %H:%M} UTC",
        "tenant": run.tenant_id,
        "user": run.user_id,
        "workflow": run.workflow,
        "waits for": "; ".join(filter(None, (tools, inputs))),
        "would cost $": f"{run.tools_cost_dollars:f}",
        "question": run.title,
    }
