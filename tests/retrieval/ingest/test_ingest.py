import asyncio
import io
import random
import sys

import numpy as np
import pytest
from sqlalchemy import select
from tests.store_database import store_url
from xlsxwriter import Workbook

from vital_shared.errors import IngestError, StoreError
from vital_shared.retrieval.ingest import Ingestor, Limits
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.staged_embedding_table import staged_embeddings


async def results(ingestor, *paths, **options):
    return [result async for result in ingestor.ingest_paths(paths, tenant_id="acme", **options)]


async def add(ingestor, text, uri="a.md", tenant_id="acme"):
    return await ingestor.ingest_bytes(text.encode(), uri=uri, tenant_id=tenant_id)


async def test_a_document_is_added_with_its_embeddings(ingestor, knowledge, embedder):
    result = await add(ingestor, "# Warfarin\n\nIntro.\n\n## Dosage\n\nFive mg.")
    assert (result.status, result.title, result.chunks) == ("added", "Warfarin", 2)
    document = await knowledge.get(result.document_id, tenant_id="acme")
    assert (document.uri, document.media_type) == ("a.md", "text/markdown")
    chunks = [chunk async for batch in knowledge.chunks() for chunk in batch]
    expected = embedder.vector(passage_text("Warfarin", "Dosage", "Five mg."))
    np.testing.assert_array_equal(np.frombuffer(chunks[1].embedding, "<f4"), expected)


async def test_it_is_found_by_its_words_and_by_its_own_tenant_alone(ingestor, knowledge):
    await add(ingestor, "Warfarin thins the blood.")
    assert len(await knowledge.keyword_search("warfarin", tenant_id="acme", limit=5)) == 1
    assert await knowledge.keyword_search("warfarin", tenant_id="other", limit=5) == ()


async def test_ingesting_again_replaces_what_was_there(ingestor, knowledge, texts_of):
    first = await add(ingestor, "Old words.")
    second = await add(ingestor, "New words.")
    assert (second.status, second.document_id) == ("updated", first.document_id)
    assert await texts_of() == ["New words."]
    assert await knowledge.keyword_search("old", tenant_id="acme", limit=5) == ()


async def test_unchanged_content_is_not_embedded_again(ingestor, knowledge, embedder):
    first = await add(ingestor, "Words.")
    version, embedder.batches = await knowledge.version(), []
    again = await add(ingestor, "Words.")
    assert (again.status, again.document_id, again.chunks) == ("unchanged", first.document_id, 1)
    assert (await knowledge.version(), embedder.batches) == (version, [])


async def test_what_was_not_read_is_kept_with_the_document_and_said_again(ingestor, knowledge):
    file = io.BytesIO()
    with Workbook(file) as book:
        book.add_worksheet("Wards").write_row(0, 0, ["Beds", 24])
        wages = book.add_worksheet("Wages")
        wages.write_row(0, 0, ["Salary", 3000])
        wages.hide()
    note = "The hidden sheet Wages was not read."
    for status in ("added", "unchanged"):
        result = await ingestor.ingest_bytes(file.getvalue(), uri="a.xlsx", tenant_id="acme")
        assert (result.status, result.message) == (status, note)
    assert (await knowledge.get(result.document_id, tenant_id="acme")).notes == (note,)
    await add(ingestor, "All of it is read.")
    listed = await knowledge.list(tenant_id="acme")
    assert [document.notes for document in listed] == [(), (note,)]
    assert await knowledge.partly_read_count() == 1


async def test_unchanged_content_is_embedded_once_there_is_a_model(ingestor, knowledge):
    bare = Ingestor(knowledge, None)
    first = await add(bare, "Words.")
    assert not await knowledge.has_embeddings(first.document_id)
    assert (await add(bare, "Words.")).status == "unchanged"
    assert (await add(ingestor, "Words.")).status == "updated"
    assert await knowledge.has_embeddings(first.document_id)


