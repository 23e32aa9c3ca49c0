"""What Prometheus reads."""

from __future__ import annotations

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.engine import engine_of
from vital_shared.errors import NotFound
from vital_shared.monitoring.exposition import OPENMETRICS, TEXT

__all__ = ["routes"]


async def metrics(request: Request) -> Response:
    """Show the metrics of all workers, in the form that the client prefers."""
    if not engine_of(request).settings.metrics_enabled:
        raise NotFound("The metrics are turned off: set PROMETHEUS_METRICS_ENABLED=true to see them.")
    _, preferred = choose_encoder(request.headers.get("accept", ""))
    as_openmetrics = preferred.startswith("application/openmetrics-text")
    body = await engine_of(request).scrape(as_openmetrics)
    return Response(body, headers={"Content-Type": OPENMETRICS if as_openmetrics else TEXT})


routes = (Route("/metrics", metrics, methods=["GET"]),)
