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
from ai_engine.engine import engine_of

__all__ = ["routes"]

_PACKAGE: Final = Path(__file__).parents[1]

FOLDERS: Final = (_PACKAGE / "runbooks", _PACKAGE.parents[1] / "docs/runbooks")
"""The folder of the runbooks: in the installed package, or in a checkout."""

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
    page = _page(request.path_params["alert"], engine_of(request).settings.runbooks_dir)
    if page is None:
        raise HTTPException(404, "There is no runbook of that name; its name is the alert's.")
    return HTMLResponse(page, headers=HEADERS)


@cache
def _paths(own: Path | None) -> dict[str, Path]:
    folders = FOLDERS if own is None else (*FOLDERS, own)
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.md"))}


def _page(alert: str, own: Path | None) -> str | None:
    """Write the page; only what is there is looked for, whatever the name."""
    path = _paths(own).get(alert.removesuffix(".md"))
    if path is None:
        return None
    from markdown_it import MarkdownIt  # noqa: PLC0415 - seldom needed

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(path.read_text(encoding="utf-8"))
    return PAGE.format(title=html.escape(path.stem), body=body)


routes: tuple[BaseRoute, ...] = (Route("/runbooks/{alert}", runbook),)
