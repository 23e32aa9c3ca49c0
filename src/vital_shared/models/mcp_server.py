"""A server that speaks the Model Context Protocol, as the configuration names it."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from vital_shared.models.base import Frozen

__all__ = ["McpServer"]


class McpServer(Frozen):
    """``[mcp.<name>]``: either a command to start, which is spoken to over its pipes, or an address.

    Secrets are not in it: it names the environment's variables that hold them.
    """

    command: str | None = Field(default=None, min_length=1)
    """The program to start; it gets HOME, PATH, USER and the like, and what `env_names` names."""
    args: tuple[str, ...] = Field(default=(), strict=False)
    env_names: tuple[str, ...] = Field(default=(), strict=False)
    """Variables of our own environment that the program is given too."""
    url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """The address of a server that speaks streamable HTTP."""
    key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The variable that holds the key; it is sent as ``Authorization: Bearer``."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=600, strict=False)
    """The timeout of one call of a tool."""
    connect_seconds: float = Field(default=15.0, gt=0, le=120, strict=False)
    """The timeout for starting, greeting and listing the tools."""
    requires_approval: bool = True
    tools: tuple[str, ...] | None = Field(default=None, strict=False)
    """The server's own names of the tools that may be used; None: all."""

    @model_validator(mode="after")
    def _is_reached_in_one_way(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("a server has either a command or a url")
        if self.url is None and self.key_env is not None:
            raise ValueError("key_env belongs to a url: a command is given its variables by env_names")
        if self.command is None and (self.args or self.env_names):
            raise ValueError("args and env_names belong to a command")
        return self
