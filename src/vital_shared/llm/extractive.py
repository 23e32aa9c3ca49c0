"""Answers in the documents' own words: nothing is made up, and every sentence has its source."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from vital_shared.llm.base import Cited, ModelEvent, ModelRequest, Stop, StopReason, TextDelta, Usage
from vital_shared.llm.evidence import select
from vital_shared.models.citation import Passage
from vital_shared.models.tool import ToolResult
from vital_shared.retrieval.sentences import split
from vital_shared.retrieval.words import content_words

if TYPE_CHECKING:
    from vital_shared.retrieval.entailment import Entailment
    from vital_shared.retrieval.rerank import Reranker

__all__ = ["NO_ANSWER", "ExtractiveComposer"]

NO_ANSWER: Final = (
    "The documents do not contain an answer to this question. "
    "Try other words, or add documents that cover it and ask again."
)


SHOWN: Final = 3
"""Passages of one tool that are quoted."""

MAX_OPENING_CHARACTERS: Final = 300
"""Characters of each."""

_FULL_STOPS: Final = (".", "!", "?", "\u2026", "\u3002", "\uff01", "\uff1f")
_CLOSING: Final = " \"')]*_\u201d\u2019\u00bb\u201c"
"""Characters that may follow a full stop: closing quotes and brackets."""


class ExtractiveComposer:
    """The embedded model: picks the sentences that answer, and quotes them with their sources.

    :param reranker: judges sentences; None: shared words do, plainly.
    :param entailment: sees answers that deny what the question takes for granted.
    """

    name = "extractive"
    calls_tools = False

    def __init__(self, reranker: Reranker | None, entailment: Entailment | None = None) -> None:
        self._reranker = reranker
        self._entailment = entailment

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer in one to five quotes, or say that the passages hold no answer.

        What tools found comes first, in their own words, with citations where they brought passages; a tool
        that failed is passed over.

        :raises ConfigurationError: when the reranking model cannot be loaded.
        """
        results = [result for result in request.results if result.status == "success"]
        number, before = 0, ""
        for result in results:
            if not result.passages:
                yield TextDelta(text=_report(result))
                before = "\n"
                continue
            yield TextDelta(text=f"{_name(result)} found:\n")
            for passage in result.passages[:SHOWN]:
                number += 1
                quote = _opening(passage)
                yield Cited(citation=passage.cite(number, quote))
                yield TextDelta(text=f"- {passage.title.rstrip('.')}: {' '.join(quote.split())} [{number}]\n")
            before = "\n"
        quotes, estimate = await select(
            request.question,
            request.passages or request.far_passages,
            self._reranker,
            entailment=self._entailment,
            answer_from=request.answer_from,
            are_near=bool(request.passages),
        )
        for piece in quotes:
            number += 1
            yield Cited(citation=piece.passage.cite(number, piece.quote))
            yield TextDelta(text=f"{_gap(before, piece.text)}{piece.text} [{number}]")
            before = piece.text
        if not quotes and not results:
            yield TextDelta(text=NO_ANSWER)
        yield Usage()
        reason: StopReason = "end" if quotes or results else "no_answer"
        yield Stop(reason=reason, estimate=None if results else estimate)


def _name(result: ToolResult) -> str:
    return result.name.replace("_", " ").capitalize()


def _opening(passage: Passage) -> str:
    """Return a passage's first sentence that says something, in its own words."""
    sentences = [sentence.strip() for sentence in split(passage.text) if content_words(sentence)]
    return (sentences[0] if sentences else passage.text.strip())[:MAX_OPENING_CHARACTERS]


def _report(result: ToolResult) -> str:
    return f"{_name(result)}: {result.content.strip()}\n"


def _gap(before: str, text: str) -> str:
    """Return what stands between two quotes: only whole sentences share a line.

    After a row of a table or a heading, which has no full stop, nothing else would say where it ends.
    """
    if not before or before == "\n":
        return before
    are_sentences = _ends_sentence(before) and _ends_sentence(text)
    return " " if are_sentences and "\n" not in before + text else "\n\n"


def _ends_sentence(text: str) -> bool:
    return text.rstrip(_CLOSING).endswith(_FULL_STOPS)
