"""Whatever is added, replaced, deleted and interrupted: the index finds what a plain list would."""

from __future__ import annotations

import asyncio
import math
import re
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from numpy.typing import NDArray
from tests.store_database import store_url

from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.index import folder as folders
from vital_shared.retrieval.index.index import KnowledgeIndex
from vital_shared.retrieval.index.word_codes import language_in
from vital_shared.retrieval.language import ENGLISH
from vital_shared.retrieval.words import keyword
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore

DIMENSION = 3
WORDS = ["honey", "comb", "bees", "Straße", "naïve", "510", "cells", "the", "\ud800", "\x00", "-", "蜂蜜"]
TENANTS = ["a", "b", None]
URIS = ["one", "two", "three", "four", "five"]

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
vectors = st.none() | st.integers(0, 2**DIMENSION - 1)
pieces = st.lists(st.tuples(texts, texts, vectors), max_size=4)
"""Section, text and vector of each chunk."""


def direction(number: int) -> NDArray[np.float32]:
    raw = np.array([1.0 if number >> bit & 1 else -0.5 for bit in range(DIMENSION)], np.float32)
    unit: NDArray[np.float32] = raw / np.linalg.norm(raw)
    return unit


@dataclass
class Plain:
    """A chunk in the plain list."""

    tenant_id: str | None
    language: str
    words: Counter[str]
    length: int
    vector: NDArray[np.float32] | None


def words_of(text: str, language: str) -> list[str]:
    return [form for word in re.findall(r"[^\W_]+", text.lower()) if (form := keyword(word, language))]


def plain(tenant_id: str | None, title: str, section: str, text: str, vector: int | None) -> Plain:
    language = language_in(text)
    weights: Counter[str] = Counter()
    for field, weight in ((title, 2.0), (section, 1.5), (text, 1.0)):
        for word in words_of(field, language):
            weights[word] += weight  # type: ignore[assignment]
    length = sum(len(words_of(field, language)) for field in (title, section, text))
    length += language != ENGLISH  # which is a word more
    return Plain(tenant_id, language, weights, length, None if vector is None else direction(vector))


def bm25(chunks: dict[int, Plain], query: str) -> dict[int, float]:
    mean = sum(chunk.length for chunk in chunks.values()) / max(1, len(chunks))
    scores: Counter[int] = Counter()
    languages = {ENGLISH, *(chunk.language for chunk in chunks.values())}
    for word in {word for language in languages for word in words_of(query, language)}:
        having = {chunk_id: chunk for chunk_id, chunk in chunks.items() if chunk.words[word]}
        rarity = math.log(1 + (len(chunks) - len(having) + 0.5) / (len(having) + 0.5))
        for chunk_id, chunk in having.items():
            count = chunk.words[word]
            norm = 1.2 * (0.25 + 0.75 * chunk.length / max(1, mean))
            scores[chunk_id] += rarity * count * 2.2 / (count + norm)  # type: ignore[assignment]
    return dict(scores)


