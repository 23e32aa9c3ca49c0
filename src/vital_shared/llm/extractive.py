"""Answers in the documents' own words: nothing is made up, and every sentence has its source."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from vital_shared.llm.base import Cited, ModelEvent, ModelRequest, Stop, TextDelta, Usage
from vital_shared.llm.evidence import select
from vital_shared.llm.pieces import Piece
from vital_shared.models.citation import Citation
from vital_shared.models.tool import ToolResult
from vital_shared.retrieval.rerank import Reranker

__all__ = ["NO_ANSWER", "ExtractiveComposer"]

NO_ANSWER: Final = (
    "The documents do not contain an answer to this question. "
    "Try other words, or add documents that cover it and ask again."
)


class ExtractiveComposer:
    """The embedded model: picks the sentences that answer, and quotes them with their sources.

    :param reranker: judges sentences; None: shared words do, plainly.
    """

    name = "extractive"
    calls_tools = False

    def __init__(self, reranker: Reranker | None) -> None:
        self._reranker = reranker

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer in one to five quotes, or say that the passages hold no answer.

        What tools found comes first, in their own words; a tool that failed is passed over.

        :raises ConfigurationError: when the reranking model cannot be loaded.
        """
        reports = [_report(result) for result in request.tool_results if result.status == "success"]
        for report in reports:
            yield TextDelta(text=report)
        quotes = await select(request.question, request.passages, self._reranker)
        before = "\n" if reports else ""
        for number, piece in enumerate(quotes, start=1):
            yield Cited(citation=_citation(number, piece))
            yield TextDelta(text=f"{_gap(before, piece.text)}{piece.text} [{number}]")
            before = piece.text
        if not quotes and not reports:
            yield TextDelta(text=NO_ANSWER)
        yield Usage()
        yield Stop(reason="end" if quotes or reports else "no_answer")


def _report(result: ToolResult) -> str:
    return f"{result.name.replace('_', ' ').capitalize()}: {result.content.strip()}\n"


def _citation(number: int, piece: Piece) -> Citation:
    passage = piece.passage
    return Citation(
        number=number,
        passage_id=passage.id,
        document_id=passage.document_id,
        title=passage.title,
        uri=passage.uri,
        section=passage.section,
        quote=piece.quote,
        source=passage.source,
    )


def _gap(before: str, text: str) -> str:
    """Return what stands between two quotes: lists have lines of their own."""
    if not before or before == "\n":
        return before
    return "\n\n" if "\n" in before + text else " "
