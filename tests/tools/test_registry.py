from __future__ import annotations

import asyncio
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from structlog.testing import capture_logs

from vital_shared.errors import ConfigurationError, InvalidRequest, NotFound
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.testing import passage
from vital_shared.tools.base import Found, Tool, ToolContext, ToolError, tool
from vital_shared.tools.registry import MAX_RESULT_CHARACTERS, ToolRegistry


# A tool of one's own, in ten lines.
@tool(cost_dollars=Decimal("0.01"), timeout_seconds=1)
async def dilute(start: float, factor: float) -> str:
    """Concentration after a dilution."""
    if factor <= 0:
        raise ToolError("A dilution factor is above 0.")
    return f"{start / factor:g}"


@tool(cost_dollars=Decimal("0.01"))
async def leak() -> str:
    """Fail with a secret."""
    raise RuntimeError("password=hunter2")


@tool()
async def number() -> str:
    """Return no text."""
    return 42  # type: ignore[return-value]  # the mistake under test


@tool()
async def megabyte() -> str:
    """Return too much."""
    return "x" * 1_000_000


@tool()
async def strange() -> str:
    """Return what is no UTF-8 and what Postgres does not store."""
    return "a\0b\ud800c"


def call_of(tool: Tool, **arguments: Any) -> ToolCall:
    return ToolCall(id="call-1", name=tool.name, arguments=arguments)


async def run(tool: Tool, context: ToolContext, **arguments: Any) -> ToolResult:
    return await ToolRegistry([tool]).run(call_of(tool, **arguments), context)


def test_names_come_in_the_order_given() -> None:
    registry = ToolRegistry([leak, dilute])
    assert registry.names == ("leak", "dilute")
    assert tuple(registry) == (leak, dilute)
    assert [definition.name for definition in registry.definitions()] == ["leak", "dilute"]


def test_two_tools_with_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match='Two tools are called "dilute"'):
        ToolRegistry([dilute, leak, dilute])


def test_an_unknown_tool_is_not_found_and_the_others_are_named() -> None:
    with pytest.raises(NotFound, match=r'no tool "nothing"; the tools are: dilute, leak\.') as caught:
        ToolRegistry([dilute, leak]).get("nothing")
    assert caught.value.field == "requested_tools"


def test_arguments_are_checked_before_a_call() -> None:
    with pytest.raises(InvalidRequest, match=r'"dilute".*"factor"'):
        ToolRegistry([dilute]).validate("dilute", {"start": 1.0})


async def test_a_call_gives_text_duration_and_cost(context: ToolContext) -> None:
    ticks = count(start=10, step=3)
    registry = ToolRegistry([dilute], clock=lambda: float(next(ticks)))
    result = await registry.run(call_of(dilute, start=10.0, factor=4.0), context)
    assert result == ToolResult(
        id="call-1",
        name="dilute",
        arguments={"start": 10.0, "factor": 4.0},
        status="success",
        content="2.5",
        duration_seconds=3.0,
        cost_dollars=Decimal("0.01"),
    )


async def test_a_tool_says_in_its_own_words_why_it_failed(context: ToolContext) -> None:
    result = await run(dilute, context, start=1.0, factor=0.0)
    assert (result.status, result.error, result.content) == ("failed", "A dilution factor is above 0.", "")


async def test_any_other_exception_stays_in_the_log(context: ToolContext) -> None:
    with capture_logs() as logs:
        result = await run(leak, context)
    assert (result.status, result.error) == ("failed", 'The tool "leak" failed (RuntimeError).')
    assert result.cost_dollars == Decimal("0.01"), "it ran, so it is charged"
    assert logs[0]["event"] == "tool_failed"
    assert (logs[0]["tool"], logs[0]["tenant_id"], logs[0]["run_id"]) == ("leak", "acme", "run-1")
    assert "RuntimeError" in logs[0]["exception"]
    assert "hunter2" not in str(logs)


@pytest.mark.parametrize(
    "call",
    [
        ToolCall(id="call-1", name="dilute", arguments={"start": 1.0}),
        ToolCall(id="call-1", name="no_such_tool", arguments={}),
    ],
)
async def test_a_call_that_cannot_be_fails_without_a_charge(call: ToolCall, context: ToolContext) -> None:
    result = await ToolRegistry([dilute]).run(call, context)
    assert (result.status, result.cost_dollars) == ("failed", Decimal(0))
    assert result.error is not None
    assert call.name in result.error


async def test_a_tool_that_hangs_times_out_and_is_cancelled(context: ToolContext) -> None:
    cancelled = asyncio.Event()

    @tool(timeout_seconds=0.01, cost_dollars=Decimal(1))
    async def hang() -> str:
        """Never answer."""
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return ""

    result = await run(hang, context)
    assert (result.status, result.error) == ("timeout", 'The tool "hang" did not answer in time.')
    assert result.cost_dollars == 1
    assert cancelled.is_set()


async def test_a_timeout_within_the_tool_counts_as_one(context: ToolContext) -> None:
    @tool()
    async def impatient() -> str:
        """Give up."""
        raise TimeoutError

    assert (await run(impatient, context)).status == "timeout"


async def test_cancelling_the_run_reaches_the_tool_and_passes_through(context: ToolContext) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    @tool()
    async def wait() -> str:
        """Wait for ever."""
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return ""

    running = asyncio.create_task(run(wait, context))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert cancelled.is_set()


async def test_a_result_that_is_no_text_is_a_failure(context: ToolContext) -> None:
    result = await run(number, context)
    assert (result.status, result.error) == ("failed", "The tool returned int where text was expected.")


async def test_a_long_result_is_cut_and_says_so(context: ToolContext) -> None:
    result = await run(megabyte, context)
    assert result.status == "success"
    assert len(result.content) == MAX_RESULT_CHARACTERS
    assert result.content.endswith("x\n… (truncated)")


async def test_a_result_can_always_be_stored_and_sent(context: ToolContext) -> None:
    result = await run(strange, context)
    assert result.content == "a\ufffdb\ufffdc"
    assert ToolResult.model_validate_json(result.model_dump_json()) == result


async def test_an_error_and_passages_can_always_be_stored_and_sent(context: ToolContext) -> None:
    @tool()
    async def odd_error() -> str:
        """Fail in many odd words."""
        raise ToolError("\ud800\0" * 10_000)

    @tool()
    async def odd_passages() -> Found:
        """Find a passage from an odd place."""
        found = passage("text", id="p\0")
        return Found(text="x", passages=(found.model_copy(update={"uri": "\ud800", "section": "s" * 9_999}),))

    for each in (odd_error, odd_passages):
        result = await run(each, context)
        assert len(result.model_dump_json()) < 5_000
        assert "\0" not in result.model_dump_json()


async def test_a_cancellation_that_is_not_the_runs_is_a_failure_of_the_tool(context: ToolContext) -> None:
    @tool()
    async def breaks_off() -> str:
        """Wait for what somebody else has cancelled."""
        waited = asyncio.get_running_loop().create_future()
        waited.cancel()
        return str(await waited)

    result = await run(breaks_off, context)
    assert (result.status, result.error) == ("failed", 'The tool "breaks_off" broke off.')


async def test_nothing_around_a_tool_fails_the_run(context: ToolContext, monkeypatch) -> None:
    def broken(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("vital_shared.tools.registry._charge", broken)
    result = await run(dilute, context, start=1.0, factor=2.0)
    assert (result.status, result.error) == ("failed", 'The call of the tool "dilute" failed.')
