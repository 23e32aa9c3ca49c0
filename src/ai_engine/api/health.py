"""Whether the service is alive, and ready for questions."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.engine import engine_of
from vital_shared.errors import StoreError
from vital_shared.models.base import Frozen

__all__ = ["Health", "routes"]

PING_SECONDS: Final = 2.0


class Health(Frozen):
    """How the service stands."""

    status: Literal["alive", "ready", "not_ready"]
    missing: tuple[str, ...] = ()
    """What is not there, in words; what is ready may lack things that it can do without."""


async def alive(_: Request) -> Response:
    """Answer as long as the process does."""
    return _response(Health(status="alive"))


async def ready(request: Request) -> Response:
    """Answer 200 when the store answers and no stop is under way, otherwise 503."""
    engine = engine_of(request)
    missing = []
    if engine.services.embedder is None:
        missing.append("the embedded models: run `vital models install`; search is by keywords alone")
    blockers = []
    if engine.hub.stopping:
        blockers.append("the engine is stopping")
    try:
        async with asyncio.timeout(PING_SECONDS):
            await engine.services.database.ping()
    except StoreError as error:
        blockers.append(str(error))
    except TimeoutError:
        blockers.append(f"the database did not answer within {PING_SECONDS:g} seconds")
    return _response(Health(status="not_ready" if blockers else "ready", missing=(*blockers, *missing)))


def _response(health: Health) -> Response:
    status = 503 if health.status == "not_ready" else 200
    return Response(health.model_dump_json(), status_code=status, media_type="application/json")


routes = (Route("/healthz", alive, methods=["GET"]), Route("/readyz", ready, methods=["GET"]))
