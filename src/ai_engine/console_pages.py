"""The addresses of the console's pages; what is below one belongs to its page."""

from __future__ import annotations

from typing import Final

__all__ = ["CONSOLE_PAGES"]

CONSOLE_PAGES: Final = (
    "/ask",
    "/runs",
    "/approvals",
    "/dashboards",
    "/alerts",
    "/costs",
    "/report",
    "/knowledge",
    "/settings",
    "/audit",
    "/retention",
)
"""Pages beside the first one, which is at ``/``."""
