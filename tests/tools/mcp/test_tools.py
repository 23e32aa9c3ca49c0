from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from vital_shared.errors import ConfigurationError
from vital_shared.models.mcp_server import McpServer
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.testing import workflow_services
from vital_shared.tools.base import ToolContext
from vital_shared.tools.mcp.tools import McpTools
from vital_shared.tools.registry import MAX_RESULT_CHARACTERS, ToolRegistry

PROGRAM = str(Path(__file__).with_name("mcp_example.py"))
CONTEXT = ToolContext(tenant_id="acme", run_id="run-1")


def program(**fields: Any) -> McpServer:
    return McpServer(command=sys.executable, args=(PROGRAM,), **fields)


@asynccontextmanager
async def connected(
    servers: dict[str, McpServer], environ: dict[str, str] | None = None
) -> AsyncIterator[ToolRegistry]:
    tools = McpTools(servers, os.environ if environ is None else environ)
    try:
        yield ToolRegistry(await tools.connect())
    finally:
        await tools.aclose()


async def called(registry: ToolRegistry, tool: str, /, **arguments: Any) -> ToolResult:
    return await registry.run(ToolCall(id="call-1", name=tool, arguments=arguments), CONTEXT)


def is_there(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


async def test_the_tools_of_a_program_are_tools_of_ours() -> None:
    async with connected({"example": program()}) as registry:
        tool = registry.get("example_add_two")
        assert registry.names[:2] == ("example_add_two", "example_read_environment")
        assert (tool.description, tool.requires_approval, tool.cost_dollars) == ("Add two numbers.", True, 0)
        assert tool.definition.parameters["properties"]["second"]["maximum"] == 100
        result = await called(registry, "example_add_two", first=40, second=2)
        assert (result.status, result.content) == ("success", "42")
        process_id = int((await called(registry, "example_process_id")).content)
        cut = await called(registry, "example_long_text", characters=100_000)
        assert len(cut.content) == MAX_RESULT_CHARACTERS
    assert not is_there(process_id)


async def test_errors_are_reported_in_a_sentence_and_cost_no_connection() -> None:
    async with connected({"example": program()}) as registry:
        first = (await called(registry, "example_process_id")).content
        wrong = await called(registry, "example_add_two", first="forty")
        assert (
            wrong.error == "Tool \"example_add_two\": argument \"first\": 'forty' is not of type 'integer'."
        )
        large = await called(registry, "example_add_two", first=1, second=101)
        assert large.error is not None
        assert 'argument "second": 101 is greater than the maximum of 100' in large.error
        failed = await called(registry, "example_fail")
        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error.startswith('The MCP server "example" says: ')
        assert "The moon is full." in failed.error
        assert (await called(registry, "example_process_id")).content == first


async def test_a_program_is_given_the_variables_that_are_named_and_no_others() -> None:
    environ = {**os.environ, "GIVEN": "yes", "SECRET": "hidden"}
    async with connected({"example": program(env_names=("GIVEN",))}, environ) as registry:
        assert (await called(registry, "example_read_environment", name="GIVEN")).content == "yes"
        assert (await called(registry, "example_read_environment", name="SECRET")).content == "(not set)"


async def test_a_program_that_dies_midway_fails_the_call_and_is_started_anew() -> None:
    async with connected({"example": program()}) as registry:
        before = (await called(registry, "example_process_id")).content
        died = await called(registry, "example_die")
        assert died.status == "failed"
        assert died.error == 'The MCP server "example" cannot be reached, or has closed the connection.'
        again = await called(registry, "example_process_id")
        assert again.status == "success"
        assert again.content != before
        os.kill(int(again.content), signal.SIGKILL)
        while is_there(int(again.content)):  # noqa: ASYNC110 - the connection takes it in, and has no event
            await asyncio.sleep(0.01)
        # Whether the end of its pipe was read by now is chance: at most one call fails for it.
        calls = [await called(registry, "example_process_id") for _ in range(2)]
        assert calls[-1].status == "success"


async def test_a_slow_tool_ends_in_time_and_leaves_the_others_working() -> None:
    async with connected({"example": program(timeout_seconds=0.3)}) as registry:
        slow = await called(registry, "example_slow")
        assert (slow.status, slow.error) == ("timeout", 'The tool "example_slow" did not answer in time.')
        assert (await called(registry, "example_add_two", first=1)).content == "2"


async def test_a_cancelled_call_ends_at_once_and_leaves_the_others_working() -> None:
    async with connected({"example": program()}) as registry:
        call = asyncio.create_task(called(registry, "example_slow"))
        assert (await called(registry, "example_add_two", first=1)).content == "2"
        call.cancel()
        started = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert time.monotonic() - started < 1
        assert (await called(registry, "example_add_two", first=2)).content == "3"


async def test_only_the_tools_that_are_allowed_and_whose_names_are_free_are_there() -> None:
    tools = McpTools({"example": program(tools=("addTwo", "slow", "gone"))}, os.environ)
    try:
        with capture_logs() as logs:
            names = [tool.name for tool in await tools.connect(taken=("example_add_two",))]
        assert names == ["example_slow"]
        assert [(log["event"], log["tool"]) for log in logs] == [
            ("mcp_tool_missing", "gone"),
            ("mcp_tool_left_out", "example_add_two"),
        ]
    finally:
        await tools.aclose()


async def test_servers_that_are_down_cost_their_own_tools_alone() -> None:
    down = {
        "missing": McpServer(command="/does/not/exist"),
        "ending": McpServer(command=sys.executable, args=("-c", "raise SystemExit(3)")),
        "silent": McpServer(command=sys.executable, args=("-c", "input()"), connect_seconds=0.3),
        "nobody": McpServer(url="http://127.0.0.1:9/mcp"),
        "keyless": McpServer(url="http://127.0.0.1:9/mcp", key_env="NOWHERE"),
        "unset": program(env_names=("NOWHERE",)),
    }
    with capture_logs() as logs:
        async with connected({**down, "example": program(tools=("addTwo",))}) as registry:
            assert registry.names == ("example_add_two",)
    said = {log["server"]: log["reason"] for log in logs if log["event"] == "mcp_server_unavailable"}
    assert said.keys() == down.keys()
    for name in ("missing", "ending", "nobody"):
        assert said[name] == f'The MCP server "{name}" cannot be reached, or has closed the connection.'
    for name in ("keyless", "unset"):
        assert said[name] == (
            f'The MCP server "{name}" cannot be used: the environment variable NOWHERE is not set.'
        )


async def test_a_closed_connection_is_not_opened_again() -> None:
    async with connected({"example": program(tools=("addTwo",))}) as registry:
        pass
    result = await called(registry, "example_add_two", first=1)
    assert result.error == 'The connection to the MCP server "example" is closed.'


def test_a_server_needs_a_name_in_snake_case() -> None:
    with pytest.raises(ConfigurationError, match='"My Server" cannot be the name of an MCP server'):
        McpTools({"My Server": program()}, {})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"command": "a", "url": "http://127.0.0.1/"},
        {"command": "a", "key_env": "KEY"},
        {"url": "http://127.0.0.1/", "args": ("a",)},
        {"url": "ftp://127.0.0.1/"},
    ],
)
def test_a_server_is_reached_in_one_way(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        McpServer(**fields)


async def test_the_servers_of_the_configuration_are_connected_and_ended_with_the_services(
    tmp_path: Path,
) -> None:
    config = tmp_path / "vital.toml"
    config.write_text(
        f'[mcp.example]\ncommand = "{sys.executable}"\nargs = ["{PROGRAM}"]\ntools = ["process_id"]\n'
    )
    async with workflow_services(tmp_path, config=config) as services:
        assert "example_process_id" in services.tools.names
        process_id = int((await called(services.tools, "example_process_id")).content)
    assert not is_there(process_id)