async def test_the_same_content_under_another_name_is_not_stored_twice(ingestor, texts_of):
    first = await add(ingestor, "Words.")
    twin = await add(ingestor, "Words.", uri="b.md")
    assert (twin.status, twin.uri, twin.document_id) == ("duplicate", "b.md", first.document_id)
    assert twin.message == "b.md has the same content as a.md, which is stored already."
    assert await texts_of() == ["Words."]


async def test_a_document_that_becomes_a_duplicate_leaves_nothing_old_behind(ingestor, texts_of):
    await add(ingestor, "Words.")
    await add(ingestor, "Old words.", uri="b.md")
    assert (await add(ingestor, "Words.", uri="b.md")).status == "duplicate"
    assert await texts_of() == ["Words."]


async def test_tenants_may_have_the_same_content_and_shared_documents_too(ingestor):
    assert (await add(ingestor, "Words.")).status == "added"
    assert (await add(ingestor, "Words.", tenant_id="other")).status == "added"
    assert (await add(ingestor, "Words.", tenant_id=None)).status == "added"


async def test_the_same_bytes_read_in_another_way_are_an_update(ingestor):
    await add(ingestor, "# Words", uri="a.md")
    result = await ingestor.ingest_bytes(b"# Words", uri="a.md", tenant_id="acme", media_type="text/plain")
    assert result.status == "updated"


async def test_what_a_document_repeats_is_stored_once(ingestor, texts_of):
    boilerplate = "The same notice stands here again. " * 20
    await add(ingestor, "\n\n".join([boilerplate] * 5))
    assert await texts_of() == [boilerplate.strip()]


async def test_equal_words_in_two_sections_are_both_kept(ingestor, texts_of):
    await add(ingestor, "# T\n\n## A\n\nNone.\n\n## B\n\nNone.")
    assert await texts_of() == ["None.", "None."]


async def test_a_folder_of_every_kind_is_ingested(ingestor, knowledge, tmp_path, monograph):
    (tmp_path / "a.md").write_text("# A\n\nMarkdown.")
    (tmp_path / "b.txt").write_bytes("Größe".encode("cp1252"))
    (tmp_path / "c.html").write_text("<title>C</title><p>Page.</p>")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.pdf").write_bytes(monograph)
    found = await results(ingestor, tmp_path)
    assert [(result.uri, result.status) for result in found] == [
        ("a.md", "added"),
        ("b.txt", "added"),
        ("c.html", "added"),
        ("sub/d.pdf", "added"),
    ]
    assert [document.uri for document in await knowledge.list(tenant_id="acme")] == [
        result.uri for result in found
    ]


async def test_a_bad_file_is_reported_and_the_others_go_on(ingestor, tmp_path):
    (tmp_path / "a.md").write_bytes(random.Random(2).randbytes(2000))
    (tmp_path / "b.md").write_bytes(b"")
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.4 broken")
    (tmp_path / "d.html").write_text("<script>only()</script>")
    (tmp_path / "e.md").write_text("Good.")
    found = await results(ingestor, tmp_path, tmp_path / "none.md")
    assert [result.status for result in found] == ["failed", "failed", "failed", "failed", "added", "failed"]
    assert [result.message.split(":")[0] for result in found[:4]] == [
        "a.md holds binary data and not text",
        "b.md is empty",
        "c.pdf cannot be read as application/pdf, it may be damaged",
        "d.html holds no text",
    ]


async def test_a_file_of_thirty_megabytes_is_refused(ingestor, tmp_path):
    (tmp_path / "big.txt").write_bytes(b"words " * 5_000_000)
    (result,) = await results(ingestor, tmp_path)
    assert (result.status, result.message) == ("failed", "big.txt is larger than 25 MB: split it.")


