"""What Prometheus reads."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client.exposition import choose_encoder

from ai_engine.engine import engine_of
from vital_shared.errors import NotFound
from vital_shared.monitoring.metrics import REGISTRY

__all__ = ["router"]

router = APIRouter(tags=["metrics"])


@router.get(
    "/metrics", summary="All metrics, as Prometheus text or OpenMetrics", response_class=PlainTextResponse
)
async def metrics(request: Request) -> Response:
    """Show them in the form that the client prefers; written in a thread, since it takes a while."""
    if not engine_of(request).settings.metrics_enabled:
        raise NotFound("The metrics are turned off: set PROMETHEUS_METRICS_ENABLED=true to see them.")
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    body = await asyncio.to_thread(encode, REGISTRY)
    return Response(body, headers={"Content-Type": media_type})
