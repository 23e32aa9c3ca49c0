"""The routes of administration, which FastAPI checks and documents."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.types import Receive, Scope, Send

from ai_engine.api.administration import (
    agents,
    alerts,
    approvals,
    audit,
    budgets,
    cache,
    conversations,
    costs,
    dashboards,
    documents,
    feedback,
    keys,
    limits,
    persons,
    providers,
    report,
    retention,
    run_list,
    session,
    silences,
    tools,
)
from ai_engine.api.administration.openapi import RESPONSES, add_openapi
from ai_engine.served_classes import ServedClasses
from ai_engine.validation import InvalidFields, field_errors
from vital_shared.version import __version__

__all__ = ["Administration"]

MODULES: Final = (
    agents,
    alerts,
    approvals,
    audit,
    budgets,
    cache,
    conversations,
    costs,
    dashboards,
    documents,
    feedback,
    keys,
    limits,
    persons,
    providers,
    report,
    retention,
    run_list,
    session,
    silences,
    tools,
)


class Administration:
    """ASGI application without errors of its own: those of routes are left to the surrounding one.

    :param classes: the workflows that are served, for the OpenAPI document.
    """

    def __init__(self, classes: ServedClasses) -> None:
        app = FastAPI(
            title="VITAL",
            version=__version__,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            responses=RESPONSES,
            # Newer versions trace by themselves, with what stands in the address; ours do not.
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        for module in MODULES:
            app.include_router(module.router)
        add_openapi(app, classes)
        self.routes = app.routes
        self.document = app.openapi
        """Makes the OpenAPI document."""
        # FastAPI's own middleware would answer errors before our log has seen them.
        self._app = AsyncExitStackMiddleware(app.router)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        :raises InvalidFields: when a parameter is wrong; and whatever a route raises.
        """
        try:
            await self._app(scope, receive, send)
        except RequestValidationError as error:
            # The first part of a location says where the parameter stood: path, query or header.
            errors = [each | {"loc": each["loc"][1:]} for each in error.errors()]
            raise InvalidFields(field_errors(errors)) from error
