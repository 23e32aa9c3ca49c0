"""Spending."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from ai_engine.api.accept import prefers_csv
from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from vital_shared.models.cost_csv import to_csv
from vital_shared.models.costs import CostQuery, CostReport, rename_workflows
from vital_shared.store.costs import CostStore
from vital_shared.store.forecast import MonthForecasts, month_forecasts

__all__ = ["CostParameters", "router"]

router = APIRouter(prefix="/v1/costs", tags=["costs"])

CSV: Final = "text/csv"
ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The costs.", "content": {CSV: {"schema": {"type": "string"}}}}
}
HEADERS: Final = {"Content-Disposition": 'attachment; filename="costs.csv"', "Vary": "Accept"}


class CostParameters(CostQuery):
    """The query, and in which form its answer is wanted."""

    format: Literal["json", "csv"] | None = Field(
        default=None, description="Default: the format that the header Accept prefers."
    )


@router.get("/forecast", summary="Forecast the month")
async def forecast_costs(request: Request) -> MonthForecasts:
    """Forecast what this month (UTC) will have cost at its end, of the tenant; without its header, of all.

    Amounts are in dollars. The range is one that four of five months should end within.
    """
    services = engine_of(request).services
    async with services.database.connect() as connection:
        return await month_forecasts(connection, services.now(), Caller.of(request).tenant_id)


@router.get("", summary="Sum up costs", response_model=CostReport, responses=ANSWER)
async def show_costs(
    request: Request, response: Response, query: Annotated[CostParameters, Query()]
) -> CostReport | Response:
    """Sum up the tenant's costs, from the ledger; without the tenant header, those of all.

    Money is in dollars, exact, as text. At most 10,000 lines.
    """
    engine = engine_of(request)
    costs = CostStore(engine.services.database)
    stored = await costs.report(query, tenant_id=Caller.of(request).tenant_id)
    report = rename_workflows(stored, engine.workflows.shown)
    as_csv = prefers_csv(request.headers.get("accept", "")) if query.format is None else query.format == "csv"
    if as_csv:
        return Response(to_csv(report, query.group_by), media_type=CSV, headers=HEADERS)
    response.headers["Vary"] = "Accept"
    return report
