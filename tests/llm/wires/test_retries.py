"""What is tried again, when, and how often: never once a piece of the answer has come."""

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.llm.wires.conftest import CHAT, collect, text
from tests.llm.wires.servers.base import serve
from tests.llm.wires.servers.openai import SAID, TEXT, error, stream

from vital_shared.llm.base import ModelRateLimited, ModelRejected, ModelUnavailable


async def test_what_is_worth_it_is_tried_again_with_growing_waits(connect, waits):
    async with serve(error(500), error(503), stream(TEXT)) as server:
        assert text(await collect(connect(server))) == SAID
    assert waits == [0.5, 1.0]


async def test_the_waits_are_jittered(connect, waits):
    async with serve(error(500), stream(TEXT)) as server:
        await collect(connect(server, jitter=lambda: 0.25))
    assert waits == [0.125]


async def test_it_is_not_tried_for_ever(connect, waits):
    async with serve(error(500)) as server:
        with pytest.raises(ModelUnavailable):
            await collect(connect(server, attempts=3))
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_what_is_rejected_is_not_tried_again(connect, status):
    async with serve(error(status), stream(TEXT)) as server:
        with pytest.raises(ModelRejected):
            await collect(connect(server))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        (lambda: {"Retry-After": "3"}, 3, 4),
        (lambda: {"retry-after-ms": "1500", "Retry-After": "9"}, 1.5, 2.5),
        (
            lambda: {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=15), usegmt=True)},
            5,
            16,
        ),
    ],
)
async def test_retry_after_is_kept_to(connect, waits, headers, low, high):
    async with serve(error(429, headers=headers()), stream(TEXT)) as server:
        assert text(await collect(connect(server))) == SAID
    assert low <= waits[0] <= high


async def test_a_caller_that_has_to_wait_long_gives_way_to_another_model_at_once(connect, waits):
    async with serve(error(429, headers={"Retry-After": "3600"})) as server:
        with pytest.raises(ModelRateLimited) as caught:
            await collect(connect(server))
    assert caught.value.retry_after_seconds == 3600
    assert waits == []


async def test_used_up_credit_is_nothing_to_wait_for(connect):
    async with serve(error(429, kind="insufficient_quota", code="insufficient_quota")) as server:
        with pytest.raises(ModelRejected, match="no credit"):
            await collect(connect(server))


async def test_a_stream_that_breaks_in_the_middle_is_not_begun_again(connect):
    async with serve(stream([*TEXT[:3], ConnectionError]), stream(TEXT)) as server:
        provider, seen = connect(server), []

        async def read():
            async with aclosing(provider.stream("test", CHAT)) as events:
                async for event in events:
                    seen.append(event)  # noqa: PERF401 - what came before the error counts

        with pytest.raises(ModelUnavailable, match="broke off"):
            await read()
    assert text(seen) == "It takes "
    assert len(server.requests) == 1


async def test_a_connection_that_breaks_before_the_first_text_is_tried_again(connect):
    async with serve(stream([TEXT[0], ConnectionError]), stream(TEXT)) as server:
        assert text(await collect(connect(server))) == SAID
