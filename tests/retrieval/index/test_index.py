"""The embedded index, on a real store: it has what the store has, whatever happens to it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.kept_contexts import is_context_kept
from tests.store_database import store_url

from vital_shared.errors import InvalidRequest
from vital_shared.models.knowledge import Chunk, Document
from vital_shared.retrieval.index.folder import IndexFolder
from vital_shared.retrieval.index.index import KnowledgeIndex
from vital_shared.retrieval.index.snapshot import Snapshot
from vital_shared.store.knowledge import KnowledgeStore

AXES = np.eye(4, dtype=np.float32)
Open = Callable[..., KnowledgeIndex]


async def store(
    knowledge: KnowledgeStore,
    uri: str,
    *vectors: NDArray[np.float32] | None,
    tenant_id: str | None = None,
    text: str = "",
) -> Document:
    chunks = [
        Chunk(text=f"{text or uri} {n}", embedding=None if vector is None else vector.astype("<f4").tobytes())
        for n, vector in enumerate(vectors)
    ]
    return await knowledge.replace(
        tenant_id=tenant_id, uri=uri, title="", content_hash=uri, media_type="text/plain", chunks=chunks
    )


async def near(
    knowledge: KnowledgeStore, index: KnowledgeIndex, *, tenant_id: str = "a", limit: int = 9, query: str = ""
) -> set[str]:
    found = await index.search(query, AXES[0], tenant_id=tenant_id, limit=limit)
    passages = await knowledge.passages(list(found.cosines), tenant_id=tenant_id)
    assert len(passages) == len(found.cosines), "everything found is there, and may be seen"
    return {passage.text for passage in passages.values()}


async def with_words(
    knowledge: KnowledgeStore, index: KnowledgeIndex, query: str, *, tenant_id: str = "a"
) -> list[str]:
    found = await index.search(query, None, tenant_id=tenant_id, limit=9)
    passages = await knowledge.passages(list(found.keywords), tenant_id=tenant_id)
    return [passages[chunk_id].text for chunk_id in found.keywords]


@pytest.fixture
async def opened(knowledge: KnowledgeStore, tmp_path: Path) -> AsyncIterator[Open]:
    """Open indexes in one folder, as several processes do."""
    indexes: list[KnowledgeIndex] = []

    def open_one(*, unsaved_rows: int = 1_000, patience_seconds: float = 60) -> KnowledgeIndex:
        indexes.append(
            KnowledgeIndex(
                knowledge,
                tmp_path / "index",
                model="axes",
                dimension=4,
                unsaved_rows=unsaved_rows,
                patience_seconds=patience_seconds,
            )
        )
        return indexes[-1]

    yield open_one
    for index in indexes:
        await index.aclose()


@pytest.fixture
def index(opened: Open) -> KnowledgeIndex:
    return opened()


def manifest(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "index").glob("*/index.json")
    return path


async def test_an_empty_store_has_nothing_near(index: KnowledgeIndex) -> None:
    assert await index.search("honey", AXES[0], tenant_id="a", limit=5) == ({}, {})


async def test_what_follows_the_store_keeps_nothing_of_the_search_that_has_begun_it(
    knowledge: KnowledgeStore, index: KnowledgeIndex
) -> None:
    await store(knowledge, "one", AXES[0])
    assert not await is_context_kept(lambda: index.search("honey", None, tenant_id="a", limit=5))


async def test_the_nearest_come_with_their_cosines(knowledge: KnowledgeStore, index: KnowledgeIndex) -> None:
    await store(knowledge, "one", AXES[0], AXES[1], (AXES[0] + AXES[1]) / np.sqrt(2))
    found = await index.search("", AXES[0], tenant_id="a", limit=2)
    assert sorted(round(cosine, 3) for cosine in found.cosines.values()) == [0.707, 1.0]


async def test_what_has_the_words_gets_its_cosine_however_far(
    knowledge: KnowledgeStore, index: KnowledgeIndex
) -> None:
    await store(knowledge, "one", AXES[0])
    await store(knowledge, "rare", AXES[1])
    found = await index.search("rare", AXES[0], tenant_id="a", limit=1)
    (far,) = found.keywords
    assert found.cosines[far] == 0.0
    assert len(found.cosines) == 2


async def test_changes_are_followed(knowledge: KnowledgeStore, index: KnowledgeIndex) -> None:
    first = await store(knowledge, "one", AXES[0])
    assert await near(knowledge, index) == {"one 0"}
    await store(knowledge, "two", AXES[1])
    assert await near(knowledge, index) == {"one 0", "two 0"}
    await store(knowledge, "two", AXES[2], AXES[3])
    await knowledge.delete(first.id, tenant_id=None)
    assert await near(knowledge, index) == {"two 0", "two 1"}
    assert await with_words(knowledge, index, "one two") == ["two 0", "two 1"]


async def test_a_tenant_finds_its_own_and_the_shared(
    knowledge: KnowledgeStore, index: KnowledgeIndex
) -> None:
    for uri, tenant_id in (("mine", "a"), ("theirs", "b"), ("shared", None)):
        await store(knowledge, uri, AXES[0], tenant_id=tenant_id, text=f"{uri} honey")
    for tenant_id, number in (("a", 2), ("b", 2), ("nobody", 1)):
        assert len(await near(knowledge, index, tenant_id=tenant_id, query="honey")) == number
        assert len(await with_words(knowledge, index, "honey", tenant_id=tenant_id)) == number
    with pytest.raises(InvalidRequest, match="must not be empty"):
        await index.search("honey", None, tenant_id="", limit=9)


async def test_what_others_have_does_not_change_the_scores(
    knowledge: KnowledgeStore, index: KnowledgeIndex
) -> None:
    await store(knowledge, "one", None, tenant_id="a", text="honey is sweet")
    await store(knowledge, "two", None, tenant_id="a", text="vinegar")
    before = await index.search("honey", None, tenant_id="a", limit=9)
    for n in range(5):
        await store(knowledge, f"{n}", None, tenant_id="b", text="honey honey honey")
    assert await index.search("honey", None, tenant_id="a", limit=9) == before


async def test_only_what_is_new_is_read(
    knowledge: KnowledgeStore, index: KnowledgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(knowledge, "one", AXES[0])
    asked: list[int] = []
    chunks = knowledge.chunks
    monkeypatch.setattr(
        knowledge,
        "chunks",
        lambda *, after_id, model: (asked.append(after_id), chunks(after_id=after_id, model=model))[1],
    )
    await asyncio.gather(*(near(knowledge, index) for _ in range(5)))
    await near(knowledge, index)
    assert asked == [0]
    await store(knowledge, "two", AXES[1])
    await near(knowledge, index)
    assert asked == [0, 1]


async def test_a_cancelled_search_stops_no_other(
    knowledge: KnowledgeStore, index: KnowledgeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(knowledge, "one", AXES[0])
    reached, go_on = asyncio.Event(), asyncio.Event()
    lineage = knowledge.lineage

    async def slow() -> str:
        reached.set()
        await go_on.wait()
        return await lineage()

    monkeypatch.setattr(knowledge, "lineage", slow)
    first = asyncio.create_task(near(knowledge, index))
    second = asyncio.create_task(near(knowledge, index))
    await reached.wait()
    first.cancel()
    go_on.set()
    assert await second == {"one 0"}
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_embeddings_of_another_model_are_left_out(
    knowledge: KnowledgeStore, index: KnowledgeIndex
) -> None:
    await store(knowledge, "foreign", np.ones(8, np.float32), None)
    await store(knowledge, "ours", AXES[0])
    assert await near(knowledge, index) == {"ours 0"}
    assert await with_words(knowledge, index, "foreign") == ["foreign 0", "foreign 1"]


async def test_what_is_written_down_is_not_read_from_the_store_again(
    knowledge: KnowledgeStore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(knowledge, "one", AXES[0], AXES[1])
    await opened(unsaved_rows=2).catch_up()
    asked: list[int] = []
    chunks = knowledge.chunks
    monkeypatch.setattr(
        knowledge,
        "chunks",
        lambda *, after_id, model: (asked.append(after_id), chunks(after_id=after_id, model=model))[1],
    )
    assert await near(knowledge, opened()) == {"one 0", "one 1"}
    assert asked == [2]


async def test_what_was_deleted_before_a_start_stays_deleted(knowledge: KnowledgeStore, opened: Open) -> None:
    documents = [await store(knowledge, uri, AXES[0]) for uri in ("one", "two", "three", "four", "five")]
    writer = opened(unsaved_rows=2)
    await writer.catch_up()
    await knowledge.delete(documents[0].id, tenant_id=None)
    await writer.catch_up()
    assert await near(knowledge, opened()) == {"two 0", "three 0", "four 0", "five 0"}
    await knowledge.delete(documents[4].id, tenant_id=None)
    await store(knowledge, "six", AXES[0], AXES[1])
    await writer.catch_up()
    assert await near(knowledge, opened()) == {"two 0", "three 0", "four 0", "six 0", "six 1"}


async def test_deletions_that_the_store_has_forgotten_are_noticed(
    knowledge: KnowledgeStore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vital_shared.store.knowledge._KEPT_DELETIONS", 1)
    documents = [await store(knowledge, f"{n}", AXES[0]) for n in range(4)]
    index = opened()
    assert len(await near(knowledge, index)) == 4
    for document in documents[:3]:
        await knowledge.delete(document.id, tenant_id=None)
    assert await near(knowledge, index) == {"3 0"}


async def test_one_process_finds_what_another_has_written_down(
    knowledge: KnowledgeStore, opened: Open
) -> None:
    one, other = opened(unsaved_rows=3), opened(unsaved_rows=3)
    expected = set()
    for n in range(12):
        await store(knowledge, f"{n}", AXES[n % 4])
        expected.add(f"{n} 0")
        writer, reader = (one, other) if n % 2 else (other, one)
        await writer.catch_up()
        assert await near(knowledge, reader, limit=99) == expected
        assert await near(knowledge, writer, limit=99) == expected


async def test_what_changes_while_the_index_is_written_is_kept(
    knowledge: KnowledgeStore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, go_on = threading.Event(), threading.Event()
    save = IndexFolder.save

    def slow(self: IndexFolder, snapshot: Snapshot) -> Snapshot | None:
        saved = save(self, snapshot)
        written.set()
        go_on.wait(60)
        return saved

    documents = [await store(knowledge, uri, AXES[0]) for uri in ("one", "two", "three")]
    index = opened(unsaved_rows=3)
    with monkeypatch.context() as patch:
        patch.setattr(IndexFolder, "save", slow)
        assert len(await near(knowledge, index)) == 3
        await asyncio.to_thread(written.wait, 60)
        await knowledge.delete(documents[0].id, tenant_id=None)
        for uri in ("four", "five"):
            await store(knowledge, uri, AXES[0])
            await near(knowledge, index)
        go_on.set()
        await index.catch_up()
    expected = {"two 0", "three 0", "four 0", "five 0"}
    assert await near(knowledge, index) == expected
    assert await near(knowledge, opened()) == expected


async def test_an_older_state_that_another_process_writes_takes_nothing_away(
    knowledge: KnowledgeStore, opened: Open
) -> None:
    documents = [await store(knowledge, uri, AXES[0]) for uri in ("one", "two", "three")]
    late, early = opened(), opened()
    assert len(await near(knowledge, late)) == 3
    await knowledge.delete(documents[1].id, tenant_id=None)
    for uri in ("four", "five", "six"):
        await store(knowledge, uri, AXES[0])
    assert len(await near(knowledge, early)) == 5
    await late._save()
    await store(knowledge, "seven", AXES[0])
    expected = {"one 0", "three 0", "four 0", "five 0", "six 0", "seven 0"}
    assert await near(knowledge, early) == expected
    assert await near(knowledge, late) == expected


WRITER = """
import asyncio, sys
from pathlib import Path
import numpy as np
from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.index.folder import IndexFolder
from vital_shared.retrieval.index.index import KnowledgeIndex
from vital_shared.retrieval.index.snapshot import Snapshot
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore

