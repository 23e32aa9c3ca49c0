"""Which file a document was read from, also while others change the documents."""

import asyncio

from vital_shared.models.knowledge import Chunk
from vital_shared.store.document_files import DocumentFiles
from vital_shared.store.knowledge import KnowledgeStore


async def test_two_processes_may_ingest_the_same_files_at_once(database, other):
    async def ingest(of, number: int) -> None:
        knowledge, files = KnowledgeStore(of), DocumentFiles(of)
        for round_ in range(5):
            document = await knowledge.replace(
                tenant_id="acme",
                uri="a.md",
                title="A",
                content_hash=f"{number} {round_}",
                media_type="text/markdown",
                chunks=[Chunk(text="Alpha.")],
            )
            await files.put(document.id, "file:///a.md", tenant_id="acme")

    await asyncio.gather(*(ingest(each, number) for number in range(3) for each in (database, other)))
    (document,) = await KnowledgeStore(database).list(tenant_id="acme")
    assert await DocumentFiles(other).below("file:///", tenant_id="acme") == {"file:///a.md": document.id}


async def test_a_document_that_is_gone_gets_no_file(database):
    await DocumentFiles(database).put("gone", "file:///a.md", tenant_id="acme")
    assert await DocumentFiles(database).path_of("gone") is None
