"""``vital costs``."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vital_cli.commands.reconcile import reconcile
from vital_cli.options import Json, examples

if TYPE_CHECKING:
    from vital_shared.models.costs import CostQuery, CostReport, CostSums

__all__ = ["app"]

app = typer.Typer(invoke_without_command=True)


class GroupName(str, Enum):
    """The properties that costs may be grouped by; see `vital_shared.models.costs.CostGroup`."""

    TENANT = "tenant"
    USER = "user"
    MODE = "mode"
    MODEL = "model"
    AGENT = "agent"
    WORKFLOW = "workflow"
    TYPE = "type"
    DAY = "day"


@app.callback(
    epilog=examples(
        "vital costs --by tenant --by model",
        "vital costs --by day --from 2026-11-01 --to 2026-12-01 --tenant acme",
        "vital costs --by agent --by type --csv > costs.csv",
        "vital costs --json | jq -r .total.cost_dollars",
        "vital costs reconcile costs-from-openai.csv",
    )
)
def costs(
    context: typer.Context,
    by: Annotated[
        list[GroupName] | None,
        typer.Option(help="Group by this; repeatable. Default: the sum of all."),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="From this day (UTC) or time on, such as 2026-11-25.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Until this day or time, which is not included.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    mode: Annotated[str | None, typer.Option(help="Only of this mode: 1, 2, 3 or 4.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only of this agent.")] = None,
    cost_type: Annotated[str | None, typer.Option("--type", help="Only of llm, tools or rag.")] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, without a total.")] = False,
) -> None:
    """Sum up spending and savings, in exact dollars."""
    if context.invoked_subcommand is not None:
        return
    from vital_cli.session import with_services
    from vital_cli.terminal import write, write_json
    from vital_shared.models.cost_csv import to_csv
    from vital_shared.store.costs import CostStore

    if as_json and as_csv:
        raise typer.BadParameter("choose one of them", param_hint="--json, --csv")
    names = tuple(each.value for each in by or ())
    given = {"from": start, "to": end, "mode": mode, "agent": agent, "type": cost_type}
    query = _query({"group_by": names} | given)
    report = with_services(lambda services: CostStore(services.database).report(query, tenant_id=tenant))
    if "workflow" in query.group_by:
        from vital_cli.workflow_names import served_names
        from vital_shared.models.costs import rename_workflows

        report = rename_workflows(report, served_names())
    if as_csv:
        write(to_csv(report, query.group_by))
    elif as_json:
        write_json(report)
    else:
        _show(report, query)


def _query(given: dict[str, Any]) -> CostQuery:
    from pydantic import ValidationError

    from vital_cli.problems import invalid
    from vital_shared.models.costs import CostQuery

    try:
        return CostQuery.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from error


def _show(report: CostReport, query: CostQuery) -> None:
    """Show a table with the total as its last line; without groups, the total alone."""
    from vital_cli.terminal import show_fields, show_table

    if not query.group_by:
        show_fields(_cells(report.total))
        return
    rows = [{**line.group, **_cells(line)} for line in report.lines]
    first, *others = query.group_by
    show_table([*rows, {first: "total", **dict.fromkeys(others, ""), **_cells(report.total)}])


def _cells(sums: CostSums) -> dict[str, object]:
    return {
        "cost $": f"{sums.cost_dollars:,f}",
        "saved $": f"{sums.saved_dollars:,f}",
        "calls": f"{sums.calls:,}",
        "estimated": f"{sums.estimated_calls:,}",
        "clamped": f"{sums.clamped_calls:,}",
        "unpriced": f"{sums.unpriced_calls:,}",
        "spared": f"{sums.spared_calls:,}",
        "hits": f"{sums.hits:,}",
        "input": f"{sums.input_tokens:,}",
        "cached": f"{sums.cached_input_tokens:,}",
        "output": f"{sums.output_tokens:,}",
        "reasoning": f"{sums.reasoning_tokens:,}",
    }


app.command(
    epilog=examples(
        "vital costs reconcile costs-from-openai.csv",
        "vital costs reconcile cost_report.json --tolerance 0.01 --json",
        "vital costs reconcile billing.csv --provider gemini --whole",
    )
)(reconcile)
