"""Bodies that are too large, are not JSON, or are made to break a parser."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ai_engine.harness import Service, asked

from ai_engine.problem import MEDIA_TYPE

JSON = {"Content-Type": "application/json"}


async def post(service: Service, content: object, **headers: str) -> httpx.Response:
    return await service.client.post("/v1/runs", content=content, headers=JSON | headers)


MALFORMED = [
    (b"", "line 1 column 0"),
    (b"{", "line 1 column 1"),
    (b'{\n "query": "x",\n}', "line 3 column 1"),
    (b'{"max_cost_dollars": NaN}', "line 1 column 22"),
    (b'{"metadata": {"x": -Infinity}}', "line 1"),
    (b"[" * 100_000, "recursion limit"),
    (b'{"a":' * 100_000, "recursion limit"),
    (b'{"query": "\xff"}', "line 1"),
    (b"\xef\xbb\xbf{}", "line 1 column 1"),
    ('{"query": "x"}'.encode("utf-16"), "line 1 column 1"),
    (b'{"metadata": {"x": ' + b"9" * 10_000 + b"}}", "out of range"),
    (b"{} {}", "trailing characters"),
    (b"\x00", "line 1"),
]


async def test_what_is_no_json_is_refused_with_its_place(service: Service) -> None:
    for body, place in MALFORMED:
        response = await post(service, body)
        assert (response.status_code, response.headers["content-type"]) == (400, MEDIA_TYPE), body[:30]
        assert place in response.json()["detail"], (body[:30], response.text)


async def test_json_of_another_shape_names_the_body(service: Service) -> None:
    for body in (b"[]", b"1", b'"x"', b"null", b"[" * 150 + b"]" * 150):
        response = await post(service, body)
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "")


async def test_strange_but_valid_questions_are_answered(service: Service) -> None:
    strange = [
        {"query": "nul \x00 and \x1b and \u202e"},
        {"query": "🩺" * 100},
        {"metadata": {"deep": 1}},
        {"metadata": {"big": 10**300, "small": 1e-320, "": None}},
        {"metadata": {"x": [[[[[[[[[[1]]]]]]]]]]}},
        {"query": "'; DROP TABLE runs; --"},
        {"query": '" OR * NEAR( : ^'},
    ]
    for change in strange:
        response = await service.client.post("/v1/runs", json=asked() | change)
        assert response.status_code == 200, (change, response.text)
        shown = await service.client.get(f"/v1/runs/{response.json()['run_id']}")
        assert shown.status_code == 200


async def test_of_a_key_that_comes_twice_the_last_counts(service: Service) -> None:
    body = (
        b'{"query": "", "query": "How long?", "mode": 2, "tenant_id": "a", "user_id": "u", "model": "canned"}'
    )
    assert (await post(service, body)).status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_what_is_not_said_to_be_json_is_refused(service: Service, media_type: str) -> None:
    response = await service.client.post("/v1/runs", content=b"{}", headers={"Content-Type": media_type})
    assert (response.status_code, response.headers["content-type"]) == (415, MEDIA_TYPE)


async def test_json_may_say_its_charset_and_its_dialect(service: Service) -> None:
    for media_type in ("application/json; charset=utf-8", "application/vnd.api+json", "APPLICATION/JSON"):
        response = await service.client.post("/v1/runs", content=b"{}", headers={"Content-Type": media_type})
        assert response.status_code == 422


async def test_a_body_that_is_declared_too_large_is_refused_unread(service: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(
        b"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 50000000\r\nExpect: 100-continue\r\n\r\n"
    )
    answer = await reader.read()  # to the end: the connection is closed
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer
    writer.close()
    await writer.wait_closed()


async def chunks() -> AsyncIterator[bytes]:
    yield b'{"query": "'
    for _ in range(800):
        yield b"x" * 65_536


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Length": f"{11 + 800 * 65_536}"}], ids=["chunked", "declared"]
)
async def test_fifty_megabytes_are_refused_without_being_kept(
    service: Service, headers: dict[str, str]
) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        response = await post(service, chunks(), **headers)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (response.status_code, response.headers["content-type"]) == (413, MEDIA_TYPE)
    assert response.headers["connection"] == "close"
    assert peak < 20_000_000
    assert (await service.ask()).status_code == 200


async def test_a_body_without_end_is_answered_and_cut_off(service: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(
        b"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )

    async def send() -> None:
        while True:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()

    sending = asyncio.create_task(send())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    with pytest.raises(ConnectionError):
        await sending
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_body_of_the_limit_is_read(service: Service) -> None:
    body = b'{"x": "' + b"y" * (1_000_000 - 9) + b'"}'
    assert len(body) == 1_000_000
    assert (await post(service, body)).status_code == 422
    assert (await post(service, body + b" ")).status_code == 413


async def test_a_client_that_leaves_in_the_middle_of_its_body_does_no_harm(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
    writer.write(b"Content-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await service.ask()).status_code == 200
    assert "request_failed" not in caplog.text


FIELDS = [
    *asked(),
    "session_id",
    "agent_id",
    "requested_tools",
    "execution",
    "metadata",
    "enable_rag",
    "junk",
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["", "2", "canned"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_garbage_is_a_server_error(fuzzed, data: st.DataObject) -> None:
    body = data.draw(
        st.binary(max_size=200)
        | st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4).map(lambda change: asked() | change)
    )
    status = fuzzed(body)
    assert status < 500, body


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (b"{" + b",".join(b'"k%d":1' % i for i in range(60_000)) + b"}", "500 fields"),
        (b'{"messages": [' + b'{"a":1,"b":2,"c":3},' * 20_000 + b"1]}", "50,000 values"),
        (b'{"messages": [' + b"[],[[]]," * 20_000 + b"1]}", "50,000 values"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/runs", "/v1/chat/completions", "/v1/agui"])
async def test_json_of_too_many_values_is_refused_before_it_is_checked(
    service: Service, path: str, body: bytes, limit: str
) -> None:
    response = await service.client.post(path, content=body, headers=JSON)
    assert response.status_code in (400, 422)
    assert limit in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/messages",
        "/v1/responses",
        "/v1/embeddings",
        "/v1beta/models/m:generateContent",
    ],
)
@pytest.mark.parametrize("number", [b"18446744073709551616", b"-9223372036854775809", b"1" + b"0" * 400])
async def test_a_number_of_more_than_64_bits_is_refused_by_its_place(
    service: Service, path: str, number: bytes
) -> None:
    """It could not be written for a provider, which would count as the provider's failure."""
    body = b'{"metadata": {"notes": [1, {"much": ' + number + b"}]}}"
    response = await service.client.post(path, content=body, headers=JSON)
    assert response.status_code in (400, 422)
    assert "metadata.notes.1.much" in response.text
    assert "64 bits" in response.text


async def test_wrong_fields_beyond_what_anybody_reads_are_counted_alone(service: Service) -> None:
    messages = [{"role": "nobody"}] * 9_000
    response = await service.client.post("/v1/runs", json={**asked("How long?"), "messages": messages})
    assert response.status_code == 422
    assert "The body has 18,000 fields that are wrong" in response.json()["detail"]
