"""The health checks: whether the service is alive, and ready for requests."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.operation import Operation, Operations
from ai_engine.engine import engine_of
from vital_shared.models.base import Frozen

__all__ = ["OPERATIONS", "Health", "routes"]


class Health(Frozen):
    """The state of the service."""

    status: Literal["alive", "ready", "not_ready"]
    missing: tuple[str, ...] = ()
    """Missing parts, in words; a service that is ready may lack parts that it can do without."""


async def alive(_: Request) -> Response:
    """Answer as long as the process does."""
    return _response(Health(status="alive"))


async def ready(request: Request) -> Response:
    """Answer 200 when runs can be stored and no stop is under way, otherwise 503."""
    engine = engine_of(request)
    missing = []
    if engine.services.embedder is None:
        missing.append("the embedded models: run `vital models install`; search is by keywords alone")
    silence = engine.watchdog.warning()
    if silence is not None:
        missing.append(silence)
    problems, silent = await asyncio.gather(engine.readiness.problems(), engine.readiness.silent_sources())
    missing += silent
    models = engine.services.breakers.reasons
    missing += [f"the model {name} did not answer: {reason}" for name, reason in models.items()]
    blockers = list(problems)
    if engine.readiness.is_leaving or engine.hub.stopping:
        blockers.insert(0, "the engine is shutting down")
    return _response(Health(status="not_ready" if blockers else "ready", missing=(*blockers, *missing)))


def _response(health: Health) -> Response:
    status = 503 if health.status == "not_ready" else 200
    return Response(health.model_dump_json(), status_code=status, media_type="application/json")


routes = (Route("/healthz", alive, methods=["GET"]), Route("/readyz", ready, methods=["GET"]))

_THERE: Final = "It is there."

OPERATIONS: Final[Operations] = {
    ("get", "/healthz"): Operation(
        summary="Alive?",
        description="Answers as long as the process does.",
        tag="health",
        success=_THERE,
        answers={"application/json": Health},
        problems=(500,),
    ),
    ("get", "/readyz"): Operation(
        summary="Ready for questions?",
        description="The store answers, and no stop is under way.",
        tag="health",
        success=_THERE,
        answers={"application/json": Health},
        others={
            "503": {
                "description": "One of these conditions is not met.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}},
            }
        },
        problems=None,
    ),
}
