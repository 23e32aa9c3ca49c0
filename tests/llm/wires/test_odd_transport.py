"""Answers that are odd below their events: statuses, headers, lengths, compression, and too much of it."""

import asyncio
import gzip
from contextlib import asynccontextmanager

import pytest
from tests.llm.wires.conftest import CHAT, collect, text
from tests.llm.wires.servers.base import Reply, event, serve
from tests.llm.wires.servers.openai import DONE, SAID, TEXT, chunk, stream

from vital_shared.llm.base import ModelError, ModelRateLimited, ModelUnavailable, Stop
from vital_shared.llm.wires import bounds, reading, sse
from vital_shared.llm.wires.bounds import AnswerBounds
from vital_shared.llm.wires.timing import Timeouts

BODY = b"".join(TEXT)
LONG = CHAT.model_copy(update={"max_output_tokens": None})


@asynccontextmanager
async def raw(head, *packets, hold=False):
    """A server that writes exactly these bytes, whatever it is asked."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + head + b"\r\n\r\n")
        for packet in packets:
            writer.write(packet)
        await writer.drain()
        if hold:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        server.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield server


@pytest.mark.parametrize("status", [204, 205, 301, 302, 304, 307, 399])
async def test_a_status_without_an_answer_is_named(connect, status):
    async with serve(Reply([], status)) as server:
        with pytest.raises(ModelUnavailable, match=str(status)):
            await collect(connect(server, attempts=1))


@pytest.mark.parametrize("status", [200, 201, 203, 206])
async def test_any_success_with_an_answer_is_one(connect, status):
    async with serve(stream(TEXT, status=status)) as server:
        assert text(await collect(connect(server))) == SAID


async def test_another_protocol_is_no_answer(connect):
    async with raw(b"101 Switching Protocols\r\nUpgrade: odd\r\nConnection: upgrade", BODY) as server:
        with pytest.raises(ModelError):
            await collect(connect(server, attempts=1))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html><body>Welcome</body></html>", "text/html"),
        (b"It works!", "text/plain"),
        (b"It works!", "text/event-stream"),
        (b"\x00\x01\x02", "application/octet-stream"),
        (b": ping\n\n", "text/event-stream"),
    ],
)
async def test_what_is_no_answer_is_described_and_no_status_is_invented(connect, body, content_type):
    async with serve(Reply([body], content_type=content_type)) as server:
        with pytest.raises(ModelUnavailable, match=f"status 200, {content_type}") as caught:
            await collect(connect(server, attempts=1))
    assert "502" not in caught.value.message


async def test_a_promised_length_that_does_not_come_is_no_loss_behind_a_whole_answer(connect):
    head = b"200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d"
    async with raw(head % (len(BODY) + 99), BODY) as server:
        events = await collect(connect(server, attempts=1))
    assert (text(events), events[-1].reason) == (SAID, "end")


async def test_a_length_that_cuts_the_answer_off_is_a_failure(connect):
    async with raw(b"200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 700", BODY) as server:
        with pytest.raises(ModelUnavailable):
            await collect(connect(server, attempts=1))


async def test_a_whole_answer_on_a_connection_that_stays_open_is_over_when_nothing_follows(connect):
    async with raw(b"200 OK\r\nContent-Type: text/event-stream", BODY, hold=True) as server:
        events = await collect(connect(server, timeouts=Timeouts(between_tokens=0.05)))
    assert (text(events), events[-1].reason) == (SAID, "end")


async def test_a_connection_that_stays_open_is_not_waited_for_as_long_as_a_model(connect, monkeypatch):
    monkeypatch.setattr(reading, "LAST_SECONDS", 0.05)
    async with raw(b"200 OK\r\nContent-Type: text/event-stream", *TEXT, hold=True) as server:
        events = await asyncio.wait_for(collect(connect(server)), 10)
    assert (text(events), events[-1].reason) == (SAID, "end")


@pytest.mark.parametrize(
    "value", ["-1", "nan", "inf", "1e400", "soon", "", "Fri, 99 Foo 2026 99:99:99 GMT", "9" * 400, "\xff\xfe"]
)
async def test_nonsense_as_retry_after_is_passed_over(connect, value):
    head = b"429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 2\r\nRetry-After: "
    async with raw(head + value.encode("latin-1"), b"{}") as server:
        with pytest.raises(ModelRateLimited) as caught:
            await collect(connect(server, attempts=1))
    assert caught.value.retry_after_seconds is None or 0 <= caught.value.retry_after_seconds <= 86_400


async def test_the_wait_that_a_stream_asks_for_is_in_its_headers(connect):
    body = event({"error": {"code": 429, "message": "Slow down"}})
    async with serve(Reply([body], headers={"Retry-After": "7"})) as server:
        with pytest.raises(ModelRateLimited) as caught:
            await collect(connect(server, attempts=1))
    assert caught.value.retry_after_seconds == 7


async def test_a_request_id_that_is_no_text_can_still_be_written(connect):
    head = b"200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: a\xff" + b"b" * 2000
    async with raw(head, BODY) as server:
        events = await collect(connect(server))
    stop = events[-1]
    assert isinstance(stop, Stop)
    assert len(stop.request_id.encode()) < 1000


def test_an_answers_bounds_grow_with_what_was_asked_for_up_to_a_cap():
    assert AnswerBounds.of(1000).max_bytes < AnswerBounds.of(4000).max_bytes
    assert AnswerBounds.of(10**9) == AnswerBounds.of(None) == AnswerBounds()


async def test_more_events_than_an_answer_has_end_the_call(connect, monkeypatch):
    monkeypatch.setattr(bounds, "FREE_EVENTS", 100)
    async with serve(stream([b"".join([chunk({"content": "x"})] * 50)] * 100)) as server:
        with pytest.raises(ModelUnavailable, match="more than 300 events") as error:
            await collect(connect(server, attempts=1))
    assert error.value.kind == "bad_answer"  # the provider is well


async def test_more_bytes_than_an_answer_has_end_the_call(connect, monkeypatch):
    monkeypatch.setattr(bounds, "FREE_BYTES", 1000)
    async with serve(stream([chunk({"content": "x" * 10_000})] * 100)) as server:
        with pytest.raises(ModelUnavailable, match=r"more than 0\.1 MB") as error:
            await collect(connect(server, attempts=1))
    assert error.value.kind == "bad_answer"  # the provider is well


async def test_one_event_without_end_ends_the_call(connect, monkeypatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 10_000)
    async with serve(stream([b"data: ", *[b"x" * 5000] * 10])) as server:
        with pytest.raises(ModelUnavailable, match="event of more than 10,000 bytes") as error:
            await collect(connect(server, attempts=1))
    assert error.value.kind == "bad_answer"  # the provider is well


async def test_a_small_body_that_inflates_without_end_is_cut_off(connect):
    bomb = gzip.compress(b": " + b"x" * 60_000 + b"\n\n") * 2000
    headers = {"Content-Encoding": "gzip"}
    async with serve(Reply([bomb], headers=headers)) as server:
        with pytest.raises(ModelUnavailable, match="more than"):
            await collect(connect(server, attempts=1))


async def test_a_compressed_answer_is_read(connect):
    async with serve(Reply([gzip.compress(BODY)], headers={"Content-Encoding": "gzip"})) as server:
        assert text(await collect(connect(server))) == SAID


async def test_what_is_too_much_behind_a_whole_answer_is_left_unread(connect, monkeypatch):
    monkeypatch.setattr(bounds, "FREE_EVENTS", 100)
    async with serve(stream([*TEXT[:-1], *[b"".join([event({"n": 1})] * 50)] * 100, DONE])) as server:
        assert text(await collect(connect(server))) == SAID


async def test_others_get_their_turn_while_a_long_answer_comes(connect):
    turns, packet = 0, b"".join([chunk({"content": "word "})] * 400)

    async def count_turns():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with serve(stream([packet] * 20 + TEXT[-3:])) as server:
        counter = asyncio.create_task(count_turns())
        await collect(connect(server), LONG)
        counter.cancel()
    assert turns >= 5


async def test_interim_responses_without_end_are_cut_off_and_hold_nobody_up(connect):
    many = b"HTTP/1.1 100 Continue\r\n\r\n" * 200_000
    async with raw(b"103 Early Hints", many, hold=True) as server:
        with pytest.raises(ModelUnavailable, match="interim responses"):
            await collect(connect(server, attempts=1))


async def test_a_few_interim_responses_go_before_an_answer(connect):
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + BODY
    async with raw(b"103 Early Hints", b"HTTP/1.1 100 Continue\r\n\r\n" * 3, answer) as server:
        assert text(await collect(connect(server))) == SAID


@pytest.mark.parametrize(
    "head",
    [
        b"200 OK\r\nContent-Length: -5",
        b"200 OK\r\nContent-Encoding: br\r\nContent-Length: 3",
        b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz",
    ],
)
async def test_a_response_that_cannot_be_read_has_no_status_that_was_not_sent(connect, head):
    async with raw(head, b"abc") as server:
        with pytest.raises(ModelUnavailable) as raised:
            await collect(connect(server, attempts=1))
    assert "400" not in raised.value.message
    assert server.url not in raised.value.message
