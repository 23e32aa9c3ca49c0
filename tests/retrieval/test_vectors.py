"""The matrix of all embeddings, on a real store."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from vital_shared.models.knowledge import Chunk, Document
from vital_shared.retrieval.vectors import VectorIndex
from vital_shared.store.knowledge import KnowledgeStore

AXES = np.eye(4, dtype=np.float32)


async def store(
    knowledge: KnowledgeStore, uri: str, *vectors: NDArray[np.float32] | None, tenant_id: str | None = None
) -> Document:
    chunks = [
        Chunk(text=f"{uri} {n}", embedding=None if vector is None else vector.astype("<f4").tobytes())
        for n, vector in enumerate(vectors)
    ]
    return await knowledge.replace(
        tenant_id=tenant_id, uri=uri, title=uri, content_hash=uri, media_type="text/plain", chunks=chunks
    )


async def texts(knowledge: KnowledgeStore, found: dict[int, float], tenant_id: str = "a") -> set[str]:
    return {p.text for p in (await knowledge.passages(list(found), tenant_id=tenant_id)).values()}


@pytest.fixture
def index(knowledge: KnowledgeStore) -> VectorIndex:
    return VectorIndex(knowledge, dimension=4)


async def test_an_empty_store_has_nothing_near(index: VectorIndex) -> None:
    assert await index.nearest(AXES[0], tenant_id="a", limit=5) == {}


async def test_the_nearest_come_with_their_cosines(knowledge: KnowledgeStore, index: VectorIndex) -> None:
    await store(knowledge, "one", AXES[0], AXES[1], (AXES[0] + AXES[1]) / np.sqrt(2))
    found = await index.nearest(AXES[0], tenant_id="a", limit=2)
    assert sorted(round(cosine, 3) for cosine in found.values()) == [0.707, 1.0]


async def test_wanted_chunks_are_scored_however_far(knowledge: KnowledgeStore, index: VectorIndex) -> None:
    await store(knowledge, "one", AXES[0], AXES[1])
    far = max(await knowledge.chunk_ids())
    found = await index.nearest(AXES[0], tenant_id="a", limit=1, also=[far, 999])
    assert found[far] == 0.0
    assert len(found) == 2


async def test_changes_are_followed(knowledge: KnowledgeStore, index: VectorIndex) -> None:
    first = await store(knowledge, "one", AXES[0])
    await index.nearest(AXES[0], tenant_id="a", limit=9)
    await store(knowledge, "two", AXES[1])
    assert await texts(knowledge, await index.nearest(AXES[0], tenant_id="a", limit=9)) == {"one 0", "two 0"}
    await store(knowledge, "two", AXES[2], AXES[3])
    await knowledge.delete(first.id, tenant_id=None)
    assert await texts(knowledge, await index.nearest(AXES[0], tenant_id="a", limit=9)) == {"two 0", "two 1"}


async def test_a_tenant_finds_its_own_and_the_shared(knowledge: KnowledgeStore, index: VectorIndex) -> None:
    await store(knowledge, "mine", AXES[0], tenant_id="a")
    await store(knowledge, "theirs", AXES[0], tenant_id="b")
    await store(knowledge, "shared", AXES[0])
    ids = await knowledge.chunk_ids()
    for tenant, expected in (("a", 2), ("b", 2), ("nobody", 1)):
        found = await index.nearest(AXES[0], tenant_id=tenant, limit=9, also=ids)
        assert len(found) == expected
        assert len(await knowledge.passages(list(found), tenant_id=tenant)) == expected


async def test_only_what_is_new_is_read(
    knowledge: KnowledgeStore, index: VectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(knowledge, "one", AXES[0])
    asked: list[int] = []
    vectors = knowledge.vectors
    monkeypatch.setattr(
        knowledge, "vectors", lambda *, after_id: (asked.append(after_id), vectors(after_id=after_id))[1]
    )
    await asyncio.gather(*(index.nearest(AXES[0], tenant_id="a", limit=1) for _ in range(5)))
    await index.nearest(AXES[0], tenant_id="a", limit=1)
    assert asked == [0]
    await store(knowledge, "two", AXES[1])
    await index.nearest(AXES[0], tenant_id="a", limit=1)
    assert asked == [0, 1]


async def test_a_cancelled_refresh_is_done_again(
    knowledge: KnowledgeStore, index: VectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(knowledge, "one", AXES[0])
    reached = asyncio.Event()

    async def never() -> set[int]:
        reached.set()
        await asyncio.Event().wait()
        return set()

    with monkeypatch.context() as patch:
        patch.setattr(knowledge, "chunk_ids", never)
        task = asyncio.create_task(index.nearest(AXES[0], tenant_id="a", limit=1))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(await index.nearest(AXES[0], tenant_id="a", limit=1)) == 1


async def test_embeddings_of_another_model_are_left_out(
    knowledge: KnowledgeStore, index: VectorIndex
) -> None:
    await store(knowledge, "other", np.ones(8, np.float32), None)
    await store(knowledge, "ours", AXES[0])
    assert await texts(knowledge, await index.nearest(AXES[0], tenant_id="a", limit=9)) == {"ours 0"}
