"""Nodes that stream."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from vital_shared.graph import (
    Done,
    Graph,
    NodeError,
    NodeTimeout,
    PlanWarning,
    Retry,
    node,
)

with pytest.warns(PlanWarning, match="has a line behind yield Done"):

    class Stream(Graph):
        inputs = ("count",)

        def __init__(self):
            self.events = []

        @node
        async def tokens(self, count):
            try:
                for number in range(count):
                    await asyncio.sleep(1)
                    self.events.append(f"made {number}")
                    yield number
                yield Done("the whole")
                raise AssertionError("went on after Done")
            finally:
                await asyncio.sleep(0.5)
                self.events.append("closed")

        @node
        async def after(self, tokens):
            return tokens.upper()


async def test_chunks_reach_the_caller_at_once_and_done_is_the_value(prepare):
    got = []

    async def deliver(of, chunk, item):
        got.append((of.name, chunk, asyncio.get_running_loop().time()))

    run = prepare(Stream, {"deliver": deliver}, count=3)
    await run.execute()
    assert got == [("tokens", 0, 1), ("tokens", 1, 2), ("tokens", 2, 3)]
    assert run.value("after") == "THE WHOLE"
    assert run.seconds == 3.5


async def test_nobody_has_to_listen(prepare):
    run = prepare(Stream, count=3)
    await run.execute()
    assert run.value("after") == "THE WHOLE"


async def test_a_stream_without_done_is_an_error(prepare):
    class G(Graph):
        @node
        async def a(self):
            yield 1

    with pytest.raises(NodeError, match=r"node 'a' ended without Done\(value\)"):
        await prepare(G).execute()


class Words(Graph):
    inputs = ("words",)

    @node
    async def text(self, words: tuple[str, ...]) -> AsyncIterator[str]:
        for word in words:
            yield word

    @node
    async def after(self, text: str) -> str:
        return text.upper()


@pytest.mark.parametrize("words", [("It ", "is ", "so."), ("",), ()])
async def test_chunks_of_text_alone_are_the_value_together(prepare, words):
    run = prepare(Words, words=words)
    await run.execute()
    assert run.value("text") == "".join(words)
    assert run.value("after") == "".join(words).upper()


async def test_a_stream_of_text_may_still_end_with_another_value(prepare):
    class Corrected(Words):
        async def text(self, words: tuple[str, ...]) -> AsyncIterator[str | Done[str]]:
            for word in words:
                yield word
            yield Done("Corrected.")

    run = prepare(Corrected, words=("It ", "is."))
    await run.execute()
    assert run.value("text") == "Corrected."


async def test_a_stream_that_promises_a_value_still_has_to_give_it(prepare):
    class Forgets(Graph):
        @node
        async def text(self) -> AsyncIterator[str | Done[str]]:
            yield "It is so."

    with pytest.raises(NodeError, match=r"node 'text' ended without Done\(value\): yield that last, or"):
        await prepare(Forgets).execute()


@pytest.mark.parametrize("piece", [b"It", 5, None])
async def test_a_stream_whose_value_is_its_text_takes_nothing_else(prepare, piece):
    class Odd(Graph):
        @node
        async def text(self) -> AsyncIterator[str]:
            yield "It is "
            yield piece

    shown = []

    async def deliver(of, chunk, item):
        shown.append(chunk)

    said = rf"node 'text' \(.*test_streams\.py:\d+\) yields {type(piece).__name__}, and its value is the text"
    with pytest.raises(NodeError, match=said):
        await prepare(Odd, {"deliver": deliver}).execute()
    assert shown == ["It is "]


async def test_a_slow_reader_slows_the_stream(prepare):
    target = Stream()

    async def deliver(of, chunk, item):
        await asyncio.sleep(9)
        target.events.append(f"read {chunk}")

    await prepare(target, {"deliver": deliver}, count=2).execute()
    assert target.events == ["made 0", "read 0", "made 1", "read 1", "closed"]


async def test_a_reader_that_fails_fails_the_node_and_closes_the_generator(prepare):
    target = Stream()

    async def deliver(of, chunk, item):
        raise ConnectionError("gone")

    run = prepare(target, {"deliver": deliver}, count=2)
    with pytest.raises(ConnectionError, match="gone"):
        await run.execute()
    assert target.events == ["made 0", "closed"]
    assert run.failed_node.name == "tokens"


@pytest.mark.parametrize("reader_waits", [False, True])
async def test_a_cancelled_stream_is_closed(prepare, reader_waits):
    target = Stream()

    async def deliver(of, chunk, item):
        if reader_waits:
            await asyncio.sleep(100)

    task = asyncio.create_task(prepare(target, {"deliver": deliver}, count=200).execute())
    await asyncio.sleep(1.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert target.events == ["made 0", "closed"]


async def test_a_stream_that_fails_before_its_first_chunk_is_tried_again(prepare):
    class G(Graph):
        def __init__(self):
            self.attempts = 0

        @node(retry=Retry(on=(ValueError,), backoff_seconds=0))
        async def a(self):
            self.attempts += 1
            if self.attempts < 3:
                raise ValueError
            yield "chunk"
            yield Done(self.attempts)

    run = prepare(G)
    await run.execute()
    assert run.value("a") == 3


@pytest.mark.parametrize("heard", [False, True])
async def test_what_was_shown_is_not_taken_back(prepare, heard):
    class G(Graph):
        def __init__(self):
            self.attempts = 0

        async def _other(self):
            raise AssertionError("a second answer behind half of the first")

        @node(retry=Retry(on=(ValueError,)), fallback=_other)
        async def a(self):
            self.attempts += 1
            yield "half"
            raise ValueError("broke off")

    async def deliver(of, chunk, item):
        pass

    target = G()
    with pytest.raises(ValueError, match="broke off"):
        await prepare(target, {"deliver": deliver if heard else None}).execute()
    assert target.attempts == 1


async def test_a_stream_may_time_out_and_is_closed(prepare, log):
    class G(Stream):
        @node(timeout=1.5)
        async def tokens(self, count):
            async for chunk in super().tokens(count):
                yield chunk

    target = G()
    with pytest.raises(NodeTimeout):
        await prepare(target, count=9).execute()
    assert target.events == ["made 0", "closed"]
    assert log.of("tokens")[-1] == "timeout"


@pytest.mark.parametrize("is_delivered", [True, False])
async def test_a_stream_that_waits_for_nothing_leaves_the_loop_its_turns_and_can_be_cancelled(
    prepare, is_delivered
):
    begun, yielded = asyncio.Event(), 0

    class G(Graph):
        @node
        async def a(self):
            nonlocal yielded
            begun.set()
            while yielded < 100_000:  # without end, but for a test that fails
                yielded += 1
                yield yielded
            yield Done(yielded)

    async def deliver(node, chunk, item):
        pass

    running = asyncio.create_task(prepare(G, {"deliver": deliver if is_delivered else None}).execute())
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert yielded < 1_000
