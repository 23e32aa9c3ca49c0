"""Alerts: reported by Alertmanager, stored, and shown."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from ai_engine.api.administration.dashboards import monitor_of, sources_of
from ai_engine.api.body import read_model
from ai_engine.engine import engine_of
from ai_engine.monitoring.views import AlertRuleDetail, AlertRuleList
from vital_shared.logs import get_logger
from vital_shared.models.alert import MAX_ALERTS, Alert, AlertNotification, NotifiedAlert
from vital_shared.models.base import Frozen
from vital_shared.store.alerts import AlertStore

__all__ = ["AlertList", "router"]

logger = get_logger(__name__)

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A notification that Alertmanager posts to a webhook.",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/AlertNotification"},
                "example": {
                    "version": "4",
                    "receiver": "engine",
                    "alerts": [
                        {
                            "status": "firing",
                            "labels": {"alertname": "HighErrorRate", "severity": "warning"},
                            "annotations": {"summary": "8 % of the requests fail."},
                            "startsAt": "2026-11-25T12:00:00.123456789Z",
                            "endsAt": "0001-01-01T00:00:00Z",
                            "generatorURL": "http://127.0.0.1:9090/graph",
                            "fingerprint": "3f0c9b1d5e7a2468",
                        }
                    ],
                },
            }
        },
    }
}


class AlertList(Frozen):
    """Alerts, the newest first."""

    alerts: tuple[Alert, ...]


@router.post("", summary="Report alerts", status_code=204, openapi_extra=BODY)
async def receive_alerts(request: Request) -> Response:
    """Receive a notification from Alertmanager: store its alerts, and log a line for each."""
    engine = engine_of(request)
    notification = await read_model(request, AlertNotification, engine.settings.max_body_bytes)
    await AlertStore(engine.services.database).record(notification, now=engine.services.now())
    for alert in notification.alerts:
        _log(alert)
    return Response(status_code=204)


@router.get("", summary="List alerts")
async def list_alerts(request: Request, limit: Annotated[int, Query(ge=1, le=MAX_ALERTS)] = 100) -> AlertList:
    """List the alerts that were reported last, firing or resolved; the newest 1,000 are kept."""
    return AlertList(alerts=await AlertStore(engine_of(request).services.database).newest(limit))


@router.get("/rules", summary="List the state of alerts")
async def list_alert_rules(request: Request) -> AlertRuleList:
    """List all alerts with state, value and threshold, those that fire first."""
    engine = engine_of(request)
    monitor = await monitor_of(engine)
    return await monitor.alert_rules(await sources_of(engine))


@router.get("/rules/{key}", summary="Show an alert")
async def show_alert_rule(request: Request, key: Annotated[str, Path(max_length=64)]) -> AlertRuleDetail:
    """Show an alert's state, its meaning and its runbook."""
    engine = engine_of(request)
    monitor = await monitor_of(engine)
    return await monitor.alert_rule(key, await sources_of(engine))


def _log(alert: NotifiedAlert) -> None:
    """Log a line; the Watchdog, which has no severity and comes every minute, is no news."""
    log = logger.debug if alert.labels.get("severity") == "none" else logger.warning
    log(
        "alert",
        status=alert.status,
        name=alert.labels.get("alertname", ""),
        severity=alert.labels.get("severity", ""),
        summary=alert.annotations.get("summary", ""),
    )