async def test_bytes_that_cannot_be_read_raise(ingestor, knowledge):
    with pytest.raises(IngestError, match=r"a\.md is empty") as caught:
        await add(ingestor, "")
    assert caught.value.path == "a.md"
    assert await knowledge.list(tenant_id="acme") == ()


async def test_too_many_chunks_are_refused(knowledge):
    small = Ingestor(knowledge, None, limits=Limits(chunks=2))
    with pytest.raises(IngestError, match=r"a\.md makes 3 chunks, the limit is 2: split it"):
        await add(small, "# A\n\na\n\n# B\n\nb\n\n# C\n\nc")


async def test_a_file_that_takes_too_long_is_refused(knowledge, monograph):
    hasty = Ingestor(knowledge, None, limits=Limits(seconds=1e-9))
    with pytest.raises(IngestError, match=r"a\.pdf takes longer than 1e-09 seconds to read"):
        await hasty.ingest_bytes(monograph, uri="a.pdf", tenant_id="acme")


async def test_progress_counts_files_and_parts_of_them(ingestor, tmp_path):
    (tmp_path / "a.md").write_text("\n\n".join(f"# S{number}\n\nText {number}." for number in range(80)))
    (tmp_path / "b.md").write_text("Text.")
    seen = []
    await results(ingestor, tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    assert seen[:5] == [(0, 2), (0.4, 2), (0.8, 2), (1, 2), (1, 2)]
    assert seen[-1] == (2, 2)
    assert seen == sorted(seen)


LONG = "\n\n".join(f"# S{number}\n\nText {number}." for number in range(70))


async def test_passages_are_embedded_in_batches(ingestor, embedder):
    await add(ingestor, LONG)
    assert [len(batch) for batch in embedder.batches] == [32, 32, 6]


async def test_an_ingestion_that_broke_off_goes_on(ingestor, embedder, knowledge, monkeypatch, texts_of):
    embed, calls = embedder.embed_passages, 0

    async def fail_third(texts, *, side_by_side=False):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise MemoryError
        return await embed(texts)

    with monkeypatch.context() as patch:
        patch.setattr(embedder, "embed_passages", fail_third)
        with pytest.raises(MemoryError):
            await add(ingestor, LONG)
    assert await texts_of() == []
    embedder.batches.clear()
    again = Ingestor(knowledge, embedder)  # another process
    await add(again, LONG)
    assert [len(batch) for batch in embedder.batches] == [6]
    stored = [chunk for batch in [b async for b in knowledge.chunks()] for chunk in batch]
    assert len(stored) == 70
    for chunk in stored:
        expected = embedder.vector(passage_text(chunk.title, chunk.section, chunk.text))
        np.testing.assert_array_equal(np.frombuffer(chunk.embedding, "<f4"), expected)


KILLED = """
import asyncio, sys
import numpy as np
from vital_shared.retrieval.ingest import Ingestor
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore

class Slow:
    name, batches = "counting", 0
    async def embed_passages(self, texts, *, side_by_side=False):
        self.batches += 1
        if self.batches == 3:
            print("third", flush=True)
            await asyncio.Event().wait()
        return np.ones((len(texts), 384), np.float32)

async def main():
    database = Database(sys.argv[1])
    await database.migrate()
    ingestor = Ingestor(KnowledgeStore(database), Slow())
    await ingestor.ingest_bytes(sys.argv[2].encode(), uri="a.md", tenant_id="acme")

asyncio.run(main())
"""


async def test_an_ingestion_that_was_killed_goes_on(embedder, tmp_path):
    url = store_url(tmp_path)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, url, LONG, stdout=asyncio.subprocess.PIPE
    )
    assert await process.stdout.readline() == b"third\n"
    process.kill()
    await process.wait()
    database = Database(url)
    knowledge = KnowledgeStore(database)
    assert await knowledge.chunk_ids() == set()
    result = await add(Ingestor(knowledge, embedder), LONG)
    assert (result.status, result.chunks) == ("added", 70)
    assert [len(batch) for batch in embedder.batches] == [6]
    await database.aclose()


