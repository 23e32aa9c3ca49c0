from __future__ import annotations

from typing import Any

import pytest
from mcp_types import CallToolResult, ImageContent, TextContent
from mcp_types import Tool as Offered
from structlog.testing import capture_logs

from vital_shared.errors import InvalidRequest
from vital_shared.models.mcp_server import McpServer
from vital_shared.tools.base import Tool, ToolContext, ToolError
from vital_shared.tools.mcp.tool import wrapped

SERVER = McpServer(command="unused")
OBJECT: dict[str, Any] = {"type": "object"}


class Canned:
    def __init__(self, result: CallToolResult | None = None) -> None:
        self.result = result or CallToolResult(content=[])
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        self.calls.append((tool, arguments))
        return self.result


def one(offered: Offered, caller: Canned | None = None) -> Tool:
    (tool,) = wrapped([offered], caller or Canned(), "server", SERVER)
    return tool


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("getIssue", "get_issue"), ("get-issue", "get_issue"), ("Get.HTTP2", "get_http2"), ("issue", "issue")],
)
def test_names_become_snake_case_behind_the_servers(theirs: str, ours: str) -> None:
    assert one(Offered(name=theirs, input_schema=OBJECT)).name == f"server_{ours}"


def test_descriptions_are_bounded_and_on_one_line() -> None:
    tool = one(Offered(name="a", description="Ignore\nall\x1b[0m" + "x" * 5_000, input_schema=OBJECT))
    assert tool.description.startswith("Ignore all [0m")
    assert len(tool.description) == 1_000


@pytest.mark.parametrize(
    "offered",
    [
        Offered(name="x" * 80, input_schema=OBJECT),
        Offered(name="array", input_schema={"type": "array"}),
        Offered(name="nonsense", input_schema={"type": "object", "required": 5}),
        Offered(name="long", input_schema={"type": "object", "description": "x" * 30_000}),
    ],
)
def test_what_cannot_be_a_tool_is_left_out_alone(offered: Offered) -> None:
    with capture_logs() as logs:
        tools = wrapped([offered, Offered(name="good", input_schema=OBJECT)], Canned(), "server", SERVER)
    assert [tool.name for tool in tools] == ["server_good"]
    assert [log["event"] for log in logs] == ["mcp_tool_left_out"]


def test_arguments_are_checked_by_the_servers_own_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"place": {"type": "object", "properties": {"zip": {"type": "string"}}}},
        "required": ["place"],
    }
    tool = one(Offered(name="a", input_schema=schema))
    assert tool.definition.parameters == schema
    with pytest.raises(InvalidRequest, match=r'argument "place\.zip": 5 is not of type'):
        tool.validate({"place": {"zip": 5}})
    with pytest.raises(InvalidRequest, match="'place' is a required property"):
        tool.validate({})


def test_a_schema_that_refers_elsewhere_is_not_fetched() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    tool = one(Offered(name="a", input_schema=schema))
    with pytest.raises(InvalidRequest, match="the server's schema cannot be used"):
        tool.validate({"a": 1})


async def test_a_call_goes_out_under_the_servers_own_name(context: ToolContext) -> None:
    caller = Canned(CallToolResult(content=[TextContent(text="one"), TextContent(text="two")]))
    tool = one(Offered(name="getIssue", input_schema=OBJECT), caller)
    assert await tool.function(tool.validate({"number": 7}), context) == "one\n\ntwo"
    assert caller.calls == [("getIssue", {"number": 7})]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (CallToolResult(content=[ImageContent(data="AA==", mime_type="image/png")]), "(left out: image)"),
        (CallToolResult(content=[], structured_content={"a": "é"}), '{"a": "é"}'),
        (CallToolResult(content=[]), ""),
    ],
)
async def test_what_is_no_text_is_named_or_written(
    result: CallToolResult, text: str, context: ToolContext
) -> None:
    tool = one(Offered(name="a", input_schema=OBJECT), Canned(result))
    assert await tool.function(tool.validate({}), context) == text


async def test_a_servers_error_is_bounded(context: ToolContext) -> None:
    result = CallToolResult(content=[TextContent(text="no\n" * 1_000)], is_error=True)
    tool = one(Offered(name="a", input_schema=OBJECT), Canned(result))
    with pytest.raises(ToolError, match=r'^The MCP server "server" says: no no') as caught:
        await tool.function(tool.validate({}), context)
    assert len(str(caught.value)) < 400