async def main(url, folder):
    knowledge = KnowledgeStore(Database(url))
    index = KnowledgeIndex(knowledge, Path(folder), model="axes", dimension=4, unsaved_rows=1)
    for n in range(10_000):
        vector = np.eye(4, dtype="<f4")[n % 4].tobytes()
        chunks = [Chunk(text=f"honey {n} {m}", embedding=vector) for m in range(3)]
        await knowledge.replace(
            tenant_id=None, uri=f"{n % 7}", title="", content_hash="", media_type="", chunks=chunks
        )
        await index.catch_up()
        if n == 10:
            print("under way", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.thorough
async def test_an_index_whose_writer_is_killed_has_what_the_store_has(
    knowledge: KnowledgeStore, opened: Open, tmp_path: Path
) -> None:
    url = store_url(tmp_path / "store")
    reader = opened(unsaved_rows=1)
    for _ in range(2):
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, url, str(tmp_path / "index"), stdout=asyncio.subprocess.PIPE
        )
        assert writer.stdout is not None
        assert await writer.stdout.readline() == b"under way\n"
        writer.kill()
        await writer.wait()
        there = {chunk.text for batch in [b async for b in knowledge.chunks()] for chunk in batch}
        assert len(there) == 21
        assert await near(knowledge, opened(), limit=99) == there
        assert await near(knowledge, reader, limit=99) == there


