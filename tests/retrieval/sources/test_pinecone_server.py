"""The local server is judged by the official SDK: what it cannot read or raise would be wrong here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pinecone
import pytest
from pinecone.errors import (
    ApiError,
    NotFoundError,
    PineconeConnectionError,
    PineconeError,
    RateLimitError,
    ServiceError,
    UnauthorizedError,
)
from tests.retrieval.sources.pinecone_server import API_KEY, Fault, PineconeServer, pinecone_server

Index = pinecone.AsyncIndex


@pytest.fixture
async def server() -> AsyncIterator[PineconeServer]:
    def embed(texts: object, kind: str) -> list[list[float]]:
        return [[1.0, 0.0, 0.0, float(kind == "query")] for _ in texts]  # type: ignore[attr-defined]

    def rerank(query: str, texts: object) -> list[float]:
        return [float(query in text) for text in texts]  # type: ignore[attr-defined]

    async with pinecone_server(PineconeServer(4, embed=embed, rerank=rerank)) as server:
        yield server


@pytest.fixture
async def index(server: PineconeServer) -> AsyncIterator[Index]:
    async with Index(host=server.url, api_key=API_KEY) as index:
        yield index


async def fill(index: Index, count: int = 3) -> None:
    await index.upsert(
        vectors=[
            {
                "id": f"d#{number}",
                "values": [1.0, float(number), 0.0, 0.0],
                "sparse_values": {"indices": [7, number + 100], "values": [0.5, 1.0]},
                "metadata": {"text": f"text {number}", "year": 2020 + number},
            }
            for number in range(count)
        ],
        namespace="n",
    )


async def test_the_sdk_reads_what_it_has_written(index: Index) -> None:
    await fill(index)

    found = await index.query(
        top_k=2,
        vector=[0.0, 1.0, 0.0, 0.0],
        sparse_vector={"indices": [100], "values": [10.0]},
        namespace="n",
        include_metadata=True,
    )

    assert [(match.id, match.score) for match in found.matches] == [("d#0", 10.0), ("d#2", 2.0)]
    assert found.matches[0].metadata == {"text": "text 0", "year": 2020}
    assert found.usage is not None
    assert found.usage.read_units == 1
    fetched = await index.fetch(ids=["d#1", "gone"], namespace="n")
    assert list(fetched.vectors) == ["d#1"]
    assert fetched.vectors["d#1"].values == [1.0, 1.0, 0.0, 0.0]
    stats = await index.describe_index_stats()
    assert (stats.dimension, stats.total_vector_count) == (4, 3)


async def test_filters_select_and_delete(index: Index, server: PineconeServer) -> None:
    await fill(index)

    found = await index.query(
        top_k=9, vector=[1.0, 0, 0, 0], namespace="n", filter={"year": {"$gte": 2021, "$ne": 2022}}
    )
    await index.delete(filter={"$and": [{"year": {"$in": [2020, 2021]}}]}, namespace="n")

    assert [match.id for match in found.matches] == ["d#1"]
    assert server.ids("n") == {"d#2"}


async def test_lists_come_in_pages(index: Index) -> None:
    await fill(index, 230)

    pages = [[each.id for each in page.vectors] async for page in index.list(prefix="d#", namespace="n")]

    assert [len(page) for page in pages] == [100, 100, 30]


async def test_writes_become_visible_in_their_order(index: Index, server: PineconeServer) -> None:
    server.visible_at_once = False
    await fill(index)
    before = await index.query(top_k=9, vector=[1.0, 0, 0, 0], namespace="n")
    await index.delete(ids=["d#1"], namespace="n")
    server.settle()

    after = await index.query(top_k=9, vector=[1.0, 0, 0, 0], namespace="n")

    assert before.matches == []
    assert {match.id for match in after.matches} == {"d#0", "d#2"}


async def test_wrong_requests_are_refused_with_a_reason(index: Index, server: PineconeServer) -> None:
    with pytest.raises(ApiError, match="dimension 3 does not match the dimension of the index 4"):
        await index.query(top_k=1, vector=[1.0, 2.0, 3.0], namespace="n")
    with pytest.raises(ApiError, match="non-zero"):
        await index.upsert(vectors=[("a", [0.0, 0.0, 0.0, 0.0])])
    with pytest.raises(ApiError, match="exceeds the limit of 40960 bytes"):
        await index.upsert(vectors=[("a", [1.0, 0.0, 0.0, 0.0], {"text": "x" * 41_000})])
    with pytest.raises(NotFoundError, match="Namespace not found"):
        await index.delete(ids=["a"], namespace="unknown")
    async with Index(host=server.url, api_key="wrong") as stranger:
        with pytest.raises(UnauthorizedError):
            await stranger.describe_index_stats()


async def test_the_sdk_waits_as_a_throttled_answer_says(index: Index, server: PineconeServer) -> None:
    server.fail("/query", Fault(status=429, headers={"Retry-After": "0"}))

    await index.query(top_k=1, vector=[1.0, 0, 0, 0], namespace="n")

    assert len(server.seen("/query")) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=429), RateLimitError),
        (Fault(status=503), ServiceError),
        (Fault(reset=True), PineconeConnectionError),
        (Fault(truncate_to=5), PineconeError),
        (Fault(body=b"<html>"), PineconeError),
    ],
)
async def test_faults_raise_what_they_are(
    index: Index,
    server: PineconeServer,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    error: type[Exception],
) -> None:
    async def at_once(_seconds: float) -> None:
        pass

    monkeypatch.setattr("pinecone._internal.http_client._async_retry_sleep", at_once)
    server.fail("/query", *[fault] * 20)

    with pytest.raises(error):
        await index.query(top_k=1, vector=[1.0, 0, 0, 0], namespace="n")


async def test_a_held_answer_waits(index: Index, server: PineconeServer) -> None:
    held = Fault(gate=asyncio.Event())
    server.fail("/query", held)
    async with asyncio.TaskGroup() as group:
        query = group.create_task(index.query(top_k=1, vector=[1.0, 0, 0, 0], namespace="n"))
        await held.reached.wait()
        assert not query.done()
        assert held.gate is not None
        held.gate.set()
    assert query.result().matches == []


async def test_hosted_models_count_their_tokens_and_units(server: PineconeServer) -> None:
    async with pinecone.AsyncPinecone(api_key=API_KEY, host=server.url) as client:
        embedded = await client.inference.embed(
            model="llama-text-embed-v2", inputs=["two words"], parameters={"input_type": "query"}
        )
        ranked = await client.inference.rerank(
            model="bge-reranker-v2-m3", query="b", documents=["a", "b"], top_n=1
        )

    assert embedded.usage.total_tokens == 4
    assert embedded.data[0].values == [1.0, 0.0, 0.0, 1.0]
    assert [(each.index, each.score) for each in ranked.data] == [(1, 1.0)]
    assert ranked.usage.rerank_units == 1
