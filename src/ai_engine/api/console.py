"""The console: the files of its build. If there are none, the small page is served instead."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, stat_result
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ai_engine.console_pages import CONSOLE_PAGES

__all__ = ["routes"]

BUILD: Final = Path(__file__).parent.parent / "console"

SMALL_PAGE: Final = Path(__file__).parent.parent / "page" / "index.html"

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

NAMED_BY_CONTENT: Final = "public, max-age=31536000, immutable"
"""The build names these files by their content, so that they never change."""


class _Build(StaticFiles):
    """The files of the build, compressed if the browser accepts that."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        packed = Path(f"{full_path}.gz")
        is_packed = "gzip" in Headers(scope=scope).get("accept-encoding", "") and packed.is_file()
        path, stats = (packed, packed.stat()) if is_packed else (Path(full_path), stat_result)
        response = super().file_response(path, stats, scope, status_code)
        response.headers.update(HEADERS | {"Vary": "Accept-Encoding"})
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
        if Path(full_path).parent.name == "assets":
            response.headers["Cache-Control"] = NAMED_BY_CONTENT
        return response


def routes(build: Path = BUILD) -> Sequence[BaseRoute]:
    """Return the routes of the console.

    :param build: the folder of the build.
    """
    index = build / "index.html"

    async def page(_: Request) -> Response:
        """Show a page: the script reads the address."""
        return FileResponse(index if index.is_file() else SMALL_PAGE, headers=HEADERS)

    addresses: list[Any] = ["/", *CONSOLE_PAGES, *(f"{path}/{{rest:path}}" for path in CONSOLE_PAGES)]
    return (
        *(Route(address, page) for address in addresses),
        Mount("/console", _Build(directory=build, check_dir=False)),
    )
