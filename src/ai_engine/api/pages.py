"""The small page for questions, and the documentation of the API; nothing is loaded from other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

__all__ = ["routes"]

PAGE: Final = Path(__file__).parent.parent / "page"

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class _Files(StaticFiles):
    """Static files with the headers of the pages."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(HEADERS)
        return response


async def docs(_: Request) -> Response:
    """Show the documentation of the API."""
    return FileResponse(PAGE / "docs.html", headers=HEADERS)


routes: tuple[BaseRoute, ...] = (
    Route("/docs", docs),
    Mount("/page", _Files(directory=PAGE)),
    # Swagger UI, as a package of the index ships it; that package's own page would take it from a CDN.
    Mount("/swagger", _Files(packages=[("fastapi_offline", "static")])),
)
