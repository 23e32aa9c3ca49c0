"""Make a tool of ours from one of an MCP server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, ClassVar, Final, Protocol

from jsonschema import Draft202012Validator, SchemaError  # type: ignore[import-untyped]  # has no types
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]  # has no types
from jsonschema.validators import validator_for  # type: ignore[import-untyped]  # has no types
from mcp_types import CallToolResult, EmbeddedResource, TextContent, TextResourceContents
from mcp_types import Tool as Offered
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, from_json
from referencing import Registry

from vital_shared.errors import ConfigurationError
from vital_shared.logs import get_logger
from vital_shared.models.mcp_server import McpServer
from vital_shared.tools.base import Tool, ToolContext, ToolError

__all__ = ["JsonArguments", "wrapped"]

_MAX_TOOLS: Final = 100
_MAX_DESCRIPTION_CHARACTERS: Final = 1_000
_MAX_SCHEMA_CHARACTERS: Final = 20_000
_MAX_ERROR_CHARACTERS: Final = 300

logger = get_logger(__name__)


class ToolCaller(Protocol):
    """The interface of `vital_shared.tools.mcp.connection.McpConnection`: calls of tools."""

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool."""
        ...


class JsonArguments(BaseModel):
    """Arguments that follow a JSON schema that came from elsewhere."""

    model_config = ConfigDict(frozen=True)

    foreign_schema: ClassVar[dict[str, Any]]
    validator: ClassVar[Any]

    values: dict[str, Any]

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
        """Return the schema as the server wrote it."""
        return cls.foreign_schema

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_: Any) -> JsonArguments:
        """Check arguments against the schema.

        :raises ValidationError: naming the argument.
        """
        values = from_json(json_data)
        try:
            error = best_match(cls.validator.iter_errors(values))
        except Exception as unusable:  # a schema may refer to what is not there, or never end
            raise cls._invalid("the server's schema cannot be used", ()) from unusable
        if error is not None:
            raise cls._invalid(error.message[:_MAX_ERROR_CHARACTERS], tuple(error.absolute_path))
        return cls.model_construct(values=values)

    @classmethod
    def _invalid(cls, message: str, place: tuple[str | int, ...]) -> ValidationError:
        kind = PydanticCustomError("json_schema", "{why}", {"why": message})
        return ValidationError.from_exception_data(
            cls.__name__, [InitErrorDetails(type=kind, loc=place, input=None)]
        )


def wrapped(
    offered: Iterable[Offered], caller: ToolCaller, server_name: str, server: McpServer
) -> tuple[Tool, ...]:
    """Make tools of those that may be used; what cannot be a tool is logged, and left out."""
    allowed = [tool for tool in offered if server.tools is None or tool.name in server.tools]
    for name in set(server.tools or ()) - {tool.name for tool in allowed}:
        logger.warning("mcp_tool_missing", server=server_name, tool=name)
    tools = []
    for tool in allowed[:_MAX_TOOLS]:
        try:
            tools.append(_tool(tool, caller, server_name, server))
        except (ConfigurationError, SchemaError, ValueError, RecursionError) as error:
            logger.warning(
                "mcp_tool_left_out", server=server_name, tool=tool.name[:64], reason=type(error).__name__
            )
    return tuple(tools)


def _tool(offered: Offered, caller: ToolCaller, server_name: str, server: McpServer) -> Tool:
    async def call(arguments: BaseModel, _context: ToolContext) -> str:
        values = arguments.values if isinstance(arguments, JsonArguments) else arguments.model_dump()
        return _text(await caller.call(offered.name, values), server_name)

    return Tool(
        name=f"{server_name}_{_snake_case(offered.name)}",
        description=_description(offered),
        arguments=_arguments(offered),
        function=call,
        timeout_seconds=server.timeout_seconds,
        requires_approval=server.requires_approval,
    )


def _snake_case(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def _description(offered: Offered) -> str:
    text = offered.description or offered.title or offered.name
    return "".join(each if each.isprintable() else " " for each in text[:_MAX_DESCRIPTION_CHARACTERS]).strip()


def _arguments(offered: Offered) -> type[JsonArguments]:
    schema = offered.input_schema
    if schema.get("type") != "object":
        raise ValueError("its arguments are not an object")
    if len(json.dumps(schema)) > _MAX_SCHEMA_CHARACTERS:
        raise ValueError("its schema is too long")
    kind = validator_for(schema, default=Draft202012Validator)
    kind.check_schema(schema)
    # A registry of its own, since the default one fetches what a schema refers to.
    validator = kind(schema, registry=Registry())
    return type("JsonArguments", (JsonArguments,), {"foreign_schema": schema, "validator": validator})


def _text(result: CallToolResult, server_name: str) -> str:
    """Write a result as text; what is no text is named.

    :raises ToolError: when the tool says that it failed.
    """
    written = "\n\n".join(_block(block) for block in result.content)
    if result.is_error:
        why = " ".join(written.split())[:_MAX_ERROR_CHARACTERS] or "it does not say why"
        raise ToolError(f'The MCP server "{server_name}" says: {why}')
    if not written and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return written


def _block(block: Any) -> str:
    match block:
        case TextContent(text=text) | EmbeddedResource(resource=TextResourceContents(text=text)):
            return str(text)
    return f"(left out: {block.type})"
