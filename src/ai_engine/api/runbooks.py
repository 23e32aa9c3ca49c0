"""The runbooks, so that the link in an alert opens a page wherever the engine runs."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from ai_engine.api.pages import HEADERS

__all__ = ["routes"]

_PACKAGE: Final = Path(__file__).parents[1]

FOLDERS: Final = (_PACKAGE / "runbooks", _PACKAGE.parents[1] / "docs/runbooks")
"""Where they lie: in the installed package, or in a checkout."""

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page/page.css">
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


async def runbook(request: Request) -> Response:
    """Show the runbook of an alert."""
    page = _page(request.path_params["alert"])
    if page is None:
        raise HTTPException(404, "There is no runbook of that name; its name is the alert's.")
    return HTMLResponse(page, headers=HEADERS)


@cache
def _paths() -> dict[str, Path]:
    return {path.stem: path for folder in FOLDERS for path in sorted(folder.glob("*.md"))}


def _page(alert: str) -> str | None:
    """Write the page; only what is there is looked for, whatever the name."""
    path = _paths().get(alert.removesuffix(".md"))
    if path is None:
        return None
    from markdown_it import MarkdownIt  # noqa: PLC0415 - few ask

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(path.read_text(encoding="utf-8"))
    return PAGE.format(title=html.escape(path.stem), body=body)


routes: tuple[BaseRoute, ...] = (Route("/runbooks/{alert}", runbook),)
