"""Questions of a collection with the answers that the engine would quote, and their signals."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collection import Collection
from judging import Question, holds_facts
from opened_documents import TENANT, opened
from vital_shared.llm.answer_calibration import calibrated_language
from vital_shared.llm.answer_signals import closes_gate
from vital_shared.llm.evidence import PASSAGES, answer_signals, weigh
from vital_shared.llm.premise_denied import PREMISE_DENIED, premise_denied
from vital_shared.models.citation import Passage
from vital_shared.retrieval.base import Source
from vital_shared.retrieval.entailment import Entailment
from vital_shared.retrieval.fusion import Fusion
from vital_shared.retrieval.language import ENGLISH
from vital_shared.retrieval.rerank import Reranker

FOUND = 20
KEPT = 5


class StoredScores:
    """Scores of models, kept in a file: the fit is made many times, and each score costs 20 to 80 ms."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.held: dict[Any, Any] = pickle.loads(path.read_bytes()) if path and path.exists() else {}

    def save(self) -> None:
        if self._path:
            self._path.write_bytes(pickle.dumps(self.held))


class StoredReranker(Reranker):
    """A reranker whose scores are looked up before they are made.

    :param made: makes them.
    """

    def __init__(self, made: Reranker, scores: StoredScores) -> None:
        self.name = made.name
        self.scorer = made.scorer
        self._made = made
        self._scores = scores.held

    async def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        scorer = self.scorer(query)
        missing = [text for text in texts if (scorer, query, text) not in self._scores]
        for text, logit in zip(missing, await self._made.score(query, missing), strict=True):
            self._scores[scorer, query, text] = float(logit)
        return np.array([self._scores[scorer, query, text] for text in texts], np.float32)


class StoredEntailment(Entailment):
    """An entailment model whose logits are looked up before they are made.

    :param made: makes them.
    """

    def __init__(self, made: Entailment, scores: StoredScores) -> None:
        self._made = made
        self._scores = scores.held

    async def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        missing = [pair for pair in pairs if ("entailment", *pair) not in self._scores]
        for pair, logit in zip(missing, await self._made.score(missing), strict=True):
            self._scores["entailment", *pair] = float(logit)
        return np.array([self._scores["entailment", *pair] for pair in pairs], np.float32)


@dataclass(frozen=True)
class ScoredQuestion:
    collection: str
    question: Question
    passages: tuple[Passage, ...]
    answer: str
    """As it would be quoted, were there no gate."""
    language: str | None
    """The language of its calibration; None where it would have none."""
    signals: dict[str, float]
    """With that of the entailment model where it is installed."""
    is_closed: bool

    @property
    def is_right(self) -> bool:
        return self.question.answerable and holds_facts(self.question, self.answer)


async def score_questions(collection: Collection, scores: StoredScores) -> list[ScoredQuestion]:
    """Ask all questions of a collection, in an engine of its own."""
    async with opened(collection.documents) as services:
        if services.reranker is None:
            raise SystemExit("There is no reranker: run `vital models install`.")
        reranker = StoredReranker(services.reranker, scores)
        source, fusion = services.sources[0], Fusion(reranker)
        made = services.entailment
        entailment = None if made is None else StoredEntailment(made, scores)
        return [
            await _scored(collection, each, source, fusion, reranker, entailment)
            for each in collection.questions
        ]


async def _scored(
    collection: Collection,
    question: Question,
    source: Source,
    fusion: Fusion,
    reranker: Reranker,
    entailment: Entailment | None,
) -> ScoredQuestion:
    found = await source.search(question.question, tenant_id=TENANT, limit=FOUND)
    passages = (await fusion.merge(question.question, {source.name: found}, limit=KEPT)).passages
    evidence = await weigh(question.question, passages, reranker)
    if evidence is None:
        raise SystemExit(f"{collection.name}: nothing is found for {question.question!r}")
    language = calibrated_language(question.question, passages[:PASSAGES], reranker.scorer(question.question))
    answer = " ".join(piece.text for piece in evidence.pieces)
    signals = dict(
        await answer_signals(question.question, evidence, passages, reranker, language=language or ENGLISH)
    )
    if entailment is not None:
        signals[PREMISE_DENIED] = await premise_denied(question.question, answer, entailment)
    return ScoredQuestion(
        collection=collection.name,
        question=question,
        passages=passages,
        answer=answer,
        language=language,
        signals=signals,
        is_closed=closes_gate(question.question, passages, evidence.best_text),
    )
