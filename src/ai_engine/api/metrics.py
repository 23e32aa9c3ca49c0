"""The metrics, for Prometheus."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Sequence
from typing import Final

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.operation import Operation, Operations
from ai_engine.engine import engine_of
from vital_shared.errors import NotFound
from vital_shared.monitoring.exposition import OPENMETRICS, TEXT

__all__ = ["OPERATIONS", "accepts_gzip", "routes"]

GZIP_LEVEL: Final = 4
"""Smaller levels are hardly faster, and larger ones make it hardly smaller."""

WEIGHT: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


async def metrics(request: Request) -> Response:
    """Show the metrics of all workers, in the form that the client prefers."""
    if not engine_of(request).settings.metrics_enabled:
        raise NotFound("The metrics are turned off: set PROMETHEUS_METRICS_ENABLED=true to see them.")
    _, preferred = choose_encoder(request.headers.get("accept", ""))
    as_openmetrics = preferred.startswith("application/openmetrics-text")
    body = await engine_of(request).scrape(as_openmetrics)
    headers = {"Content-Type": OPENMETRICS if as_openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
    if accepts_gzip(request.headers.getlist("accept-encoding")):
        body = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers)


def accepts_gzip(values: Sequence[str]) -> bool:
    """Return whether a client takes gzip, by its ``Accept-Encoding`` (RFC 9110, section 12.5.3).

    What is named goes before ``*``; a weight of 0, or one that cannot be read, means no.
    """
    weights = {}
    for part in ",".join(values).split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        weights[name] = _weight(parameters)
    named = [weights[name] for name in ("gzip", "x-gzip") if name in weights]
    return max(named, default=weights.get("*", 0.0)) > 0


def _weight(parameters: Sequence[str]) -> float:
    """Read ``q=…``: 0 to 1 with at most three decimals; 1 where there is none."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            value = value.strip()
            return float(value) if WEIGHT.fullmatch(value) else 0.0
    return 1.0


routes = (Route("/metrics", metrics, methods=["GET"]),)

OPERATIONS: Final[Operations] = {
    ("get", "/metrics"): Operation(
        summary="All metrics",
        description="Of all workers, as Prometheus text or OpenMetrics.",
        tag="metrics",
        success="It is there.",
        answers={"text/plain": {"type": "string"}},
        problems=(404,),
    )
}
