"""Limits of the HTTP protocol, on raw sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.ai_engine.harness import Serve, Service, SteppedModel, asked

from vital_shared.testing import CannedModel, workflow_services

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
KILOBYTES_SENT = 300_000
"""Far more than any peer may send before it is cut off."""


class Peer:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @property
    def is_closed(self) -> bool:
        """Whether the other side has closed the connection, or reset it, as where bytes come that it has not read."""
        return self.reader.at_eof() or self.reader.exception() is not None

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def flood(self, piece: bytes) -> int:
        """Send a piece over and over, until the other side has had enough; gives the bytes sent."""
        sent = 0
        while sent < KILOBYTES_SENT * 1000:
            try:
                await self.send(piece)
            except OSError:
                break
            sent += len(piece)
        return sent

    async def rest(self) -> bytes:
        """All that comes until the connection is closed."""
        received = b""
        try:
            async with asyncio.timeout(30):
                while data := await self.reader.read(65_536):
                    received += data
        except ConnectionResetError:
            pass
        return received

    async def answer(self) -> tuple[int, bytes]:
        """One answer with a declared length."""
        async with asyncio.timeout(30):
            head = await self.reader.readuntil(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            body = await self.reader.readexactly(int(fields[b"content-length"]))
        return int(head.split()[1]), body


@asynccontextmanager
async def connected(service: Service) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.transport.abort()


async def exchange(service: Service, *pieces: bytes) -> bytes:
    """Send pieces and give all that comes back until the connection is closed."""
    async with connected(service) as peer:
        for piece in pieces:
            await peer.send(piece)
        return await peer.rest()


def status_of(received: bytes) -> int:
    return int(received.split(b" ", 2)[1])


def assert_refused(received: bytes, status: int) -> None:
    head, _, body = received.partition(b"\r\n\r\n")
    assert status_of(head) == status, received
    assert b"connection: close" in head.lower()
    assert b"x-content-type-options: nosniff" in head.lower()
    reported = json.loads(body)
    assert reported.get("detail") or reported["error"]["message"]


async def is_alive(service: Service) -> bool:
    return (await service.client.get("/healthz")).status_code == 200


async def test_headers_without_end_are_cut_off(service: Service) -> None:
    async with connected(service) as peer:
        await peer.send(HEALTHZ)
        sent = await peer.flood(b"X-Filler: " + b"a" * 10_000 + b"\r\n")
        assert sent < 20_000_000
    assert await is_alive(service)


@pytest.mark.parametrize(
    "head",
    [
        HEALTHZ + b"X-Filler: " + b"a" * 40_000 + b"\r\n\r\n",
        HEALTHZ + b"X-Filler: " + b"a" * 40_000,
        HEALTHZ + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 900) for number in range(50)) + b"\r\n",
        HEALTHZ + b"".join(b"X-%d: a\r\n" % number for number in range(101)) + b"\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"a" * 40_000,
        b"\r\n" * 20_000,
    ],
    ids=["value", "value without end", "many", "count", "target", "target without end", "empty lines"],
)
async def test_a_head_that_is_too_large_is_refused(service: Service, head: bytes) -> None:
    assert_refused(await exchange(service, head), 431)


async def test_a_large_head_within_the_limits_is_served(service: Service) -> None:
    head = HEALTHZ + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 300) for number in range(95))
    received = await exchange(service, head + b"Connection: close\r\n\r\n")
    assert status_of(received) == 200


async def test_heads_are_measured_each_by_itself(service: Service) -> None:
    head = HEALTHZ + b"X-Filler: " + b"a" * 20_000 + b"\r\n\r\n"
    async with connected(service) as peer:
        await peer.send(head * 4)
        assert [(await peer.answer())[0] for _ in range(4)] == [200] * 4
        await peer.send(head + HEALTHZ)
        assert (await peer.answer())[0] == 200
        await peer.send(b"\r\n")
        assert (await peer.answer())[0] == 200


@pytest.mark.parametrize(
    "start",
    [b"", b"G", HEALTHZ, HEALTHZ + b"X-Filler: a", b"\r\n"],
    ids=["nothing", "method", "headers", "value", "empty line"],
)
async def test_a_head_that_does_not_come_in_time_ends_the_connection(serve: Serve, start: bytes) -> None:
    service = await serve(settings={"header_seconds": 0.2})
    received = await exchange(service, start)
    assert_refused(received, 408) if start else None
    assert await is_alive(service)


async def test_a_head_that_trickles_is_not_given_more_time(serve: Serve) -> None:
    service = await serve(settings={"header_seconds": 0.3})
    async with connected(service) as peer:
        await peer.send(HEALTHZ + b"X-Slow: ")
        answer = asyncio.create_task(peer.rest())
        while not answer.done():
            await asyncio.wait({answer}, timeout=0.02)
            peer.writer.write(b"a")
        assert_refused(await answer, 408)


async def test_a_half_sent_second_request_is_refused_too(serve: Serve) -> None:
    service = await serve(settings={"header_seconds": 0.2})
    async with connected(service) as peer:
        await peer.send(HEALTHZ + b"\r\n")
        assert (await peer.answer())[0] == 200
        await peer.send(HEALTHZ)
        assert_refused(await peer.rest(), 408)


async def test_an_idle_connection_is_closed_without_a_word(serve: Serve) -> None:
    service = await serve(settings={"keep_alive_seconds": 1})
    async with connected(service) as peer:
        await peer.send(HEALTHZ + b"\r\n")
        assert (await peer.answer())[0] == 200
        assert await peer.rest() == b""


@pytest.mark.parametrize(
    "start", [POST + b"Content-Length: 100\r\n\r\n{", CHUNKED + b"1\r\n{\r\n"], ids=["length", "chunked"]
)
async def test_a_body_that_stops_is_refused(serve: Serve, start: bytes) -> None:
    service = await serve(settings={"body_seconds": 0.2})
    assert_refused(await exchange(service, start), 408)


async def test_a_body_of_which_something_comes_is_waited_for(serve: Serve) -> None:
    service = await serve(settings={"body_seconds": 0.5})
    body = json.dumps(asked()).encode()
    async with connected(service) as peer:
        await peer.send(POST + b"Content-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 10):
            await peer.send(body[start : start + 10])
            await asyncio.sleep(0.1)
        assert (await peer.answer())[0] == 200


async def test_a_body_that_nobody_reads_does_not_keep_a_connection(serve: Serve) -> None:
    service = await serve(settings={"body_seconds": 0.3})
    async with connected(service) as peer:
        await peer.send(HEALTHZ + b"Content-Length: 1000000\r\n\r\n")
        assert (await peer.answer())[0] == 200
        while not peer.is_closed:
            peer.writer.write(b"a")
            await asyncio.sleep(0.02)


async def test_a_body_after_its_answer_is_bounded(serve: Serve) -> None:
    service = await serve(settings={"max_body_bytes": 10_000, "max_document_bytes": 10_000})
    async with connected(service) as peer:
        await peer.send(HEALTHZ + b"Transfer-Encoding: chunked\r\n\r\n")
        assert await peer.flood(b"2710\r\n" + b"a" * 10_000 + b"\r\n") < 20_000_000


async def test_an_upload_without_end_is_cut_off(serve: Serve) -> None:
    service = await serve(settings={"max_body_bytes": 10_000, "max_document_bytes": 10_000})
    async with connected(service) as peer:
        await peer.send(CHUNKED)
        assert await peer.flood(b"2710\r\n" + b"a" * 10_000 + b"\r\n") < 200_000_000


@pytest.mark.parametrize(
    "flood",
    [
        b"1;" + b"x" * 40_000 + b"\r\n{\r\n",
        b"0\r\n" + b"X-Filler: a\r\n" * 10_000,
        b"0\r\nX-Filler: " + b"a" * 70_000,
    ],
    ids=["extensions", "trailers", "trailer"],
)
async def test_the_framing_of_chunks_is_bounded(service: Service, flood: bytes) -> None:
    assert_refused(await exchange(service, CHUNKED, *[flood] * 8), 400)


async def test_small_chunks_are_read(service: Service) -> None:
    body = json.dumps(asked()).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    async with connected(service) as peer:
        await peer.send(CHUNKED)
        for start in range(0, len(chunks), 7):
            await peer.send(chunks[start : start + 7])
        assert (await peer.answer())[0] == 200


async def test_trailers_do_not_get_among_the_headers(service: Service) -> None:
    key = await service.key("acme", "ask")
    await service.client.get("/v1/agents", headers=key)
    body = json.dumps(asked()).encode()
    trailer = b"Authorization: " + key["Authorization"].encode()
    async with connected(service) as peer:
        await peer.send(CHUNKED + b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(body), body, trailer))
        assert (await peer.answer())[0] == 401


MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "both lengths": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, the other way": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "length below 0": POST + b"Content-Length: -1\r\n\r\n",
    "length beyond 64 bits": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "chunked not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "chunk size": CHUNKED + b"zz\r\n",
    "chunk beyond 64 bits": CHUNKED + b"fffffffffffffffff\r\n",
    "blank in a name": b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "folded": b"GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n",
    "nul": b"GET / HTTP/1.1\r\nHost: local\x00host\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "letters in a name": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-\xff: a\r\n\r\n",
    "letters in the target": b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "version": b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n",
    "tunnel": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": HEALTHZ + b"Host: localhost\r\n\r\n",
    "websocket": HEALTHZ + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_no_request_is_refused_in_a_sentence(service: Service, name: str) -> None:
    assert_refused(await exchange(service, MALFORMED[name]), 400)
    assert await is_alive(service)


async def test_an_unknown_expectation_is_refused(service: Service) -> None:
    assert_refused(await exchange(service, HEALTHZ + b"Expect: the-impossible\r\n\r\n"), 417)


async def test_a_client_that_waits_to_send_its_body_is_asked_for_it(service: Service) -> None:
    body = json.dumps(asked()).encode()
    async with connected(service) as peer:
        await peer.send(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert await peer.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await peer.send(body)
        assert (await peer.answer())[0] == 200


async def test_another_protocol_is_not_spoken(service: Service) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    received = await exchange(service, HEALTHZ + upgrade, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in received


async def test_http_1_0_is_answered_and_closed(service: Service) -> None:
    received = await exchange(service, b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert status_of(received) == 200


async def test_garbage_behind_a_request_is_refused_after_its_answer(
    service: Service, model: SteppedModel
) -> None:
    body = json.dumps(asked(model="stepped")).encode()
    async with connected(service) as peer:
        await peer.send(POST + b"Content-Length: %d\r\n\r\n%sGARBAGE\x00\r\n" % (len(body), body))
        await model.asked.wait()
        model.finish()
        status, answer = await peer.answer()
        assert (status, json.loads(answer)["response"]) == (200, "one two three ")
        assert_refused(await peer.rest(), 400)


async def test_requests_in_a_row_are_answered_in_order(service: Service) -> None:
    paths = [b"/healthz", b"/readyz", b"/nowhere"]
    async with connected(service) as peer:
        await peer.send(b"".join(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path for path in paths))
        assert [(await peer.answer())[0] for _ in paths] == [200, 200, 404]


async def test_too_many_requests_in_a_row_are_refused_after_the_answers(service: Service) -> None:
    received = await exchange(service, (HEALTHZ + b"\r\n") * 1000)
    assert received.count(b"HTTP/1.1 200 OK") == 17
    assert received.count(b"HTTP/1.1 400 Bad Request") == 1
    assert received.rindex(b"HTTP/1.1 400") > received.rindex(b"HTTP/1.1 200")


async def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(serve: Serve) -> None:
    service = await serve(settings={"send_seconds": 0.3})
    async with connected(service) as peer:
        peer.writer.transport.pause_reading()
        while service.server.server_state.connections:
            peer.writer.write((b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n") * 10)
            await asyncio.sleep(0.05)
        assert await is_alive(service)


async def test_idle_connections_make_room_for_others(serve: Serve) -> None:
    service = await serve(settings={"max_connections": 5})
    connections = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(20)]
    for _ in range(3):
        assert await is_alive(service)
    assert len(service.server.server_state.connections) <= 5
    for _, writer in connections:
        writer.transport.abort()


async def test_connections_at_work_stay_when_there_is_no_room(serve: Serve, model: SteppedModel) -> None:
    service = await serve([model], settings={"max_connections": 1})
    body = json.dumps(asked(model="stepped")).encode()
    async with connected(service) as peer:
        await peer.send(POST + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await model.asked.wait()
        assert_refused(await exchange(service), 503)
        model.finish()
        assert (await peer.answer())[0] == 200


async def test_a_refusal_on_a_path_of_openai_is_in_its_form(service: Service) -> None:
    head = b"POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: localhost\r\nX-Filler: " + b"a" * 40_000
    received = await exchange(service, head)
    assert "message" in json.loads(received.partition(b"\r\n\r\n")[2])["error"]


FRAGMENTS = st.sampled_from(
    [
        HEALTHZ,
        POST,
        CHUNKED,
        b"\r\n",
        b"\r\n\r\n",
        b"0\r\n\r\n",
        b"5\r\nabcde\r\n",
        b"Content-Length: 3\r\n",
        b"Connection: close\r\n",
        b"Expect: 100-continue\r\n",
        b"Upgrade: h2c\r\nConnection: upgrade\r\n",
        b"abc",
        b"\x00",
    ]
)


@pytest.fixture
def fuzz_exchange(tmp_path):
    from contextlib import AsyncExitStack

    from tests.ai_engine.harness import serving

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def opened() -> Service:
            services = await stack.enter_async_context(workflow_services(tmp_path, models=[CannedModel()]))
            return await stack.enter_async_context(serving(services, header_seconds=0.2, body_seconds=0.2))

        service = runner.run(opened())
        yield lambda pieces: runner.run(_fuzzed(service, pieces))
        runner.run(stack.aclose())


async def _fuzzed(service: Service, pieces: list[bytes]) -> bytes:
    async with connected(service) as peer:
        for piece in pieces:
            peer.writer.write(piece)
            await asyncio.sleep(0)
        with suppress(OSError):  # the service may have closed the connection, as it should
            peer.writer.write_eof()
        return await peer.rest()


@given(pieces=st.lists(FRAGMENTS | st.binary(max_size=40), max_size=8))
@example(pieces=[HEALTHZ, b"\r\n", CHUNKED, b"zz\r\n"])
@example(pieces=[HEALTHZ, b"\r\n", HEALTHZ, b"\r\n", CHUNKED, b"zz\r\n"])
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_answered_without_a_fault(fuzz_exchange, pieces: list[bytes]) -> None:
    received = fuzz_exchange(pieces)
    assert received == b"" or received.startswith(b"HTTP/1.1 ")
    assert b"HTTP/1.1 500" not in received
