"""The one file of configuration, in TOML: providers, models, MCP servers, own parts; all is optional.

Keys are never in it: it names the environment's variables that hold them.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from vital_shared.billing.pricing import Price
from vital_shared.errors import ConfigurationError
from vital_shared.models.base import Frozen
from vital_shared.models.durability import Durability
from vital_shared.models.mcp_server import McpServer

__all__ = ["Configuration", "ModelTable", "ProviderTable", "load_configuration"]


class ProviderTable(Frozen):
    """``[providers.<name>]``: what differs from the built-in provider of that name, or a new one."""

    wire: Literal["openai", "anthropic", "gemini", "azure", "pydantic-ai"] | None = None
    """Its protocol; a new provider needs one. ``pydantic-ai`` is for what we have none for (bedrock, …)."""
    base_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    key_env: str | None = Field(default=None, pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    """The environment's variable that holds the key; empty for a provider that wants none."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Additional headers of each request; nothing secret."""
    api_version: str | None = None
    """Azure's."""
    connect_seconds: float = Field(default=5.0, gt=0, strict=False)
    first_token_seconds: float = Field(default=30.0, gt=0, strict=False)
    between_tokens_seconds: float = Field(default=20.0, gt=0, strict=False)
    total_seconds: float = Field(default=180.0, gt=0, strict=False)
    attempts: int = Field(default=3, ge=1, le=10)
    connections: int = Field(default=500, ge=1, le=10_000)


class ModelTable(Frozen):
    """``[models."provider:model"]``."""

    context_tokens: int | None = Field(default=None, ge=1_000)
    """Tokens of prompt and answer together."""
    max_output_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2, strict=False)
    calls_tools: bool = True
    options: dict[str, Any] = Field(default_factory=dict)
    """Additional fields of the provider's own request."""
    price: Price | None = None
    """Dollars per million tokens; None: the table's."""


class WorkflowTable(Frozen):
    """A workflow that is served, with settings of its own."""

    target: str = Field(validation_alias="class")
    """The class: ``module:Class`` or ``file.py:Class``."""
    durable: Durability | None = None
    """The part of its runs that outlives their process; None: as the class has it."""

    @model_validator(mode="before")
    @classmethod
    def _take_a_name(cls, value: object) -> object:
        """Take the class alone, as text, for a table."""
        return {"class": value} if isinstance(value, str) else value


class Configuration(Frozen):
    """The whole file."""

    providers: dict[str, ProviderTable] = Field(default_factory=dict)
    models: dict[str, ModelTable] = Field(default_factory=dict)
    mcp: dict[str, McpServer] = Field(default_factory=dict)
    workflows: dict[str, WorkflowTable] = Field(default_factory=dict)
    """The classes that the service runs, by name: ``module:Class`` or ``file.py:Class``, or tables."""
    tools: dict[str, str] = Field(default_factory=dict)
    """Tools of one's own, by name: ``module:name`` or ``file.py:name``."""
    sources: dict[str, str] = Field(default_factory=dict)
    """RAG sources of one's own, in the same way."""
    agents: dict[str, str] = Field(default_factory=dict)
    """Profiles of agents that are shared by all tenants, by id, in the same way."""


def load_configuration(path: Path | None) -> Configuration:
    """Read the file; None: there is none.

    :raises ConfigurationError: when it cannot be read, naming the file, the place and what to do.
    """
    if path is None:
        return Configuration()
    try:
        tables = tomllib.loads(
            path.read_text(encoding="utf-8-sig")
        )  # editors on Windows begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The configuration {path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"The configuration {path} is no TOML: {error}.") from error
    except RecursionError as error:
        raise ConfigurationError(f"The configuration {path} is nested too deeply: see the guide.") from error
    _refuse_keys(tables, path)
    try:
        return Configuration.model_validate(tables)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f'The configuration {path} is wrong at "{place}": {_what(first["type"], first["msg"], place)}.'
        ) from error


def _refuse_keys(tables: dict[str, Any], path: Path) -> None:
    """Refuse a key in the file itself before anything of it could be shown."""
    kinds = {kind: tables[kind] for kind in ("providers", "mcp") if isinstance(tables.get(kind), dict)}
    named = ((f"{kind}.{name}", table) for kind, each in kinds.items() for name, table in each.items())
    for place, table in named:
        for field in table if isinstance(table, dict) else ():
            if field in ("key", "api_key", "token", "secret", "password"):
                raise ConfigurationError(
                    f'The configuration {path} has a "{field}" at "{place}": keys belong into the '
                    'environment; put the name of the variable that holds it as "key_env".'
                )


def _what(kind: str, message: str, place: str) -> str:
    if kind != "extra_forbidden":
        return message
    tables: dict[str, type[Frozen]] = {
        "providers": ProviderTable,
        "models": ModelTable,
        "mcp": McpServer,
        "workflows": WorkflowTable,
    }
    table = tables.get(place.partition(".")[0], Configuration) if "." in place else Configuration
    near = get_close_matches(place.rpartition(".")[2], table.model_fields, n=1)
    known = f'did you mean "{near[0]}"' if near else f"it may have {', '.join(table.model_fields)}"
    return f"there is no such setting; {known}"