async def test_few_segments_are_kept(knowledge: KnowledgeStore, opened: Open, tmp_path: Path) -> None:
    index = opened(unsaved_rows=1)
    for n in range(40):
        await store(knowledge, f"{n}", AXES[n % 4])
        await index.catch_up()
    named = json.loads(manifest(tmp_path).read_bytes())["segments"]
    assert sum(rows for _, rows in named) == 40
    assert len(named) <= 6
    there = {path.name for path in manifest(tmp_path).parent.glob("segment-*")}
    assert there == {name for name, _ in named}


@pytest.mark.parametrize("damage", ["manifest", "array", "segment", "tenants", "all"])
async def test_a_damaged_folder_is_built_anew(
    knowledge: KnowledgeStore, opened: Open, tmp_path: Path, damage: str
) -> None:
    await store(knowledge, "one", AXES[0], AXES[1])
    await opened(unsaved_rows=1).catch_up()
    path = manifest(tmp_path)
    (segment,) = path.parent.glob("segment-*")
    match damage:
        case "manifest":
            path.write_text('{"generation": 7, "segm')
        case "array":
            (segment / "matrix.npy").write_bytes(b"\x93NUMPY")
        case "segment":
            shutil.rmtree(segment)
        case "tenants":
            (segment / "tenants.json").write_text("")
        case "all":
            shutil.rmtree(path.parent)
    index = opened(unsaved_rows=1)
    assert await near(knowledge, index) == {"one 0", "one 1"}
    await index.catch_up()
    assert json.loads(manifest(tmp_path).read_bytes())["segments"][0][1] == 2