class Followed(RuleBasedStateMachine):
    """Two indexes of one folder beside a plain list."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.path = Path(tempfile.mkdtemp(prefix="vital-index-"))
        shutil.copytree(self.template, self.path / "store")
        self.plain: dict[tuple[str, str | None], dict[int, Plain]] = {}
        self.database = Database(store_url(self.path / "store"))
        self.knowledge = KnowledgeStore(self.database)
        self.indexes = [self.opened(), self.opened()]

    def opened(self) -> KnowledgeIndex:
        return KnowledgeIndex(
            self.knowledge,
            self.path / "index",
            model="test",
            dimension=DIMENSION,
            unsaved_rows=3,
            patience_seconds=60,
        )

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    @initialize(batch=st.integers(1, 4), build_rows=st.integers(2, 20))
    def with_sizes(self, batch: int, build_rows: int) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("vital_shared.store.knowledge._BATCH_ROWS", batch)
        self.patch.setattr("vital_shared.retrieval.index.index.BUILD_ROWS", build_rows)
        self.patch.setattr("vital_shared.retrieval.index.postings.BLOCK", 3)
        self.patch.setattr("vital_shared.retrieval.index.segment.BLOCK", 2)

    @rule(uri=st.sampled_from(URIS), tenant_id=st.sampled_from(TENANTS), title=texts, pieces=pieces)
    def put(
        self, uri: str, tenant_id: str | None, title: str, pieces: list[tuple[str, str, int | None]]
    ) -> None:
        before = self.run(self.knowledge.chunk_ids())
        chunks = [
            Chunk.model_construct(
                section=section,
                text=text,
                embedding=None if vector is None else direction(vector).astype("<f4").tobytes(),
            )
            for section, text, vector in pieces
        ]
        self.run(
            self.knowledge.replace(
                tenant_id=tenant_id, uri=uri, title=title, content_hash="", media_type="", chunks=chunks
            )
        )
        new = sorted(self.run(self.knowledge.chunk_ids()) - before)
        rows = [plain(tenant_id, title, *piece) for piece in pieces]
        self.plain[uri, tenant_id] = dict(zip(new, rows, strict=True))

    @rule(uri=st.sampled_from(URIS), tenant_id=st.sampled_from(TENANTS))
    def delete(self, uri: str, tenant_id: str | None) -> None:
        document = self.run(self.knowledge.find(tenant_id=tenant_id, uri=uri))
        if document is not None:
            self.run(self.knowledge.delete(document.id, tenant_id=None))
            del self.plain[uri, tenant_id]

    @rule(which=st.integers(0, 1))
    def catch_up(self, which: int) -> None:
        self.run(self.indexes[which].catch_up())

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.run(self.indexes[which].aclose())
        self.indexes[which] = self.opened()

    @rule(which=st.integers(0, 1), after=st.integers(0, 20))
    def crash_while_writing(self, which: int, after: int) -> None:
        """Break off at the n-th file that is flushed, and leave everything as it lies there."""
        left = after
        flush = folders._flush

        def break_off(path: Path) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError("killed")
            flush(path)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folders, "_flush", break_off)
            self.run(self.indexes[which].catch_up())
        self.reopen(which)

    @rule(
        which=st.integers(0, 1),
        query=texts,
        vector=st.integers(0, 2**DIMENSION - 1),
        tenant_id=st.sampled_from(["a", "b", "c"]),
        limit=st.integers(1, 30),
    )
    def search(self, which: int, query: str, vector: int, tenant_id: str, limit: int) -> None:
        visible = {
            chunk_id: chunk
            for chunks in self.plain.values()
            for chunk_id, chunk in chunks.items()
            if chunk.tenant_id in (None, tenant_id)
        }
        found = self.run(
            self.indexes[which].search(query, direction(vector), tenant_id=tenant_id, limit=limit)
        )
        scores = bm25(visible, query)
        assert sorted(found.keywords.values(), reverse=True) == pytest.approx(
            sorted(scores.values(), reverse=True)[:limit], rel=1e-4
        )
        for chunk_id, score in found.keywords.items():
            assert scores[chunk_id] == pytest.approx(score, rel=1e-4)
        cosines = {
            chunk_id: float(chunk.vector @ direction(vector))
            for chunk_id, chunk in visible.items()
            if chunk.vector is not None
        }
        for chunk_id, cosine in found.cosines.items():
            assert cosines[chunk_id] == pytest.approx(cosine, abs=1e-5)
        best = sorted(cosines.values(), reverse=True)[:limit]
        assert sorted(found.cosines.values(), reverse=True)[: len(best)] == pytest.approx(best, abs=1e-5)
        assert {chunk_id for chunk_id in found.keywords if chunk_id in cosines} <= found.cosines.keys()

    @invariant()
    def both_have_the_same(self) -> None:
        number = sum(len(chunks) for chunks in self.plain.values())
        assert len(self.run(self.knowledge.chunk_ids())) == number

    def teardown(self) -> None:
        for index in self.indexes:
            self.run(index.aclose())
        self.run(self.database.aclose())
        self.runner.close()
        if hasattr(self, "patch"):
            self.patch.undo()
        shutil.rmtree(self.path)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an empty store, which is copied for each example: to migrate takes a while."""
    path = tmp_path_factory.mktemp("template")

    async def migrate() -> None:
        database = Database(store_url(path))
        await database.migrate()
        await database.aclose()

    asyncio.run(migrate())
    return path


def test_the_index_finds_what_a_plain_list_would(template: Path) -> None:
    Followed.template = template
    machine: Any = Followed.TestCase
    machine.settings = settings(max_examples=20, stateful_step_count=25)
    result = machine("runTest").run()
    assert result is not None
    assert (result.testsRun, result.failures, result.errors) == (1, [], [])
