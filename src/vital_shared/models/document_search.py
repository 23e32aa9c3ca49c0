"""The result of a search of the documents, with what each passage was found by."""

from __future__ import annotations

from vital_shared.models.base import Frozen

__all__ = ["DocumentSearch", "FoundPassage", "PassageSignals"]


class PassageSignals(Frozen):
    """The scores of a passage, by signal."""

    cosine: float | None
    """Nearness in meaning, from -1 to 1; None: it was not among the nearest, or no model is installed."""

    keyword: float | None
    """Score of the question's words in it, comparable within one search; None: it has too few of them."""

    fused: float
    """Both of them scaled and added, by the tenant's weight of keywords: the order before reranking."""

    relevance: float | None
    """The reranker's logit, about -11 to 11, estimated where a passage before it was near enough.

    None: no reranker is installed.
    """


class FoundPassage(Frozen):
    """A passage that a search found."""

    document_id: str
    title: str
    uri: str
    section: str
    text: str
    signals: PassageSignals


class DocumentSearch(Frozen):
    """The passages that retrieval gives a model for a question, and whether it would answer from them."""

    passages: tuple[FoundPassage, ...]
    """Best first."""

    is_answerable: bool
    """Whether an answer would be tried from them."""

    answerable_from: float | None
    """Relevance that the best passage needs for that; None: half of the question's words decide instead."""

    keyword_weight: float
    """Weight of the keywords beside the meaning, which counts 1."""
