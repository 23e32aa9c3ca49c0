"""Passages, and the citations that point at them."""

from __future__ import annotations

from pydantic import Field

from vital_shared.models.base import Frozen

__all__ = ["Citation", "Passage"]


class Passage(Frozen):
    """A piece of a document that a source found for a question."""

    id: str
    """Stable id of the chunk, unique over all sources."""

    document_id: str
    title: str
    """Title of the document."""

    source: str
    """The RAG source that found it: ``memory``, ``supabase``, ``pinecone``."""

    uri: str
    """The origin of the document: a path relative to the ingested folder, or an address."""

    section: str = ""
    """Headings from the top to this piece, joined by `` > ``."""

    text: str
    score: float
    """Relevance from the reranker (a logit, about -11 to 11), or the fused score without one."""

    def cite(self, number: int, quote: str) -> Citation:
        """Return the citation of this passage under a number, for what it says."""
        return Citation(
            number=number,
            passage_id=self.id,
            document_id=self.document_id,
            title=self.title,
            uri=self.uri,
            section=self.section,
            quote=quote,
            source=self.source,
        )


class Citation(Frozen):
    """A numbered reference [n] in an answer, pointing at a real passage."""

    number: int = Field(ge=1)
    """The n of [n]."""

    passage_id: str
    document_id: str
    title: str
    uri: str
    section: str = ""
    quote: str
    """The passage's own words that back the answer."""

    source: str
