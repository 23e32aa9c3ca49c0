"""Metrics of a process in which VITAL is a library: in its web server, or in its own registry.

>>> app.mount("/metrics", metrics_app())    # Starlette, FastAPI
>>> register(prometheus_client.REGISTRY)    # what `generate_latest` and `start_http_server` show
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal, overload
from weakref import WeakSet

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from vital_shared.monitoring.exposition import OPENMETRICS, TEXT, render
from vital_shared.monitoring.metrics import CATALOGUE, REGISTRY

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["metrics_app", "register"]


class _Catalogue(Collector):
    """All metrics of VITAL as one collector: a registry takes all of them or none."""

    def collect(self) -> Iterator[Metric]:
        for instrument in CATALOGUE:
            yield from instrument.collect()

    def describe(self) -> Iterator[Metric]:
        for instrument in CATALOGUE:
            yield from instrument.describe()


_CATALOGUE: Final = _Catalogue()
_registered: Final = WeakSet[CollectorRegistry]((REGISTRY,))


def register(registry: CollectorRegistry) -> None:
    """Show VITAL's metrics in a registry of one's own; again is without effect.

    :param registry: such as `prometheus_client.REGISTRY`. Its collectors of the process stay its own.
    :raises ValueError: when the registry has a metric of the same name already; then none is added.
    """
    if registry not in _registered:
        registry.register(_CATALOGUE)
        _registered.add(registry)


@overload
def metrics_app(interface: Literal["asgi"] = "asgi") -> ASGIApp: ...
@overload
def metrics_app(interface: Literal["wsgi"]) -> WSGIApplication: ...
def metrics_app(interface: Literal["asgi", "wsgi"] = "asgi") -> ASGIApp | WSGIApplication:
    """Return an application that shows the metrics of this process, in the form that the client prefers.

    :param interface: "asgi" for Starlette, FastAPI and uvicorn; "wsgi" for Flask, Django and gunicorn.
    :raises ValueError: for another interface.
    """
    if interface == "asgi":
        return _show
    if interface == "wsgi":
        return make_wsgi_app(REGISTRY)
    raise ValueError(f'The interface of a metrics application is "asgi" or "wsgi", not {interface!r}.')


async def _show(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI's arguments
    if scope["type"] != "http":
        raise ValueError(f"The application of metrics answers http alone, not {scope['type']}.")
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    _, preferred = choose_encoder(accepted.decode("latin-1"))
    as_openmetrics = preferred.startswith("application/openmetrics-text")
    body = await asyncio.to_thread(render, REGISTRY, as_openmetrics=as_openmetrics)
    headers = [
        (b"content-type", (OPENMETRICS if as_openmetrics else TEXT).encode()),
        (b"content-length", str(len(body)).encode()),
        (b"vary", b"Accept"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
