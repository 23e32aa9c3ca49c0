"""The permissions that each path needs of a key: all of it in one table.

A path that is not in the table is closed to all but the operator (an administrator of all tenants), so
that a route which somebody forgot here is not open by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ai_engine.console_pages import CONSOLE_PAGES
from ai_engine.protocols.anthropic.errors import UNSERVED_SEGMENTS as UNSERVED_OF_ANTHROPIC
from ai_engine.protocols.gemini.errors import UNSERVED_SEGMENTS as UNSERVED_BY_GEMINI
from ai_engine.protocols.near_paths import intended_path
from ai_engine.protocols.openai.names import UNSERVED_SEGMENTS
from vital_shared.models.api_key import Scope

__all__ = ["ROUTE_PERMISSIONS", "SAFE_METHODS", "Permission", "permission_of"]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


@dataclass(frozen=True, slots=True)
class Permission:
    """The permission that a path needs of a key."""

    scope: Scope | None
    """None: each key has it."""
    all_tenants: bool = False
    """Whether it needs a key for all tenants: the path shows, or changes, data of several."""


SIGNED_IN: Final = Permission(None)
ASK: Final = Permission("ask")
COSTS: Final = Permission("costs")
ADMIN: Final = Permission("admin")
WATCH: Final = Permission("costs", all_tenants=True)
OPERATE: Final = Permission("admin", all_tenants=True)

ROUTE_PERMISSIONS: Final[Mapping[str, tuple[Permission, Permission]]] = {
    "/v1/runs": (ASK, ASK),
    "/v1/queue": (ASK, ASK),
    "/v1/workflows": (ASK, ASK),
    "/v1/chat": (ASK, ASK),
    "/v1/messages": (ASK, ASK),
    "/v1/responses": (ASK, ASK),
    "/v1/completions": (ASK, ASK),
    "/v1/embeddings": (ASK, ASK),
    "/v1/models": (ASK, ASK),
    "/v1beta/models": (ASK, ASK),
    "/v1/agui": (OPERATE, ASK),
    "/v1/approvals": (ASK, ASK),
    "/v1/conversations": (ASK, ASK),
    "/v1/session": (SIGNED_IN, SIGNED_IN),
    "/v1/agents": (ASK, ADMIN),
    "/v1/documents": (ASK, ADMIN),
    "/v1/costs": (COSTS, COSTS),
    "/v1/report": (COSTS, COSTS),
    "/v1/budgets": (COSTS, OPERATE),  # no tenant raises its own budget
    "/v1/limits": (COSTS, OPERATE),
    "/v1/organisations": (OPERATE, OPERATE),
    "/v1/cache": (ADMIN, ADMIN),
    "/v1/keys": (ADMIN, ADMIN),
    "/v1/tools": (ADMIN, ADMIN),
    "/v1/providers": (OPERATE, OPERATE),
    "/v1/audit": (ADMIN, ADMIN),
    "/v1/erasures": (ADMIN, ADMIN),
    "/v1/exports": (ADMIN, ADMIN),
    "/v1/retention": (ADMIN, OPERATE),
    "/v1/alerts": (WATCH, WATCH),
    "/v1/silences": (WATCH, OPERATE),
    "/v1/dashboards": (WATCH, OPERATE),
    "/metrics": (WATCH, OPERATE),
    # So that clients of what is not served read 404, not 403.
    **{f"/v1/{segment}": (ASK, ASK) for segment in UNSERVED_SEGMENTS | UNSERVED_OF_ANTHROPIC},
    **{f"/v1beta/{segment}": (ASK, ASK) for segment in UNSERVED_BY_GEMINI},
}
"""The permissions for reading and for changing a path and all below it."""

OPEN_PATHS: Final = frozenset({"/", "/docs", "/openapi.json", "/healthz", "/readyz", *CONSOLE_PAGES})
OPEN_TREES: Final = (
    "/console/",
    "/page/",
    "/runbooks/",
    "/swagger/",
    *(f"{path}/" for path in CONSOLE_PAGES),
)
"""Paths without data of any tenant, so they need no key."""


def permission_of(method: str, path: str) -> Permission | None:
    """Return what a request needs; None: it is open to everybody."""
    if path in OPEN_PATHS or path.startswith(OPEN_TREES):
        return None
    found = ROUTE_PERMISSIONS.get("/".join(path.split("/")[:3]))
    if found is None:  # there is nothing at a path that is nearly a client's: it reads 404, not 403
        found = (OPERATE, OPERATE) if intended_path(path) is None else (ASK, ASK)
    reading, changing = found
    return reading if method in SAFE_METHODS else changing
