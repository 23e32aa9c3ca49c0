"""Count HTTP requests by the template of their route, never by their path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Scope

from vital_shared.monitoring.labels import OTHER
from vital_shared.monitoring.metrics import HTTP_REQUESTS_TOTAL, METHOD, ROUTE

__all__ = ["count_request", "route_templates"]

Templates: TypeAlias = Mapping[tuple[Any, frozenset[str]], str]
"""The template of a route, by its endpoint and the names of its parameters."""


def route_templates(routes: Sequence[BaseRoute]) -> Templates:
    """Return the templates of Starlette's routes."""
    templates: dict[tuple[Any, frozenset[str]], str] = {}
    for route in routes:
        if isinstance(route, Route):
            templates[route.endpoint, frozenset(route.param_convertors)] = route.path
        elif isinstance(route, Mount):
            templates[route.app, frozenset()] = route.path
    return templates


def count_request(scope: Scope, status: int, templates: Templates) -> None:
    """Count a request that was answered; one that no route matched is `OTHER`.

    FastAPI puts its route into the scope, Starlette only the endpoint.
    """
    route = scope.get("route")
    matched = scope.get("endpoint"), frozenset(scope.get("path_params", ()))
    template = getattr(route, "path", None) or templates.get(matched, OTHER)
    method = scope["method"]
    HTTP_REQUESTS_TOTAL.labels(
        template if template in ROUTE else OTHER,
        method if method in METHOD else OTHER,
        f"{min(max(status // 100, 2), 5)}xx",
    ).inc()
