"""One small interface for everything that finds passages."""

from __future__ import annotations

from typing import Protocol

from vital_shared.models.base import Frozen
from vital_shared.models.citation import Passage

__all__ = ["Retrieved", "Source"]


class Source(Protocol):
    """Something that finds passages for a question."""

    @property
    def name(self) -> str:
        """``memory``, ``supabase`` or ``pinecone``."""
        ...

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        """Find at most `limit` passages, best first, that this tenant may see: its own and the shared ones.

        :raises VitalError: when the source does not answer.
        """
        ...


class Retrieved(Frozen):
    """The passages of all sources, merged, deduplicated and reranked."""

    passages: tuple[Passage, ...] = ()
    """Best first."""

    answerable: bool = False
    """Whether the best passage is near enough to the question to answer from it."""
