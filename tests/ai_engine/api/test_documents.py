"""Documents over HTTP."""

import asyncio
from pathlib import Path

import pytest
from tests.ai_engine.harness import Serve, Service

from vital_shared.retrieval.ingest import reader_process
from vital_shared.retrieval.ingest.reader_pool import ReaderPool

TEXT = b"# Widgets\n\nA widget review takes 42 days."


async def test_a_document_comes_as_a_form(service: Service) -> None:
    response = await service.client.post("/v1/documents", files={"file": ("widgets.md", TEXT)})
    assert response.status_code == 201
    result = response.json()
    assert (result["uri"], result["status"], result["title"]) == ("widgets.md", "added", "Widgets")
    shown = (await service.client.get(f"/v1/documents/{result['document_id']}")).json()
    assert (shown["uri"], shown["tenant_id"], shown["media_type"]) == ("widgets.md", None, "text/markdown")


async def test_a_document_comes_as_it_is(service: Service) -> None:
    response = await service.client.post(
        "/v1/documents?filename=notes/widgets", content=TEXT, headers={"Content-Type": "text/markdown"}
    )
    assert (response.status_code, response.json()["uri"]) == (201, "notes/widgets")


async def test_the_name_decides_where_curl_sends_no_type(service: Service) -> None:
    response = await service.client.post(
        "/v1/documents?filename=widgets.md",
        content=TEXT,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert response.status_code == 201


async def test_the_same_again_changes_nothing_and_other_text_replaces_it(service: Service) -> None:
    path = "/v1/documents?filename=widgets.md"
    answers = [await service.client.post(path, content=text) for text in (TEXT, TEXT, TEXT + b" Or 43.")]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [
        (201, "added"),
        (200, "unchanged"),
        (200, "updated"),
    ]
    assert len((await service.client.get("/v1/documents")).json()["documents"]) == 1


async def test_what_was_added_is_found_and_what_was_deleted_is_not(service: Service) -> None:
    added = await service.client.post("/v1/documents?filename=widgets.md", content=TEXT)
    path = f"/v1/documents/{added.json()['document_id']}"
    assert (await service.client.delete(path)).status_code == 204
    assert (await service.client.get(path)).status_code == 404
    assert (await service.client.delete(path)).status_code == 404


async def test_lists_come_in_pages(service: Service) -> None:
    for number in range(3):
        await service.client.post(f"/v1/documents?filename={number}.md", content=TEXT + b"%d" % number)
    listed = await service.client.get("/v1/documents", params={"limit": 2, "offset": 1})
    assert [document["uri"] for document in listed.json()["documents"]] == ["1.md", "2.md"]
    for params in ({"limit": 0}, {"limit": 1001}, {"offset": -1}, {"limit": "x"}, {"offset": 10**30}):
        response = await service.client.get("/v1/documents", params=params)
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, next(iter(params)))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.md", b"", "is empty"),
        ("a.exe", b"MZ", "unknown type"),
        ("a.pdf", b"not a pdf", "a.pdf"),
        ("a.txt", b"\x00\x01\x02" * 100, "binary"),
    ],
)
async def test_what_cannot_be_read_says_why(service: Service, name: str, content: bytes, words: str) -> None:
    response = await service.client.post(f"/v1/documents?filename={name}", content=content)
    assert response.status_code == 422
    assert words in response.json()["detail"]
    assert (await service.client.get("/v1/documents")).json() == {"documents": []}


@pytest.mark.parametrize("name", ["", "x" * 501, "a\x00.md", "a\n.md", "\x1b.md"])
async def test_a_name_that_cannot_be_is_refused(service: Service, name: str) -> None:
    response = await service.client.post("/v1/documents", params={"filename": name}, content=TEXT)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "filename")


async def test_a_body_without_a_name_is_refused(service: Service) -> None:
    response = await service.client.post("/v1/documents", content=TEXT)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "filename")


FORM = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("multipart/form-data", b"x"),
        (FORM, b""),
        (FORM, b"garbage"),
        (FORM, b"--b\r\n\r\n\r\n--b--\r\n"),
        (FORM, b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--b--\r\n'),
        (FORM, b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\nx\r\n' * 2),
        (FORM, b"--b\r\n" + b"A" * 100_000),
    ],
)
async def test_a_form_that_is_none_is_refused(service: Service, media_type: str, body: bytes) -> None:
    response = await service.client.post("/v1/documents", content=body, headers={"Content-Type": media_type})
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_document_that_is_too_large_is_refused(serve: Serve) -> None:
    service = await serve(settings={"max_document_bytes": 10_000})
    large = b"word " * 5_000
    plain = await service.client.post("/v1/documents?filename=a.txt", content=large)
    form = await service.client.post("/v1/documents", files={"file": ("a.txt", large)})
    assert (plain.status_code, form.status_code) == (413, 413)


async def test_a_document_that_crashes_its_reader_is_refused_and_the_next_is_read(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "crashing.py").write_text(
        "import os\nfrom vital_shared.retrieval.ingest import reader_main\nread = reader_main.read\n"
        "def crash(data, **rest):\n    return os.abort() if b'crash' in data else read(data, **rest)\n"
        "reader_main.read = crash\nreader_main.main()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(reader_process, "MODULE", "crashing")
    readers = ReaderPool()
    monkeypatch.setattr(service.engine.ingestor, "_readers", readers)
    refused, read = await asyncio.gather(
        service.client.post("/v1/documents", files={"file": ("bad.md", b"Please crash.")}),
        service.client.post("/v1/documents", files={"file": ("good.md", b"Some words.")}),
    )
    assert (refused.status_code, read.status_code) == (422, 201)
    assert refused.json()["type"] == "urn:vital:unreadable-document"
    assert refused.json()["detail"].startswith("bad.md cannot be read: the process that read it broke off")
    readers.close()
