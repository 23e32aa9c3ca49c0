"""The transport: errors, timeouts, the pool, and streams that break; spoken in OpenAI's protocol."""

import asyncio
from contextlib import aclosing

import pytest
from tests.llm.wires.conftest import CHAT, collect, stopped, text
from tests.llm.wires.servers.base import Reply, serve
from tests.llm.wires.servers.openai import END, HEADERS, SAID, TEXT, chunk, error, stream

from vital_shared.llm.base import (
    ModelError,
    ModelRateLimited,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    Stop,
    TextDelta,
)
from vital_shared.llm.wires.base import UserTurn
from vital_shared.llm.wires.timing import Timeouts


async def test_the_request_goes_where_it_should_with_its_key(connect):
    async with serve(stream(TEXT)) as server:
        events = await collect(connect(server, headers={"X-Title": "VITAL"}))
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["Authorization"] == "Bearer sk-very-secret"
    assert request.headers["X-Title"] == "VITAL"
    assert text(events) == SAID
    assert stopped(events) == Stop(reason="end", request_id="req_openai_1")


@pytest.mark.parametrize("size", [1, 7, 10**6])
async def test_however_the_bytes_are_cut(connect, size):
    whole = b"".join(TEXT)
    async with serve(stream([whole[i : i + size] for i in range(0, len(whole), size)])) as server:
        assert text(await collect(connect(server))) == SAID


async def test_a_large_prompt_is_sent_whole_and_without_a_warning(connect):
    question = "y" * 3_000_000
    async with serve(stream(TEXT)) as server:
        chat = CHAT.model_copy(update={"turns": (UserTurn(text=question),)})
        assert text(await collect(connect(server), chat)) == SAID
    (request,) = server.requests
    assert request.headers["Content-Length"] > "3000000"
    assert request.body["messages"][-1]["content"] == question


async def test_options_of_the_configuration_are_merged_in(connect):
    async with serve(stream(TEXT)) as server:
        await collect(connect(server), CHAT.model_copy(update={"options": {"seed": 7}}))
    assert server.requests[0].body["seed"] == 7


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ModelRejected),
        (401, ModelRejected),
        (403, ModelRejected),
        (404, ModelRejected),
        (413, ModelRejected),
        (422, ModelRejected),
        (408, ModelTimeout),
        (429, ModelRateLimited),
        (409, ModelUnavailable),
        (500, ModelUnavailable),
        (502, ModelUnavailable),
        (503, ModelUnavailable),
        (529, ModelUnavailable),
    ],
)
async def test_every_status_has_its_error_with_the_providers_own_id(connect, status, kind):
    async with serve(error(status, "The reason.")) as server:
        with pytest.raises(ModelError, match="The reason") as caught:
            await collect(connect(server, attempts=1))
    assert type(caught.value) is kind
    assert (caught.value.model, caught.value.request_id) == ("openai:test", "req_openai_1")


async def test_the_key_is_in_no_error_even_if_the_provider_repeats_it(connect):
    async with serve(error(401, "Incorrect API key provided: sk-very-secret.")) as server:
        provider = connect(server)
        with pytest.raises(ModelRejected) as caught:
            await collect(provider)
    assert "sk-very-secret" not in f"{caught.value} {caught.value.message} {provider!r}"


async def test_a_stream_that_ends_too_early_is_no_answer(connect):
    async with serve(stream(TEXT[:3])) as server:
        with pytest.raises(ModelUnavailable, match="broke off") as caught:
            await collect(connect(server))
    assert caught.value.request_id == "req_openai_1"


@pytest.mark.parametrize("parts", [[], TEXT[:1], [b": ping\n\n"] * 3])
async def test_a_model_that_does_not_begin_is_late(connect, parts):
    async with serve(stream([*parts, asyncio.Event()])) as server:
        with pytest.raises(ModelTimeout, match=r"did not begin to answer for 0\.05 seconds") as caught:
            await collect(connect(server, timeouts=Timeouts(first_token=0.05)))
        assert caught.value.sent
        await asyncio.wait_for(server.closed.wait(), 5)
    assert len(server.requests) == 1  # its time was used up


async def test_headers_that_never_come_are_late_too(connect):
    never = asyncio.Event()

    async def accept(reader, writer):
        await never.wait()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        server.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ModelTimeout, match="did not begin"):
            await collect(connect(server, timeouts=Timeouts(connect=0.05, first_token=0.05)))
        never.set()


