"""The same workflow twice: stored where it pauses, and stored as its nodes finish."""

from __future__ import annotations

from vital_shared import BaseWorkflow

__all__ = ["StoredByNode", "StoredWhenPaused"]


class StoredWhenPaused(BaseWorkflow):
    """A process that dies takes its runs along."""

    durable = "pauses"


class StoredByNode(BaseWorkflow):
    """Another worker goes on."""

    durable = "nodes"
