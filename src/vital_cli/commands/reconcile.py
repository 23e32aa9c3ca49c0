"""``vital costs reconcile``."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vital_cli.options import Json

if TYPE_CHECKING:
    from vital_shared.billing.reconciliation.comparison import ComparedUsage, ReconciliationReport
    from vital_shared.billing.reconciliation.reported import ProviderExport
    from vital_shared.models.costs import CostQuery, CostReport
    from vital_shared.workflows.services import Services

__all__ = ["reconcile"]

DIFFERENT = 1
"""The exit code where the two sides differ."""

UNCOMPARED = {"rag": "searches in sources (rag)", "tools": "tools"}
"""Types of costs that exports of models' providers do not have."""


def reconcile(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The provider's export of usage or costs, as CSV or JSON."),
    ],
    provider: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Providers of the ledger's models, the names before the colon; give it once for each. "
            "Without: the one that the file shows.",
        ),
    ] = None,
    tolerance: Annotated[
        str,
        typer.Option(metavar="DOLLARS", help="Accept a difference of this much for each day and model."),
    ] = "0",
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Compare the whole period, not day by day, if its days are not UTC."),
    ] = False,
    all_models: Annotated[
        bool,
        typer.Option(
            "--all-models", help="Compare the sum of all models, if the export has other names for them."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare the ledger with a provider's own export, by day and model.

    The exit code is 0 if they are the same to the nano-dollar, and 1 if they differ.
    """
    from vital_cli.session import with_services
    from vital_cli.terminal import write_json
    from vital_shared.billing.reconciliation.comparison import ledger_amounts
    from vital_shared.billing.reconciliation.comparison import reconcile as compare
    from vital_shared.billing.reconciliation.read_export import read_export
    from vital_shared.store.costs import CostStore

    allowed = _dollars(tolerance)
    export = read_export(file)
    names = _names(provider, export)
    query = _query(export)
    by_type = query.model_copy(update={"group_by": ("type",), "type": None})

    async def read(services: Services) -> tuple[CostReport, CostReport]:
        store = CostStore(services.database)
        return await store.report(query, tenant_id=None), await store.report(by_type, tenant_id=None)

    costs, types = with_services(read)
    export = replace(export, left_out=(*export.left_out, *_uncompared(types)))
    report = compare(
        export,
        ledger_amounts(costs.lines, names),
        tolerance_dollars=allowed,
        by_day=not whole,
        by_model=not all_models,
    )
    if as_json:
        write_json(report)
    else:
        _show(report)
    if report.differences:
        raise typer.Exit(DIFFERENT)


def _dollars(text: str) -> Decimal:
    try:
        dollars = Decimal(text)
    except InvalidOperation:
        dollars = Decimal(-1)
    if not dollars.is_finite() or dollars < 0:
        raise typer.BadParameter("must be an amount such as 0.01", param_hint="--tolerance")
    return dollars


def _names(given: list[str] | None, export: ProviderExport) -> frozenset[str]:
    if given or export.provider:
        return frozenset(given or (export.provider,))
    raise typer.BadParameter("the file does not show its provider: name it", param_hint="--provider")


def _query(export: ProviderExport) -> CostQuery:
    from datetime import timedelta

    from vital_shared.errors import InvalidRequest
    from vital_shared.models.costs import CostQuery

    period = export.period
    if not export.amounts or period.first is None or period.last is None:
        raise InvalidRequest(" ".join(("The export has no usage and no costs.", *export.left_out)))
    after = period.last + timedelta(days=1)
    return CostQuery.model_validate(
        {
            "group_by": ("day", "model"),
            "type": "llm",
            "from": period.first.isoformat(),
            "to": after.isoformat(),
        }
    )


def _uncompared(types: CostReport) -> list[str]:
    """Return a remark on what the ledger has besides calls of models, by the type of its costs."""
    return [
        f"The ledger's {line.cost_dollars.normalize():f} dollars of {UNCOMPARED[kind]} are not compared: "
        "no model's provider bills them."
        for line in types.lines
        if (kind := line.group["type"] or "") in UNCOMPARED and line.cost_dollars
    ]


def _show(report: ReconciliationReport) -> None:
    from vital_cli.terminal import say, show_table

    period = f"from {report.start} to {report.end}"
    for remark in report.left_out:
        say(remark, "yellow")
    if not report.differences:
        say(f"The ledger and the export are the same {period}: {len(report.lines):,} amounts.", "green")
        return
    show_table([_row(line) for line in report.differences])
    say(f"{len(report.differences):,} of {len(report.lines):,} amounts differ {period}.", "yellow")


def _row(line: ComparedUsage) -> dict[str, object]:
    return {
        "day": line.day or "all",
        "model": line.model,
        "amount": line.amount.replace("_", " "),
        "ledger": f"{line.ledger:,f}",
        "provider": f"{line.provider:,f}",
        "difference": f"{line.difference:+,f}",
    }
