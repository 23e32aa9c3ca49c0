"""The channel between the supervisor and a worker."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ai_engine.supervisor import channel as channel_module
from ai_engine.supervisor.channel import ChannelClosed, Topic, WorkerChannel


async def echo(topic: Topic, body: bytes) -> bytes:
    return topic.name.encode() + b":" + body


@asynccontextmanager
async def pair(handle=echo) -> AsyncIterator[tuple[WorkerChannel, WorkerChannel, list[asyncio.Task[None]]]]:
    ends = socket.socketpair()
    one, other = [await WorkerChannel.open(end) for end in ends]
    serving = [asyncio.create_task(one.serve(echo)), asyncio.create_task(other.serve(handle))]
    yield one, other, serving
    await one.aclose()
    await asyncio.wait_for(asyncio.gather(*serving), 10)


async def test_both_sides_ask_at_once_and_each_gets_its_own_answers():
    async with pair() as (one, other, _):
        bodies = [bytes([n]) * n * 1000 for n in range(100)]
        asked = [each.ask(Topic.SNAPSHOT, body) for body in bodies for each in (one, other)]
        expected = [b"SNAPSHOT:" + body for body in bodies for _ in range(2)]
        assert await asyncio.gather(*asked) == expected


async def test_a_slow_answer_does_not_hold_up_the_others():
    gate = asyncio.Event()

    async def slow(topic: Topic, body: bytes) -> bytes:
        if body == b"slow":
            await gate.wait()
        return body

    async with pair(slow) as (one, _, _):
        waiting = asyncio.create_task(one.ask(Topic.METRICS, b"slow"))
        assert await one.ask(Topic.METRICS, b"quick") == b"quick"
        gate.set()
        assert await waiting == b"slow"


async def test_what_cannot_be_answered_is_answered_with_nothing():
    async def fail(topic: Topic, body: bytes) -> bytes:
        raise RuntimeError("no")

    async with pair(fail) as (one, _, _):
        assert await one.ask(Topic.SNAPSHOT) == b""


async def test_an_answer_that_nobody_waits_for_any_more_is_dropped():
    gate = asyncio.Event()

    async def slow(topic: Topic, body: bytes) -> bytes:
        await gate.wait()
        return body

    async with pair(slow) as (one, _, _):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.ask(Topic.SNAPSHOT, b"first"), 0)
        gate.set()
        assert await one.ask(Topic.SNAPSHOT, b"second") == b"second"


async def test_who_waits_is_reported_when_the_other_side_is_gone():
    gone = asyncio.Event()

    async def never(topic: Topic, body: bytes) -> bytes:
        gone.set()
        return await asyncio.Event().wait() or b""

    async with pair(never) as (one, _, serving):
        waiting = asyncio.create_task(one.ask(Topic.SNAPSHOT))
        await gone.wait()
        serving[1].cancel()
        with pytest.raises(ChannelClosed):
            await waiting
        with pytest.raises(ChannelClosed):
            await one.ask(Topic.SNAPSHOT)
        one.send(Topic.STOP)  # is for nobody, and no error
        serving.pop()


@pytest.mark.parametrize("head", [(2**31, Topic.SNAPSHOT, 1), (3, 99, 1)])
async def test_what_is_no_message_of_ours_ends_the_channel(head):
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(channel_module._head.pack(*head) + b"abc")
        channel = await WorkerChannel.open(ours)
        await asyncio.wait_for(channel.serve(echo), 10)
        with pytest.raises(ChannelClosed):
            await channel.ask(Topic.SNAPSHOT)
