"""Ask known questions by a tuning, as a run does it with the embedded composer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from vital_shared.llm.evidence import select
from vital_shared.models.citation import Passage
from vital_shared.models.retrieval_tuning import RetrievalTuning
from vital_shared.retrieval.base import Retrieved, TunableSource, ask
from vital_shared.retrieval.fusion import Fusion
from vital_shared.workflows.evaluation.known_scores import KnownScores
from vital_shared.workflows.evaluation.questions import KnownQuestion
from vital_shared.workflows.services import Services

if TYPE_CHECKING:
    from vital_shared.retrieval.rerank import Scorer

__all__ = ["AskedAnswer", "Asker"]


class AskedAnswer(NamedTuple):
    """The answer that would be given to a question, were there no threshold."""

    has_answer: bool
    """Whether the documents hold an answer."""

    rank: int | None
    """See `KnownQuestion.rank`."""

    top_logit: float | None
    """The best passage's; None without a reranker, or where nothing was found."""

    is_composed: bool
    """Whether there is anything to quote; the calibration apart."""

    probability: float | None
    """The probability that it is right; None where no calibration fits, and then it is given."""

    is_right: bool


class Asker:
    """The asker of questions about a tenant's documents, with each search and each score made once."""

    def __init__(self, services: Services, tenant_id: str) -> None:
        self._services = services
        self._tenant_id = tenant_id
        self._scorer: Scorer | None = None if services.reranker is None else KnownScores(services.reranker)
        self._fusion = Fusion(self._scorer)
        self._found: dict[tuple[str, str, float | None], tuple[Passage, ...]] = {}

    async def retrieve(self, question: KnownQuestion, tuning: RetrievalTuning) -> Retrieved:
        """Return the passages that a run would work with.

        :raises VitalError: when a source does not answer.
        """
        found = await self._search(question.question, tuning)
        limit = self._services.settings.passages
        return await self._fusion.merge_by(tuning, question.question, found, limit=limit)

    async def answer(self, question: KnownQuestion, tuning: RetrievalTuning) -> AskedAnswer:
        """Return what a run would answer, with its scores.

        :raises VitalError: when a source does not answer.
        """
        retrieved = await self.retrieve(question, tuning)
        selection = await select(question.question, retrieved.passages, self._scorer, answer_from=0.0)
        pieces, estimate = selection
        return AskedAnswer(
            has_answer=question.answerable,
            rank=question.rank(retrieved.passages),
            top_logit=retrieved.top_logit,
            is_composed=bool(pieces),
            probability=None if estimate is None else estimate.probability,
            is_right=question.answerable
            and bool(pieces)
            and question.has_facts(" ".join(piece.text for piece in pieces))
            and (bool(question.facts) or any(question.is_from_source(piece.passage) for piece in pieces)),
        )

    async def _search(self, query: str, tuning: RetrievalTuning) -> Mapping[str, Sequence[Passage]]:
        limit = 4 * self._services.settings.passages
        found: dict[str, Sequence[Passage]] = {}
        for source in self._services.sources:
            weight = tuning.keyword_weight if isinstance(source, TunableSource) else None
            key = (source.name, query, weight)
            if key not in self._found:
                self._found[key] = (
                    await source.search_by(tuning, query, tenant_id=self._tenant_id, limit=limit)
                    if isinstance(source, TunableSource)
                    else await ask(source, query, tenant_id=self._tenant_id, limit=limit)
                )
            found[source.name] = self._found[key]
        return found
