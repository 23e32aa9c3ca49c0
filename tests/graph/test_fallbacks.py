"""A fallback gives the value of a node that failed."""

import asyncio

import pytest

from vital_shared.graph import (
    Degradation,
    Graph,
    NodeTimeout,
    Pause,
    Retry,
    Skip,
    node,
)


def with_fallback(fallback_does, **declared):
    class G(Graph):
        inputs = ("x", "y")

        async def _other(self, y, *, x):
            return await fallback_does(x, y)

        @node(fallback=_other, degradation="llm_fallback", **declared)
        async def a(self, x, y):
            await asyncio.sleep(x)
            raise ValueError("first choice")

        @node
        async def b(self, a="default"):
            return a

    return G


async def test_a_fallback_gives_the_value_and_the_run_is_degraded(prepare, log):
    async def does(x, y):
        return (x, y)

    run = prepare(with_fallback(does), x=1, y=2)
    await run.execute()
    assert run.value("b") == (1, 2)
    assert run.degradations == [Degradation("a", "llm_fallback", "ValueError: first choice")]
    assert log.of("a") == ["start", "success"]


async def test_a_fallback_after_a_timeout_states_its_own_reason(prepare):
    async def does(x, y):
        return "other"

    run = prepare(with_fallback(does, timeout=1, on_timeout="llm_timeout"), x=2, y=2)
    await run.execute()
    assert run.value("b") == "other"
    assert [degradation.reason for degradation in run.degradations] == ["llm_timeout"]


async def test_a_fallback_that_fails_fails_the_node_and_states_both_errors(prepare):
    async def does(x, y):
        raise KeyError("second choice")

    run = prepare(with_fallback(does), x=1, y=2)
    with pytest.raises(KeyError, match="second choice") as raised:
        await run.execute()
    assert str(raised.value.__context__) == "first choice"
    assert run.degradations == []


async def test_a_fallback_that_fails_degrades_an_optional_node_once(prepare):
    async def does(x, y):
        raise KeyError("second choice")

    run = prepare(with_fallback(does, optional=True), x=1, y=2)
    await run.execute()
    assert run.value("b") == "default"
    assert run.degradations == [Degradation("a", "llm_fallback", "KeyError: 'second choice'")]


async def test_a_fallback_that_hangs_is_ended_by_the_same_timeout(prepare):
    async def does(x, y):
        await asyncio.sleep(100)

    run = prepare(with_fallback(does, timeout=3), x=1, y=2)
    with pytest.raises(NodeTimeout):
        await run.execute()
    assert run.seconds == 4


async def test_a_fallback_comes_after_the_last_attempt(prepare):
    async def does(x, y):
        return "other"

    run = prepare(
        with_fallback(does, retry=Retry(on=(ValueError,), attempts=2, backoff_seconds=1, jitter=0)), x=0, y=2
    )
    await run.execute()
    assert (run.value("b"), run.seconds) == ("other", 1)


async def test_pauses_and_skips_have_no_fallback(prepare):
    class G(Graph):
        async def _other(self):
            return "other"

        @node(pauses=True, fallback=_other)
        async def a(self) -> str:
            raise Pause("please")

        @node(optional=True, fallback=_other)
        async def b(self) -> str:
            raise Skip

    run = prepare(G)
    await run.execute()
    assert run.paused == {"a": "please"}
    assert run.value("b") is None


async def test_a_fallback_gets_the_nodes_default_for_what_a_subclass_dropped(prepare):
    class G(Graph):
        @node(optional=True)
        async def extra(self):
            return "extra"

        async def _other(self, extra):
            return extra

        @node(fallback=_other)
        async def a(self, extra="default"):
            raise ValueError

    class Less(G):
        extra = None

    for graph, value in ((G, "extra"), (Less, "default")):
        run = prepare(graph)
        await run.execute()
        assert run.value("a") == value
