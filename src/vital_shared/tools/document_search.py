"""A search of the tenant's documents, for a question that asks for one and for a model that wants more."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

from pydantic import Field

from vital_shared.logs import get_logger
from vital_shared.models.citation import Passage
from vital_shared.retrieval.base import Retrieved, Source
from vital_shared.retrieval.hedged_search import Searches
from vital_shared.retrieval.search_metrics import count_search
from vital_shared.tools.base import Found, Tool, ToolContext, ToolError, tool
from vital_shared.tools.question import short_sentences

__all__ = ["Merger", "document_search", "wish_in"]

_MAX_QUERY = 1_000
_FOUND_PER_SOURCE = 20
"""Enough for the merger to choose from."""

_MERGE_SECONDS = 10.0

logger = get_logger(__name__)


class Merger(Protocol):
    """One ranking of the passages of several sources."""

    async def merge(
        self, query: str, found: Mapping[str, Sequence[Passage]], *, limit: int, tenant_id: str | None
    ) -> Retrieved:
        """Merge the passages by source into at most `limit`, best first, by the tenant's tuning."""
        ...


def document_search(
    sources: Sequence[Source],
    merger: Merger,
    searches: Searches | None = None,
    *,
    source_timeout_seconds: float = 5.0,
) -> Tool:
    """Make the tool that searches these sources, all at the same time, and merges what came in time.

    :param searches: None: no search is hedged.
    """
    asked = searches or Searches()

    @tool(timeout_seconds=source_timeout_seconds + _MERGE_SECONDS, read_only=True, from_query=wish_in)
    async def document_search(
        query: Annotated[
            str, Field(min_length=1, max_length=_MAX_QUERY, description="What to look for, in words.")
        ],
        context: ToolContext,
        limit: Annotated[int, Field(ge=1, le=10, description="How many passages to return.")] = 5,
    ) -> Found:
        """Search the documents of the organisation and return the passages that fit best, with titles."""
        async with asyncio.TaskGroup() as group:
            searches = {
                source.name: group.create_task(_search(asked, source, query, context, source_timeout_seconds))
                for source in sources
            }
        found = {name: task.result() for name, task in searches.items()}
        answered = {name: passages for name, passages in found.items() if passages is not None}
        if not answered:
            raise ToolError(
                "The documents cannot be searched at the moment: no source of documents answered."
            )
        retrieved = await merger.merge(query, answered, limit=limit, tenant_id=context.tenant_id)
        return Found(text=_written(query, retrieved), passages=retrieved.passages)

    return document_search


async def _search(
    searches: Searches, source: Source, query: str, context: ToolContext, seconds: float
) -> tuple[Passage, ...] | None:
    """Ask one source; None where it failed or was late, so that the others still count."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(seconds):
            found = await searches.ask(source, query, tenant_id=context.tenant_id, limit=_FOUND_PER_SOURCE)
    except Exception as error:  # a source may raise anything, and must not take the others along
        late = isinstance(error, TimeoutError)
        count_search(source.name, "timeout" if late else "failed", time.perf_counter() - started)
        logger.exception(
            "document_search_source_failed",
            source=source.name,
            tenant_id=context.tenant_id,
            run_id=context.run_id,
        )
        return None
    count_search(source.name, "success", time.perf_counter() - started)
    return found


def _written(query: str, retrieved: Retrieved) -> str:
    """Write the passages as a numbered list: [n] is what an answer's own citations look like."""
    if not retrieved.passages:
        return f"No passage in the documents fits “{query}”."
    doubt = (
        "" if retrieved.answerable else "None of these passages is near enough to answer the question.\n\n"
    )
    return doubt + "\n\n".join(
        f"{number}. {_heading(passage)}\n{passage.text}"
        for number, passage in enumerate(retrieved.passages, start=1)
    )


def _heading(passage: Passage) -> str:
    section = f" — {passage.section}" if passage.section else ""
    return f"{passage.title}{section} ({passage.uri})"


_POLITE = (
    r"(?:please |(?:can|could|would|will) you (?:please )?|i (?:want|would like) you to |i'd like you to )?"
)
_OUR = r"(?:(?:all|any|the|our|my|your|through|in) ){0,4}"
_DOCUMENTS = rf"{_OUR}(?:documents?|docs|files|knowledge base)"
_ABOUT = r"(?:for|about|on|regarding|concerning)"
_WISHES = tuple(
    re.compile(_POLITE + wish, re.IGNORECASE)
    for wish in (
        rf"search {_DOCUMENTS} {_ABOUT} (?P<topic>.+)",
        rf"(?:find|show|list|get) (?:me )?{_DOCUMENTS} {_ABOUT} (?P<topic>.+)",
        rf"(?:look up|look for|search for) (?P<topic>.+?) in {_DOCUMENTS}\b",
    )
)
_NEXT_SENTENCE = re.compile(r"[.?!](?:\s+[A-Z].*)?$|\n.*", re.DOTALL)


def wish_in(query: str) -> dict[str, Any] | None:
    """Take the topic from a question that expressly wishes the documents to be searched.

    The wish has to begin a sentence: "I could not find documents about …" asks for nothing.
    """
    for sentence in short_sentences(query):
        for wish in _WISHES:
            found = wish.match(sentence)
            if found and (topic := _NEXT_SENTENCE.sub("", found["topic"]).strip(" \"'“”.,")):
                return {"query": topic}
    return None
