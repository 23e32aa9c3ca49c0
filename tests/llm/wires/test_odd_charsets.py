"""Answers in a coding or a charset that clients of JSON and server-sent events need not know."""

import gzip
from itertools import pairwise

import pytest
from tests.llm.wires.conftest import collect, text
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import Reply, serve

from vital_shared.llm.base import ModelError, ModelUnavailable

SAID = "Größe: 37 °C"
TYPE = "text/event-stream"


def body(charset="utf-8"):
    """A stream that writes its letters as they are."""
    said = [openai.chunk({"role": "assistant", "content": ""}), openai.chunk({"content": SAID})]
    whole = b"".join([*said, *openai.TEXT[-3:]]).decode()
    return whole.replace("\\u00f6", "ö").replace("\\u00df", "ß").replace("\\u00b0", "°").encode(charset)


def cut(data, size):
    """Cut a body into packets, also within a letter."""
    edges = [*range(0, len(data), size), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("name", ["x-gzip", "X-GZIP", "gzip"])
@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_gzip_is_read_by_either_name(connect, name, size):
    parts = cut(gzip.compress(body()), size)
    async with serve(Reply(parts, headers={"Content-Encoding": name})) as server:
        assert text(await collect(connect(server, attempts=1))) == SAID


async def test_several_streams_of_gzip_in_a_row_are_one(connect):
    parts = [gzip.compress(each) for each in cut(body(), 50)]
    async with serve(Reply(parts, headers={"Content-Encoding": "x-gzip"})) as server:
        assert text(await collect(connect(server, attempts=1))) == SAID


async def test_what_is_no_gzip_has_broken_off(connect):
    async with serve(Reply([body()], headers={"Content-Encoding": "x-gzip"})) as server:
        with pytest.raises(ModelUnavailable, match="broke off"):
            await collect(connect(server, attempts=1))


async def test_a_small_body_by_its_other_name_that_inflates_without_end_is_cut_off(connect):
    bomb = gzip.compress(b": " + b"x" * 60_000 + b"\n\n") * 2000
    async with serve(Reply([bomb], headers={"Content-Encoding": "x-gzip"})) as server:
        with pytest.raises(ModelUnavailable, match="more than"):
            await collect(connect(server, attempts=1))


@pytest.mark.parametrize("size", [1, 3, 100_000])
@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("iso-8859-1", "iso-8859-1"),
        ("iso-8859-1", "utf-8"),  # as servers do whose default it is
        ("windows-1252", "utf-8"),
        ("utf-16", "utf-16"),
        ("UTF-16LE", "utf-16-le"),
        ("utf-16be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("utf-8", "utf-8-sig"),
        ("utf8", "utf-8"),
        ("unheard-of", "utf-8"),
        ("hex", "utf-8"),
        ("idna", "utf-8"),
    ],
)
async def test_letters_are_read_as_they_were_written(connect, declared, written, size):
    reply = Reply(cut(body(written), size), content_type=f"{TYPE}; charset={declared}")
    async with serve(reply) as server:
        assert text(await collect(connect(server, attempts=1))) == SAID


async def test_an_error_is_read_in_its_charset(connect):
    said = '{"error": {"message": "Die Anfrage ist zu groß."}}'.encode("iso-8859-1")
    reply = Reply([said], 400, content_type="application/json; charset=iso-8859-1")
    async with serve(reply) as server:
        with pytest.raises(ModelError, match="zu groß"):
            await collect(connect(server, attempts=1))