async def test_a_model_that_falls_silent_is_late(connect):
    async with serve(stream([*TEXT[:3], asyncio.Event()])) as server:
        with pytest.raises(ModelTimeout, match=r"fell silent for 0\.05 seconds"):
            await collect(connect(server, timeouts=Timeouts(between_tokens=0.05)))


async def test_the_whole_call_has_its_limit(connect):
    async with serve(stream([*TEXT[:3], asyncio.Event()])) as server:
        with pytest.raises(ModelTimeout, match=r"not done within 0\.05 seconds"):
            await collect(connect(server, timeouts=Timeouts(total=0.05)))


async def test_a_slow_reader_is_not_taken_for_a_silent_model(connect):
    async with serve(stream(TEXT)) as server:
        provider = connect(server, timeouts=Timeouts(between_tokens=0.02))
        said = []
        async with aclosing(provider.stream("test", CHAT)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    said.append(event.text)
                    await asyncio.sleep(0.05)  # longer than the model may be silent
    assert "".join(said) == SAID


async def test_nobody_there_is_unavailable(connect):
    async with serve(stream(TEXT)) as server:
        pass
    with pytest.raises(ModelUnavailable, match="cannot be reached") as caught:
        await collect(connect(server))
    assert "sk-very-secret" not in str(caught.value)


async def test_a_connection_that_cannot_be_had_in_time_was_not_sent(connect):
    async with serve(stream([asyncio.Event()])) as server:
        provider = connect(server, connections=1, attempts=1, timeouts=Timeouts(connect=0.05))
        first = asyncio.create_task(collect(provider))
        await server.asked.wait()
        with pytest.raises(ModelTimeout, match="No connection") as caught:
            await collect(provider)
        assert not caught.value.sent
        assert provider.in_use == 1
        first.cancel()
        await asyncio.wait([first])
        assert provider.in_use == 0


async def test_closing_it_midway_closes_the_connection(connect):
    async with serve(stream([*TEXT[:3], asyncio.Event()])) as server:
        provider = connect(server)
        async with aclosing(provider.stream("test", CHAT)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    assert provider.in_use == 1
                    break
        await asyncio.wait_for(server.closed.wait(), 5)
        assert provider.in_use == 0


async def test_connections_are_kept_and_used_again(connect):
    async with serve(stream(TEXT)) as server:
        provider = connect(server)
        await collect(provider)
        await collect(provider, model="another")
        assert len({request.peer for request in server.requests}) == 1
        await provider.aclose()
        assert text(await collect(provider)) == SAID  # and it may be used again


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error": {"message": "Overloaded", "code": 503}}', ModelUnavailable),
        (b'{"error": {"message": "Slow down", "type": "rate_limit_error"}}', ModelRateLimited),
        (b'{"error": {"message": "No such key", "code": "invalid_api_key"}}', ModelRejected),
        (b'{"error": "a string"}', ModelUnavailable),
        (b"<html>Welcome</html>", ModelUnavailable),
        (b"", ModelUnavailable),
    ],
)
async def test_a_200_with_an_error_inside_is_an_error(connect, body, kind):
    async with serve(Reply([body], headers=HEADERS, content_type="application/json")) as server:
        with pytest.raises(kind):
            await collect(connect(server, attempts=1))


async def test_an_error_within_the_stream_is_one(connect):
    broken = chunk(choices=[])[:-2].replace(
        b'"choices"', b'"error":{"message":"Overloaded","code":529},"choices"'
    )
    async with serve(stream([*TEXT[:3], broken + b"\n\n"])) as server:
        with pytest.raises(ModelUnavailable, match="Overloaded"):
            await collect(connect(server))


async def test_redirects_are_not_followed(connect):
    async with serve(Reply([], 307, {"Location": "http://127.0.0.1:1/"})) as server:
        with pytest.raises(ModelUnavailable, match="redirect"):
            await collect(connect(server, attempts=1))
    assert len(server.requests) == 1


async def test_what_is_no_json_is_no_answer(connect):
    async with serve(stream([b"data: {oops\n\n", *END])) as server:
        with pytest.raises(ModelUnavailable, match="not a JSON object"):
            await collect(connect(server, attempts=1))
