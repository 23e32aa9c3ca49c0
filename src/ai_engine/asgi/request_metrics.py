"""Count HTTP requests by the template of their route, never by their path."""

from __future__ import annotations

from starlette.types import Scope

from vital_shared.monitoring.labels import OTHER
from vital_shared.monitoring.metrics import HTTP_REQUESTS_TOTAL, METHOD, ROUTE

__all__ = ["count_request"]


def count_request(scope: Scope, status: int) -> None:
    """Count a request that was answered; one that no route matched is `OTHER`.

    The routers of Starlette, FastAPI and ours put the route into the scope.
    """
    template = getattr(scope.get("route"), "path", OTHER)
    method = scope["method"]
    HTTP_REQUESTS_TOTAL.labels(
        template if template in ROUTE else OTHER,
        method if method in METHOD else OTHER,
        f"{min(max(status // 100, 2), 5)}xx",
    ).inc()
