"""The runbooks, with the addresses of the place where they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.dashboards.boards import panel_links

__all__ = ["runbook_files"]

FOLDERS: Final = (
    Path(__file__).parents[2] / "docs/runbooks",
    Path(__file__).parents[1] / "ai_engine/runbooks",
)
"""The folder of the runbooks: in a checkout, or in the installed package."""

ADDRESSES: Final = ("grafana_url", "engine_url", "prometheus_external_url", "alertmanager_external_url")


def runbook_files(config: OpsConfig) -> dict[str, str]:
    """Write the runbooks, by their files' names.

    The pages name the addresses of the default configuration; those of another one take their place. A link
    to a panel, ``[Board: Title]()``, gets the panel's address.
    """
    links = panel_links(DEFAULT_CONFIG)
    pages = {path.name: path.read_text(encoding="utf-8") for each in FOLDERS for path in each.glob("*.md")}
    pages = {name: _linked(page, links) for name, page in pages.items()}
    for address in ADDRESSES:
        old, new = (getattr(each, address).rstrip("/") for each in (DEFAULT_CONFIG, config))
        pages = {name: page.replace(old, new) for name, page in pages.items()}
    return pages


def _linked(page: str, links: Mapping[str, str]) -> str:
    """Let links to panels have the panels' addresses."""

    def link(found: re.Match[str]) -> str:
        return f"[{found[1]}]({links.get(found[1], found[2])})"

    return re.sub(r"\[([^\]]+)\]\(([^)]*)\)", link, page)