async def test_a_store_that_was_put_back_is_read_anew(
    knowledge: KnowledgeStore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(knowledge, "one", AXES[0])
    running = opened(unsaved_rows=1)
    await running.catch_up()
    path = manifest(running._root.parent)
    content = json.loads(path.read_bytes())
    path.write_text(json.dumps(content | {"version": content["version"] + 5, "last_id": 99, "generation": 3}))
    assert await near(knowledge, opened()) == {"one 0"}
    running._snapshot = running._snapshot._replace(version=content["version"] + 5, last_id=99, parts=())
    assert await near(knowledge, running) == {"one 0"}


async def test_a_folder_that_cannot_be_written_costs_no_answer(
    knowledge: KnowledgeStore, opened: Open, tmp_path: Path
) -> None:
    (tmp_path / "index").write_text("a file")
    await store(knowledge, "one", AXES[0])
    index = opened(unsaved_rows=1)
    await index.catch_up()
    assert await near(knowledge, index) == {"one 0"}


async def test_the_store_answers_while_the_index_is_behind(
    knowledge: KnowledgeStore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(knowledge, "honey", AXES[0])
    index = opened(patience_seconds=0)
    assert await with_words(knowledge, index, "honey") == ["honey 0"]
    await index.catch_up()
    assert await near(knowledge, index) == {"honey 0"}
