"""Dashboards: their panels, and the data of each."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request

from ai_engine.engine import Engine, engine_of
from ai_engine.monitoring.monitor import Monitor, MonitoringSources, PanelWindow
from ai_engine.monitoring.views import DashboardList, DashboardView, PanelData
from vital_shared.errors import InvalidRequest, NotFound
from vital_shared.store.live_workers import live_hosts

__all__ = ["monitor_of", "router", "sources_of"]

MAX_POINTS: Final = 500
"""Points of one series."""

MAX_RANGE_SECONDS: Final = 92 * 86_400.0

Choice = Annotated[list[Annotated[str, Query(max_length=256)]], Query(max_length=100)]
Uid = Annotated[str, Path(max_length=64)]

router = APIRouter(prefix="/v1/dashboards", tags=["dashboards"])


async def monitor_of(engine: Engine) -> Monitor:
    """Return what shows dashboards and alerts.

    :raises NotFound: when there is none.
    """
    if engine.monitor is None:
        raise NotFound("This engine shows no dashboards: it was not started with `vital serve`.")
    return await asyncio.to_thread(engine.monitor)


async def sources_of(engine: Engine) -> MonitoringSources:
    """Return the places that the engine's figures come from."""
    url = engine.settings.prometheus_url
    engines = 1 if url else await engine.services.database.read(live_hosts)
    return MonitoringSources(
        prometheus_url=url,
        samples=engine.samples,
        ops_config=engine.settings.ops_config,
        engines=max(1, engines),
    )


@router.get("", summary="List dashboards")
async def list_dashboards(request: Request) -> DashboardList:
    """List the dashboards: the same as Grafana's, from the same definitions."""
    return await (await monitor_of(engine_of(request))).dashboards()


@router.get("/{uid}", summary="Show a dashboard")
async def show_dashboard(request: Request, uid: Uid) -> DashboardView:
    """Show a dashboard's panels, their positions, and its variables."""
    engine = engine_of(request)
    monitor = await monitor_of(engine)
    return await monitor.dashboard(uid, await sources_of(engine))


@router.get("/{uid}/panels/{panel_id}/data", summary="Read a panel's data")
async def read_panel(
    request: Request,
    uid: Uid,
    panel_id: int,
    start: Annotated[float, Query(alias="from", ge=0, description="Seconds since 1970.")],
    end: Annotated[float, Query(alias="to", description="Seconds since 1970.")],
    step: Annotated[float, Query(ge=1, description="Seconds from one point to the next.")],
    environment: Choice = [],  # noqa: B006 - FastAPI's way
    instance: Choice = [],  # noqa: B006
    mode: Choice = [],  # noqa: B006
    tenant: Choice = [],  # noqa: B006
    workflow: Choice = [],  # noqa: B006
) -> PanelData:
    """Evaluate a panel's queries, by Prometheus or over the engine's own samples of the last hours."""
    if not start < end <= time.time() + MAX_RANGE_SECONDS or end - start > MAX_RANGE_SECONDS:
        raise InvalidRequest("to has to be later than from, by no more than 92 days", field="to")
    if (end - start) / step > MAX_POINTS:
        raise InvalidRequest(f"step has to be longer: there are at most {MAX_POINTS} points", field="step")
    given = {
        "environment": environment,
        "instance": instance,
        "mode": mode,
        "tenant": tenant,
        "workflow": workflow,
    }
    chosen = {name: frozenset(values) for name, values in given.items() if values}
    engine = engine_of(request)
    window = PanelWindow(start=start, end=end, step=step, chosen=chosen)
    monitor = await monitor_of(engine)
    return await monitor.panel(uid, panel_id, window, await sources_of(engine))
