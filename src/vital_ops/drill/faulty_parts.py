"""A tool and a RAG source that fail when the question demands it."""

from __future__ import annotations

from typing import Final

from vital_shared.errors import VitalError
from vital_shared.models.citation import Passage
from vital_shared.tools.base import ToolError, tool

__all__ = ["FAULTY_SOURCE", "FaultySource", "faulty_lookup", "make_fail"]

FAULTY_SOURCE: Final = "pinecone"
"""Sources are a closed set: it stands in for this one."""

FAIL_MARKER: Final = "fail!"


class SourceDown(VitalError):
    """The source does not answer."""


class FaultySource:
    """A source that finds nothing, or fails."""

    name = FAULTY_SOURCE

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:  # noqa: ARG002 - the interface
        """Find nothing.

        :raises SourceDown: when the question demands a failure.
        """
        if FAIL_MARKER in query:
            raise SourceDown("The source was made to fail.")
        return ()


@tool(requires_approval=False, read_only=True)
async def faulty_lookup(question: str) -> str:
    """Look something up, for a drill alone."""
    if FAIL_MARKER in question:
        raise ToolError("The tool was made to fail.")
    return "There it is."


def make_fail(question: str) -> str:
    """Word a question so that tool and source fail."""
    return f"{question} {FAIL_MARKER}"
