from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest
from structlog.testing import capture_logs

from vital_shared.errors import StoreError
from vital_shared.models.citation import Passage
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.retrieval.base import Retrieved
from vital_shared.tools.base import ToolContext
from vital_shared.tools.document_search import document_search, wish_in
from vital_shared.tools.registry import ToolRegistry


def passage(number: int, *, source: str = "memory", section: str = "") -> Passage:
    return Passage(
        id=f"{source}-{number}",
        document_id="d",
        title=f"Title {number}",
        source=source,
        uri=f"{number}.md",
        section=section,
        text=f"Text {number}.",
        score=float(number),
    )


class CannedSource:
    """Gives what it was made with, or waits or fails first, and remembers who asked."""

    def __init__(
        self, name: str, *passages: Passage, before: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        self.name = name
        self.asked: list[tuple[str, str]] = []
        self._passages = passages
        self._before = before

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        self.asked.append((query, tenant_id))
        if self._before is not None:
            await self._before()
        return self._passages[:limit]


class BestFirst:
    """Orders by score."""

    def __init__(self, *, answerable: bool = True) -> None:
        self._answerable = answerable

    async def merge(
        self, query: str, found: Mapping[str, Sequence[Passage]], *, limit: int, tenant_id: str | None
    ) -> Retrieved:
        passages = sorted((each for some in found.values() for each in some), key=lambda each: -each.score)
        return Retrieved(passages=tuple(passages[:limit]), answerable=self._answerable)


async def fail() -> None:
    raise StoreError("postgres://user:secret@db does not answer")


async def search(
    *sources: CannedSource, context: ToolContext, merger: BestFirst | None = None, limit: int = 5
) -> ToolResult:
    tool = document_search(sources, merger or BestFirst(), source_timeout_seconds=0.05)
    call = ToolCall(id="call-1", name=tool.name, arguments={"query": "recalls", "limit": limit})
    return await ToolRegistry([tool]).run(call, context)


async def test_the_best_passages_come_as_a_list_with_titles(context: ToolContext) -> None:
    memory = CannedSource("memory", passage(1), passage(3, section="A > B"))
    pinecone = CannedSource("pinecone", passage(2, source="pinecone"))
    result = await search(memory, pinecone, context=context, limit=2)
    assert result.content == "1. Title 3 — A > B (3.md)\nText 3.\n\n2. Title 2 (2.md)\nText 2."


async def test_only_the_tenant_of_the_context_is_asked_for(context: ToolContext) -> None:
    memory, pinecone = CannedSource("memory"), CannedSource("pinecone")
    await search(memory, pinecone, context=context)
    assert memory.asked == pinecone.asked == [("recalls", "acme")]


async def test_the_sources_are_asked_at_the_same_time(context: ToolContext) -> None:
    both = asyncio.Barrier(2)
    result = await search(
        CannedSource("memory", passage(1), before=both.wait),
        CannedSource("pinecone", passage(2), before=both.wait),
        context=context,
    )
    assert result.content.count("Title") == 2


@pytest.mark.parametrize("before", [fail, asyncio.Event().wait])
async def test_a_source_that_fails_or_is_late_does_not_take_the_others_along(
    before: Callable[[], Awaitable[object]], context: ToolContext
) -> None:
    with capture_logs() as logs:
        result = await search(
            CannedSource("memory", passage(1)), CannedSource("pinecone", before=before), context=context
        )
    assert (result.status, result.content) == ("success", "1. Title 1 (1.md)\nText 1.")
    assert [(log["event"], log["source"]) for log in logs] == [("document_search_source_failed", "pinecone")]


async def test_it_fails_in_words_when_no_source_answers(context: ToolContext) -> None:
    result = await search(CannedSource("memory", before=fail), context=context)
    assert result.status == "failed"
    assert result.error == "The documents cannot be searched at the moment: no source of documents answered."


async def test_it_says_so_when_nothing_fits(context: ToolContext) -> None:
    result = await search(CannedSource("memory"), context=context)
    assert (result.status, result.content) == ("success", "No passage in the documents fits “recalls”.")


async def test_it_says_so_when_nothing_answers_the_question(context: ToolContext) -> None:
    result = await search(
        CannedSource("memory", passage(1)), context=context, merger=BestFirst(answerable=False)
    )
    assert result.content.startswith(
        "None of these passages is near enough to answer the question.\n\n1. Title 1"
    )


async def test_cancelling_reaches_the_sources(context: ToolContext) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    tool = document_search([CannedSource("memory", before=wait)], BestFirst())
    call = ToolCall(id="call-1", name=tool.name, arguments={"query": "recalls"})
    running = asyncio.create_task(ToolRegistry([tool]).run(call, context))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert cancelled.is_set()


@pytest.mark.parametrize(
    ("query", "topic"),
    [
        ("Search the documents for class II requirements.", "class II requirements"),
        ("Please find documents about clinical evaluation. Thanks", "clinical evaluation"),
        ("Look up biocompatibility in the documents", "biocompatibility"),
        ("Could you look up ISO 10993 in our docs?", "ISO 10993"),
        ("Hello. Search our knowledge base for v. 2.1 of the plan!", "v. 2.1 of the plan"),
        ("find me the documents on “510(k)”", "510(k)"),
    ],
)
def test_an_express_wish_gives_the_topic(query: str, topic: str) -> None:
    assert wish_in(query) == {"query": topic}


@pytest.mark.parametrize(
    "query",
    [
        "What documents does a 510(k) need?",
        "I could not find documents about recalls",
        "Don't search the documents for recalls",
        "How do I search the documents for a word?",
        "Find the error in the document",
        "Search the documents for ",
        "look up " * 1_000,
        "",
    ],
)
def test_other_questions_do_not_search(query: str) -> None:
    assert wish_in(query) is None