async def test_what_is_stored_is_staged_no_longer(ingestor, embedder, knowledge):
    await add(ingestor, LONG)
    async with knowledge.database.connect() as connection:
        assert (await connection.execute(select(staged_embeddings))).all() == []
    embedder.batches.clear()
    await add(ingestor, LONG, tenant_id="another")
    assert [len(batch) for batch in embedder.batches] == [32, 32, 6]


async def test_another_model_does_not_take_what_was_staged(ingestor, embedder, knowledge, monkeypatch):
    async def fail(*_, **__):
        raise StoreError("The database does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(knowledge, "replace", fail)
        with pytest.raises(StoreError):
            await add(ingestor, LONG)
    embedder.batches.clear()
    embedder.name = "another"
    await add(Ingestor(knowledge, embedder), LONG)
    assert [len(batch) for batch in embedder.batches] == [32, 32, 6]


async def test_a_failure_of_the_model_leaves_the_old_version(ingestor, embedder, texts_of, monkeypatch):
    await add(ingestor, "Old words.")

    async def fail(texts, *, side_by_side=False):
        raise MemoryError

    monkeypatch.setattr(embedder, "embed_passages", fail)
    with pytest.raises(MemoryError):
        await add(ingestor, "New words.")
    assert await texts_of() == ["Old words."]


async def test_a_failure_of_the_store_ends_the_ingestion(ingestor, knowledge, tmp_path, monkeypatch):
    async def fail(**_):
        raise StoreError("The database does not answer.")

    (tmp_path / "a.md").write_text("Words.")
    monkeypatch.setattr(knowledge, "replace", fail)
    with pytest.raises(StoreError):
        await results(ingestor, tmp_path)


async def test_a_cancelled_ingestion_leaves_whole_documents_only(
    ingestor, knowledge, embedder, tmp_path, monkeypatch, texts_of
):
    (tmp_path / "a.md").write_text("First.")
    (tmp_path / "b.md").write_text("\n\n".join(f"# S{number}\n\nText {number}." for number in range(40)))
    reached, embed = asyncio.Event(), embedder.embed_passages

    async def hang(texts, *, side_by_side=False):
        is_second_of_b = "First." not in texts[0] and any(
            "First." not in batch[0] for batch in embedder.batches
        )
        if is_second_of_b:  # whichever file is embedded first
            reached.set()
            await asyncio.Event().wait()
        return await embed(texts)

    async def ingest() -> None:
        async for result in ingestor.ingest_paths([tmp_path], tenant_id="acme"):
            stored.append(result.uri)
            first.set()

    stored: list[str] = []
    first = asyncio.Event()
    monkeypatch.setattr(embedder, "embed_passages", hang)
    task = asyncio.create_task(ingest())
    await reached.wait()
    await first.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stored == ["a.md"]
    assert await texts_of() == ["First."]


async def test_files_are_stored_in_their_order_whichever_is_embedded_first(
    ingestor, embedder, tmp_path, monkeypatch
):
    """Two of one content, and many that take different times: the first one is stored, the other its copy."""
    embed, others_done = embedder.embed_passages, asyncio.Event()

    async def first_last(texts, *, side_by_side=False):
        if "Slow." in texts[0]:
            await others_done.wait()
        elif "Fast 3." in texts[0]:
            others_done.set()
        return await embed(texts)

    monkeypatch.setattr(embedder, "embed_passages", first_last)
    for name, text in (("a", "Slow."), ("b", "Twin."), ("c", "Twin."), ("d", "Fast 3.")):
        (tmp_path / f"{name}.md").write_text(text)
    found = await results(ingestor, tmp_path)
    assert [(each.uri, each.status) for each in found] == [
        ("a.md", "added"),
        ("b.md", "added"),
        ("c.md", "duplicate"),
        ("d.md", "added"),
    ]
