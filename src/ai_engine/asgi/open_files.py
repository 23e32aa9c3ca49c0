"""Room for as many connections as the settings allow, in the number of files that a process may open."""

from __future__ import annotations

import resource
from typing import Final

from vital_shared.logs import get_logger

__all__ = ["allow_connections"]

logger = get_logger(__name__)

OTHER_FILES: Final = 1_000
"""Files besides clients' connections: to databases, providers, tools."""


def allow_connections(max_connections: int) -> None:
    """Raise the process's soft limit of open files where it is too low; its children inherit it."""
    needed = max_connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        logger.warning("open_files_limited", allowed=allowed, needed=needed)
