"""Documents are read in processes of their own, within limits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fpdf import FPDF
from hypothesis import given, settings
from hypothesis.strategies import binary, integers, one_of, sampled_from, text
from tests.variants import sampled

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest import reader_process
from vital_shared.retrieval.ingest.limits import Limits
from vital_shared.retrieval.ingest.reader_pool import ReaderPool

NOTES = b"# Notes\n\nThe review takes 42 days."


@pytest.fixture
def pool() -> Iterator[ReaderPool]:
    pool = ReaderPool(processes=2)
    yield pool
    pool.close()


async def read(pool: ReaderPool, data: bytes = NOTES, uri: str = "a.md", **limits: Any) -> Any:
    kinds = {
        "md": "text/markdown",
        "pdf": "application/pdf",
        "html": "text/html",
        "txt": "text/plain",
        "csv": "text/csv",
    }
    media_type = kinds[uri.rpartition(".")[2]]
    return await pool.read(data, uri=uri, media_type=media_type, declared=None, limits=Limits(**limits))


def only_process(pool: ReaderPool) -> reader_process.ReaderProcess:
    (process,) = pool._idle
    return process


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    """Let processes that read documents do something else with ``a.md``."""
    (tmp_path / "stand_in.py").write_text(
        "import os, sys\nfrom vital_shared.retrieval.ingest import reader_main\n"
        "whole = reader_main.read\n"
        "def read(data, *, uri, **others):\n"
        "    if uri != 'a.md':\n        return whole(data, uri=uri, **others)\n"
        f"    {body}\n"
        "reader_main.read = read\nreader_main.main()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(reader_process, "MODULE", "stand_in")


async def test_one_process_reads_one_document_after_the_other(pool: ReaderPool):
    first = await read(pool)
    pid = only_process(pool).pid
    with pytest.raises(IngestError, match=r"^b\.md holds no text"):
        await read(pool, b"<!-- -->", "b.md")
    assert (await read(pool), only_process(pool).pid) == (first, pid)
    assert (first.title, first.chunks[0].text) == ("Notes", "The review takes 42 days.")
    assert pid != os.getpid()


@pytest.mark.thorough
async def test_texts_of_any_letters_come_back_as_they_were(pool: ReaderPool):
    text = "Größe 漢字 \U0001f642 naïve"
    assert (await read(pool, text.encode(), "a.txt")).chunks[0].text == text


@pytest.mark.thorough
async def test_a_cell_of_any_length_is_read_after_a_small_table(pool: ReaderPool):
    await read(pool, b"a,b\n1,2\n", "small.csv")
    doses = [f"dose {number} with food" for number in range(20_000)]
    long = await read(pool, f"Drug,Advice\nAbacol,{' '.join(doses)}".encode(), "long.csv")
    assert doses[-1] in long.chunks[-1].text


async def test_a_process_that_crashes_is_one_sentence_and_the_next_document_is_read(
    pool: ReaderPool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    stand_in(monkeypatch, tmp_path, "os.kill(os.getpid(), 11)")
    with pytest.raises(IngestError, match=r"^a\.md cannot be read: the process that read it broke off"):
        await read(pool)
    assert (await read(pool, uri="b.md")).title == "Notes"


@pytest.mark.parametrize("body", ["while True: pass", "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')"])
async def test_a_document_that_takes_too_long_is_refused_and_its_process_ended(
    pool: ReaderPool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str
):
    stand_in(monkeypatch, tmp_path, body)
    with pytest.raises(IngestError, match=r"^a\.md takes longer than 1\.5 seconds to read"):
        await read(pool, seconds=1.5)
    assert pool._idle == {}


@pytest.mark.thorough
async def test_others_are_read_while_one_takes_long(
    pool: ReaderPool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    stand_in(monkeypatch, tmp_path, "while True: pass")
    hanging = asyncio.create_task(read(pool))
    assert (await read(pool, uri="b.md")).title == "Notes"
    assert not hanging.done()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging


@pytest.mark.parametrize(
    "body",
    [
        "x = bytearray(3_000_000_000)",
        "x = ['x' * 1000 + str(n) for n in range(10_000_000)]",
        "x = 10 ** 8 * 'words and '",
    ],
)
async def test_a_document_that_takes_too_much_memory_is_refused(
    pool: ReaderPool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str
):
    stand_in(monkeypatch, tmp_path, body)
    with pytest.raises(IngestError, match=r"^a\.md takes more than 300 MB of memory to read"):
        await read(pool, memory_bytes=300_000_000)
    assert pool._idle == {}


@pytest.mark.thorough
async def test_more_text_than_can_be_stored_is_refused(pool: ReaderPool):
    with pytest.raises(IngestError, match=r"^a\.md holds more text than can be stored"):
        await read(pool, output_bytes=20)
    assert (await read(pool)).title == "Notes"


async def test_cancelling_ends_the_process(pool: ReaderPool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    place = tmp_path / "pid"
    os.mkfifo(place)
    # The limit of no bytes for files does not hold for a pipe with a name.
    stand_in(monkeypatch, tmp_path, f"open({str(place)!r}, 'w').write(str(os.getpid())); sys.stdin.read()")
    task = asyncio.create_task(read(pool))
    pid = int(await asyncio.to_thread(place.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(until_gone, pid)


def until_gone(pid: int) -> None:
    ticks = threading.Event()
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        ticks.wait(0.02)
    raise AssertionError(f"{pid} still runs")


async def test_an_idle_process_is_ended():
    pool = ReaderPool(idle_seconds=0.01)
    await read(pool)
    await asyncio.to_thread(pool._threads.shutdown)
    for _ in range(500):
        if not pool._idle:
            break
        await asyncio.sleep(0.01)
    assert not pool._idle


@pytest.mark.thorough
async def test_a_process_that_was_killed_while_idle_is_replaced(pool: ReaderPool):
    await read(pool)
    process = only_process(pool)
    os.kill(process.pid, signal.SIGKILL)
    await asyncio.to_thread(process._process.wait)
    assert (await read(pool)).title == "Notes"


async def test_the_process_knows_no_secrets(
    pool: ReaderPool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    body = (
        "import json; from vital_shared.errors import IngestError; "
        "raise IngestError(json.dumps(dict(os.environ)), path='')"
    )
    stand_in(monkeypatch, tmp_path, body)
    with pytest.raises(IngestError) as caught:
        await read(pool)
    assert "sk-secret" not in caught.value.message
    assert "PATH" in json.loads(caught.value.message)


def bomb_pdf(words: int = 100_000_000) -> bytes:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    pdf.cell(0, 10, "Text.")
    data = bytes(pdf.output())
    bomb = zlib.compress(b"(x) Tj " * words, 9)
    old = data[data.index(b"stream\n") + 7 : data.index(b"\nendstream")]
    return data.replace(old, bomb, 1).replace(b"/Length %d" % len(old), b"/Length %d" % len(bomb), 1)


HOSTILE = {
    "deep.html": b"<div>" * 200_000 + b"words" + b"</div>" * 200_000,
    "table.html": b"<table><tr><td>" * 20_000 + b"words",
    "deep.md": b"> " * 100_000 + b"words",
    "list.md": b"".join(b" " * 2 * n + b"- item\n" for n in range(3_000)),
    "brackets.md": b"[" * 500_000,
    "stars.md": b"*a **b " * 30_000,
    "spaces.txt": b" " * 5_000_000 + b"x",
    "line.txt": b"word " * 500_000,
    "letters.txt": b"a" * 2_000_000,
    "marks.txt": b".!?" * 500_000,
    "attributes.html": b"<p " + b"a=b " * 1_000_000 + b">words",
    "entities.html": b"&amp;" * 500_000,
}


async def read_or_refused(pool: ReaderPool, data: bytes, uri: str, **limits: Any) -> bool:
    """Whether the document is read, or refused in a sentence that names it."""
    try:
        contents = await read(pool, data, uri, **limits)
    except IngestError as error:
        return error.message.startswith(uri) and error.message.endswith(".") and len(error.message) < 400
    return bool(contents.chunks)


@settings(max_examples=150, deadline=None)
@given(
    uri=sampled_from(["a.md", "a.txt", "a.html", "a.pdf"]),
    start=sampled_from(
        [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"%PDF-1.7\n", b"<html><body>", b"---\ntitle: x\n"]
    ),
    rest=one_of(binary(max_size=2_000), text(max_size=500).map(lambda t: t.encode("utf-8", "replace"))),
    cut=integers(0, 3_000),
)
def test_any_bytes_are_read_or_refused_in_a_sentence(uri: str, start: bytes, rest: bytes, cut: int):
    data = start + rest
    whole = bomb_pdf(10) if uri == "a.pdf" and cut % 2 else b""
    data = whole[:cut] + data + whole[cut:]
    if data:
        assert asyncio.run(read_or_refused(FUZZED, data, uri))


FUZZED = ReaderPool(processes=1, idle_seconds=5)


@pytest.mark.parametrize("uri", sampled(HOSTILE, 4))
async def test_hostile_documents_are_read_or_refused_in_a_sentence_within_the_limits(
    pool: ReaderPool, uri: str
):
    assert await read_or_refused(pool, HOSTILE[uri], uri, seconds=4, memory_bytes=500_000_000)
    assert (await read(pool)).title == "Notes"


@pytest.mark.thorough
async def test_a_page_that_unpacks_to_far_more_is_refused(pool: ReaderPool):
    with pytest.raises(IngestError, match=r"^a\.pdf"):
        await read(pool, bomb_pdf(), "a.pdf", seconds=20, memory_bytes=500_000_000)
    assert (await read(pool)).title == "Notes"
