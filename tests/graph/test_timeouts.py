"""Timeouts of nodes."""

import asyncio

import pytest

from vital_shared.graph import (
    Graph,
    NodeTimeout,
    node,
)


async def test_a_value_in_time_is_the_value(prepare):
    class G(Graph):
        @node(timeout=2)
        async def a(self):
            await asyncio.sleep(1)
            return 1

    run = prepare(G)
    await run.execute()
    assert run.value("a") == 1


async def test_a_timeout_error_of_what_the_node_calls_is_a_failure(prepare, log):
    class G(Graph):
        @node(timeout=5)
        async def a(self):
            async with asyncio.timeout(1):
                await asyncio.sleep(2)

    with pytest.raises(TimeoutError) as raised:
        await prepare(G).execute()
    assert not isinstance(raised.value, NodeTimeout)
    assert log.of("a")[-1] == "failed"


async def test_a_node_that_answers_its_timeout_with_another_error_has_timed_out(prepare, log):
    class G(Graph):
        @node(timeout=1)
        async def a(self):
            try:
                await asyncio.sleep(2)
            except asyncio.CancelledError:
                raise ConnectionError("closed by the library") from None

    with pytest.raises(NodeTimeout) as raised:
        await prepare(G).execute()
    assert isinstance(raised.value.__cause__, ConnectionError)
    assert log.of("a")[-1] == "timeout"


async def test_cancelling_a_node_with_a_timeout_is_no_timeout(prepare, log):
    class G(Graph):
        @node(timeout=5)
        async def a(self):
            await asyncio.sleep(10)

    with pytest.raises(TimeoutError) as raised:
        async with asyncio.timeout(1):
            await prepare(G).execute()
    assert not isinstance(raised.value, NodeTimeout)
    assert log.of("a")[-1] == "cancelled"
