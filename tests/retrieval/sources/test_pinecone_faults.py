"""What Pinecone can do wrong: nothing of it takes a run along, repeats a charge or shows the key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.retrieval.sources.pinecone_parts import MODEL, collection_on, document, filled, pinecone_server
from tests.retrieval.sources.pinecone_server import API_KEY, Fault, PineconeServer

from vital_shared.breaker import BREAKER_FAILURES, Breakers
from vital_shared.errors import ConfigurationError, SourceError
from vital_shared.models.citation import Passage
from vital_shared.monitoring.counted import counted
from vital_shared.retrieval.sources.pinecone.collection import PineconeCollection
from vital_shared.retrieval.sources.pinecone.records import passage_of

THROTTLED = {"status": 429, "applies": False}


@pytest.fixture
async def server() -> AsyncIterator[PineconeServer]:
    async with pinecone_server(PineconeServer(MODEL.dimension)) as server:
        async with collection_on(server) as collection:
            await filled(collection, [document("a", "Bees."), document("b", "Bees for all.", tenant=None)])
        server.requests.clear()
        yield server


@pytest.fixture
async def collection(server: PineconeServer) -> AsyncIterator[PineconeCollection]:
    async with collection_on(server) as collection:
        yield collection


async def search(collection: PineconeCollection) -> list[str]:
    found = await collection.search("bees", tenant_id="acme", limit=5)
    return sorted(passage.id for passage in found)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Fault(**THROTTLED, headers={"Retry-After": "0"}), "throttled"),
        (Fault(**THROTTLED), "throttled"),
        (Fault(status=503), "unavailable"),
        (Fault(status=500, body=b"<html>oops</html>"), "unavailable"),
        (Fault(status=504, body=b"\xff\xfe"), "unavailable"),
        (Fault(reset=True), "connection"),
        (Fault(truncate_to=20), "connection"),
    ],
)
async def test_a_passing_fault_is_tried_again(
    server: PineconeServer, collection: PineconeCollection, fault: Fault, cause: str
) -> None:
    server.fail("/query", fault)

    with counted() as growth:
        assert await search(collection) == ["a-0", "b-0"]

    assert growth("vital_rag_retries_total", source="pinecone", cause=cause) == 1


async def test_waits_as_long_as_pinecone_asks(server: PineconeServer) -> None:
    waits = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with collection_on(server, sleep=sleep) as collection:
        server.fail("/query", Fault(**THROTTLED, headers={"Retry-After": "2"}))
        await search(collection)

    assert waits == [2.0]


async def test_a_write_that_is_throttled_for_seconds_is_done_in_the_end(server: PineconeServer) -> None:
    waits = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with collection_on(server, sleep=sleep) as collection:
        index = await collection.prepare(MODEL)
        server.fail("/vectors/upsert", *[Fault(**THROTTLED)] * 12)
        await collection.put(index.id, [document("c", "Bees.")])
        assert await search(collection) == ["a-0", "b-0", "c-0"]

    assert len(waits) >= 12


async def test_fails_at_once_where_the_wait_would_outlast_the_run(server: PineconeServer) -> None:
    async with collection_on(server, sleep=lambda _: asyncio.Event().wait()) as collection:
        server.fail("/query", *[Fault(**THROTTLED, headers={"Retry-After": "30"})] * 2)

        with pytest.raises(SourceError, match="asked too often"):
            await search(collection)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(status=400), r"refused the request: status 400 \(Try later\.\)"),
        (Fault(status=402), "plan and quotas"),
        (
            Fault(status=403, body=b'{"error": {"message": "Quota."}}'),
            r"does not allow the request \(Quota\.\)",
        ),
        (Fault(status=404), "VITAL_PINECONE_HOST"),
        (Fault(status=302, headers={"Location": "http://example.com"}), "sends to another address"),
        (Fault(body=b"garbage"), "not a JSON object"),
        (Fault(body=b"[1, 2]"), "not a JSON object"),
        (Fault(body=b'{"matches": 7}'), "without a list of matches"),
    ],
)
async def test_a_lasting_fault_is_said_at_once_and_in_one_sentence(
    server: PineconeServer, collection: PineconeCollection, fault: Fault, message: str
) -> None:
    server.fail("/query", fault)

    with counted() as growth, pytest.raises(SourceError, match=message):
        await search(collection)

    assert growth("vital_rag_retries_total", source="pinecone") == 0


async def test_a_wrong_key_is_named_by_its_variable_and_never_shown(
    server: PineconeServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "pcsk_wrong_and_secret"
    async with collection_on(server, key=secret) as collection:
        with pytest.raises(SourceError, match="refused the key: check PINECONE_API_KEY") as caught:
            await search(collection)
        shown = f"{caught.value!r} {collection!r} {vars(collection)!r} {caplog.text} {capsys.readouterr()}"
    assert secret not in shown
    server.fail("/describe_index_stats", Fault(status=400, body=f'{{"message": "{API_KEY}"}}'.encode()))
    async with collection_on(server) as collection:
        with pytest.raises(SourceError) as caught:
            await collection.ping()
    assert API_KEY not in str(caught.value)


async def test_a_host_without_a_key_is_an_error_of_the_configuration(server: PineconeServer) -> None:
    with pytest.raises(ConfigurationError, match="PINECONE_API_KEY is not"):
        async with collection_on(server, key="  "):
            pass


@pytest.mark.parametrize("key", ["two words", "a\nb", "schlüssel"])
async def test_a_key_that_is_none_is_an_error_of_the_configuration(server: PineconeServer, key: str) -> None:
    with pytest.raises(ConfigurationError, match="characters that no key has") as caught:
        async with collection_on(server, key=key):
            pass
    assert key not in str(caught.value)


async def test_no_part_of_a_key_is_shown_where_words_are_cut(
    server: PineconeServer, collection: PineconeCollection
) -> None:
    said = json.dumps({"message": "x" * 295 + API_KEY}).encode()
    server.fail("/describe_index_stats", Fault(status=400, body=said))

    with pytest.raises(SourceError) as caught:
        await collection.ping()

    assert "pcsk" not in str(caught.value)


async def test_a_source_that_keeps_failing_is_left_alone(server: PineconeServer) -> None:
    breakers = Breakers()
    async with collection_on(server, breakers=breakers) as collection:
        for _ in range(BREAKER_FAILURES):
            server.fail("/query", Fault(status=400), Fault(status=400))
            with pytest.raises(SourceError, match="status 400"):
                await search(collection)
        asked = len(server.requests)

        with pytest.raises(SourceError, match="failed several times in a row"):
            await search(collection)

    assert len(server.requests) == asked
    assert breakers.left_alone == {"pinecone"}


async def test_a_cancelled_search_lets_go_of_its_connections(
    server: PineconeServer, collection: PineconeCollection
) -> None:
    held = Fault(gate=asyncio.Event())
    server.fail("/query", held, held)
    task = asyncio.create_task(search(collection))
    await held.reached.wait()
    assert collection.connections == (64, 2)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert collection.connections == (64, 0)
    assert await search(collection) == ["a-0", "b-0"]


def _with(change: Any) -> Fault:
    def changed(answer: dict[str, Any]) -> dict[str, Any]:
        for match in answer["matches"]:
            change(match)
        return answer

    return Fault(change=changed)


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        (lambda match: match.update(score=None), "score"),
        (lambda match: match.update(score="0.9"), "score"),
        (lambda match: match.update(score=True), "score"),
        (lambda match: match.pop("score"), "score"),
        (lambda match: match.update(metadata=None), "metadata"),
        (lambda match: match["metadata"].pop("text"), "metadata"),
        (lambda match: match["metadata"].update(title=["a"]), "metadata"),
        (lambda match: match["metadata"].update(text=" "), "metadata"),
        (lambda match: match.update(id=7), "metadata"),
        (lambda match: match["metadata"].update(tenant="other"), "tenant"),
    ],
)
async def test_an_odd_passage_is_left_out_and_counted(
    server: PineconeServer, collection: PineconeCollection, change: Any, flaw: str
) -> None:
    async with asyncio.timeout(10):
        server.fail("/query", _with(change), _with(change))
        with counted() as growth:
            found = await search(collection)

    assert found == []
    assert growth("vital_rag_dropped_passages_total", source="pinecone", flaw=flaw) == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_fields = st.sampled_from(["id", "score", "metadata", "values"])
_metadata = st.dictionaries(
    st.sampled_from(["document_id", "title", "uri", "section", "text", "tenant", "position"]), json_values
)


@given(match=json_values | st.dictionaries(_fields, json_values | _metadata))
def test_any_match_is_a_passage_or_has_a_flaw(match: Any) -> None:
    found = passage_of(match, "acme")
    assert isinstance(found, Passage) or found in ("score", "metadata", "tenant")


@given(
    page=st.dictionaries(st.sampled_from(["vectors", "pagination"]), json_values | st.just([{"id": "x"}])),
    record=st.dictionaries(
        st.sampled_from(["embedder", "dimension", "keywords", "made_at", "activated_at"]), json_values
    ),
)
@settings(max_examples=60, deadline=None)
async def test_any_record_of_an_index_is_read_or_passed_over(page: Any, record: Any) -> None:
    async with (
        pinecone_server(PineconeServer(MODEL.dimension)) as server,
        collection_on(server) as collection,
    ):
        fetched = json.dumps({"vectors": {"x": {"id": "x", "metadata": record}}}).encode()
        server.fail("/vectors/list", *[Fault(body=json.dumps(page).encode())] * 20)
        server.fail("/vectors/fetch", *[Fault(body=fetched)] * 20)
        try:
            indexes = await collection.indexes()
        except SourceError:
            return
        assert all(0 < index.dimension <= 20_000 for index in indexes)


async def test_a_slow_look_at_the_indexes_holds_up_one_search_alone(
    server: PineconeServer, collection: PineconeCollection
) -> None:
    await search(collection)
    collection._active._clock = lambda: 1e9  # a minute later
    held = Fault(gate=asyncio.Event())
    server.fail("/vectors/list", held)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(search(collection))
        await held.reached.wait()

        assert await search(collection) == ["a-0", "b-0"]

        assert not first.done()
        assert held.gate is not None
        held.gate.set()
    assert first.result() == ["a-0", "b-0"]


async def test_a_list_without_an_end_is_left(server: PineconeServer, collection: PineconeCollection) -> None:
    page = json.dumps({"vectors": [], "pagination": {"next": "again"}}).encode()
    server.fail("/vectors/list", *[Fault(body=page)] * 100)

    assert await collection.search("bees", tenant_id="acme", limit=1) == ()


@pytest.mark.thorough
@given(answer=st.dictionaries(st.sampled_from(["matches", "usage", "namespace"]), json_values))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_answer_gives_passages_or_a_source_error(answer: dict[str, Any]) -> None:
    async with (
        pinecone_server(PineconeServer(MODEL.dimension)) as server,
        collection_on(server) as collection,
    ):
        await filled(collection, [document("a", "Bees.")])
        body = json.dumps(answer, allow_nan=True).encode()
        server.fail("/query", *[Fault(body=body)] * 4)
        try:
            found = await search(collection)
        except SourceError:
            return
        assert isinstance(found, list)
